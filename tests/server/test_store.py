"""The folder of a store: the lock, the way of a chunk, what is swept."""

import errno

import pytest

from mosaico_ingest.errors import StoreError, StoreFullError, StoreLockedError
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.store import full_disk_is_told

pytestmark = pytest.mark.folder


@pytest.fixture
def store(tmp_path):
    """Give an empty store."""
    with FolderStore(tmp_path / "store") as store:
        yield store


def write(store, path, data=b"data"):
    with store.create(path) as sink:
        sink.write(data)


def names(store):
    return {str(p.relative_to(store.root / "chunks")) for p in (store.root / "chunks").rglob("*.*")}


def test_lock(store):
    """A store is held once, and free again when it is closed."""
    with pytest.raises(StoreLockedError) as caught:
        FolderStore(store.root)
    store.close()
    store.close()

    assert str(store.root) == caught.value.path
    FolderStore(store.root).close()


def test_name_comes_last(store):
    """A chunk has its name when it is published, not before."""
    write(store, "s/t-0.parquet")
    before = names(store)
    size = store.publish("s/t-0.parquet").result()
    store.seal("s")

    assert ({"s/t-0.parquet.part"}, {"s/t-0.parquet"}) == (before, names(store))
    assert 4 == size == store.size("s/t-0.parquet")
    assert b"data" == store.open("s/t-0.parquet").read()


def test_discard(store):
    """A chunk can be discarded in every state, and when it is gone."""
    write(store, "s/a")
    write(store, "s/b")
    store.publish("s/b").result()
    store.discard(["s/a", "s/b", "s/c"])

    assert (set(), -1) == (names(store), store.size("s/b"))


def test_sweep(store):
    """Strays are removed, gone or not, and the empty folders of sessions that are unknown; the rest stays."""
    for path in ("one/known.x", "one/orphan.x", "two/orphan.x", "three/orphan.x"):
        write(store, path)
        store.publish(path).result()
    write(store, "one/half.x")
    every = store.names()
    store.sweep({"one/orphan.x", "one/half.x.part", "two/orphan.x", "gone/a.x"}, {"one"})

    assert {"one/known.x", "one/half.x.part", "three/orphan.x"} | {
        "one/orphan.x",
        "two/orphan.x",
    } == (every)
    assert {"one/known.x", "three/orphan.x"} == names(store)
    assert ["one", "three"] == sorted(p.name for p in (store.root / "chunks").iterdir())


def test_folder_of_someone_else(tmp_path):
    """A folder with other files is never taken for a store."""
    (tmp_path / "chunks").mkdir()

    with pytest.raises(StoreError, match="not empty and no store"):
        FolderStore(tmp_path)
    assert ["chunks"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full(number):
    """Disk, quota or limit: full is full."""
    with pytest.raises(StoreFullError, match="Free some space"), full_disk_is_told():
        raise OSError(number, "no room")


def test_other_faults_stay():
    """A fault that is no lack of space is not called one."""
    with pytest.raises(PermissionError), full_disk_is_told():
        raise PermissionError(errno.EACCES, "no")
