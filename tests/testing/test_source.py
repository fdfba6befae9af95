"""`SourceContract`, proven on a small format that keeps its promises and on ones that break one each."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.errors import SourceError
from mosaico_ingest.model.batch import Cursor, RawBatch
from mosaico_ingest.model.collect import Collector
from mosaico_ingest.model.payloads import Payloads
from mosaico_ingest.model.recording import Channel, Damage, RecordingInfo
from mosaico_ingest.model.source import Match, SourceFile, Strength
from mosaico_ingest.testing.source import SourceContract, read_rows, source_file

MAGIC = b"TOY1\n"
ROW_BYTES = 8


class ToyRecording:
    """Rows of 8 bytes after the magic: a topic's letter, then seven payload bytes."""

    def __init__(self, file: SourceFile) -> None:
        data = file.path.read_bytes()
        if not data.startswith(MAGIC):
            msg = f"{file.path} is not a toy recording: it does not begin with {MAGIC!r}."
            raise SourceError(msg, path=file.path)
        n, rest = divmod(len(data) - len(MAGIC), ROW_BYTES)
        self._rows = np.frombuffer(data, np.uint8)[len(MAGIC) :]
        self._channel = self._rows[: n * ROW_BYTES : ROW_BYTES].astype(np.int64)
        ids, counts = np.unique(self._channel, return_counts=True)
        damage = (Damage(reason="The last row is cut off.", byte_range=(n, n + rest)),)
        self.info = RecordingInfo(
            path=file.path,
            format="toy",
            files=(file.path,),
            size_bytes=len(data),
            channels=tuple(
                Channel(
                    id=int(k), topic=f"/{k}", type_name="", message_encoding="raw", messages=int(m)
                )
                for k, m in zip(ids, counts, strict=True)
            ),
            messages=n,
            damage=damage if rest else (),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Take the rows five at a time, as a real format takes chunks."""
        collector = Collector(target_bytes, cursor=cursor)
        for first in range(cursor.position if cursor else 0, len(self._channel), 5):
            collector.begin(first)
            rows = np.arange(first, min(first + 5, len(self._channel)))
            for k in dict.fromkeys(self._channel[rows].tolist()):
                own = rows[self._channel[rows] == k]
                if k in channels:
                    lengths = np.full(len(own), ROW_BYTES - 1)
                    yield from collector.add(
                        k, Payloads(self._rows, own * ROW_BYTES + 1, lengths), own * 10
                    )
        yield from collector.flush()


class ToyFormat:
    """A format that keeps every promise."""

    name = "toy"
    suffixes = (".toy",)
    options = None
    replaces = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim by the first bytes."""
        return Match(Strength.MAGIC, "TOY1") if file.head.startswith(MAGIC) else None

    def open(self, file: SourceFile, options: object) -> ToyRecording:
        """Open it."""
        return ToyRecording(file)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A recording of 30 messages on topic /97 and 15 on /98."""
    path = tmp_path / "a.toy"
    rows = b"".join((b"b" if k % 3 == 1 else b"a") + b"%07d" % k for k in range(45))
    path.write_bytes(MAGIC + rows)
    return path


class TestToyFormat(SourceContract):
    """A format that keeps its promises passes the whole contract."""

    plugin_module = "mosaico_ingest.testing"

    @pytest.fixture
    def source_format(self) -> ToyFormat:
        """The format under test."""
        return ToyFormat()

    @pytest.fixture
    def recordings(self, toy: Path) -> Mapping[Path, Mapping[str, int]]:
        """One recording."""
        return {toy: {"/97": 30, "/98": 15}}


class _Broken(ToyFormat):
    """A toy format whose recordings are changed by *fault* on their way out."""

    def __init__(self, fault) -> None:
        self.fault = fault

    def open(self, file: SourceFile, options: object) -> ToyRecording:
        """Open it and break one promise."""
        recording = ToyRecording(file)
        honest = recording.batches
        recording.batches = lambda *args: self.fault(honest(*args))
        return recording


def _evolved(batch: RawBatch, **changes) -> RawBatch:
    fields = ("channel_id", "seq", "data", "cursor")
    return RawBatch(**{**{name: getattr(batch, name) for name in fields}, **changes})


def _lose_the_second(batches):
    for k, batch in enumerate(batches):
        if k != 1:
            yield batch


def _forget_seq(batches):
    for batch in batches:
        yield _evolved(batch, seq=batch.seq + 1)


def _swap_rows(batches):
    for batch in batches:
        yield _evolved(batch, data=batch.data.take(pa.array(range(batch.data.num_rows)[::-1])))


def _stale_cursor(batches):
    for batch in batches:
        yield _evolved(batch, cursor=Cursor(0))


def _mix_channels(batches):
    for batch in batches:
        yield _evolved(batch, channel_id=97)


def _fail(batches):
    yield from batches
    raise ValueError


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (_lose_the_second, "test_counts_are_right"),
        (_forget_seq, "test_batches_are_numbered"),
        (_swap_rows, "test_order_does_not_depend_on_the_batch_size"),
        (_stale_cursor, "test_cursors_restart_after_their_batch"),
        (_mix_channels, "test_only_wanted_channels_come"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_broken_promise_fails_its_test(fault, test, toy):
    """Each promise has a test that notices when it is broken."""
    contract = getattr(SourceContract(), test)

    with pytest.raises(AssertionError):
        contract(_Broken(fault), {toy: {"/97": 30, "/98": 15}}, None)


def test_raising_on_a_cut_file_fails(toy, tmp_path):
    """A format that raises while reading a cut recording fails the contract."""
    with pytest.raises(ValueError):  # noqa: PT011 (the fault's own, without a message)
        SourceContract().test_cut_short(_Broken(_fail), {toy: {}}, None, tmp_path)


def test_read_rows_gives_values_in_column_order(toy):
    """A row is the tuple of its columns' values."""
    with ToyFormat().open(source_file(toy), None) as recording:
        rows, damage = read_rows(recording, {98})

    assert ((10, b"0000001"), []) == (rows[98][0], damage)
    assert [98] == list(rows)


def test_source_file_of_a_directory_lists_names(toy):
    """A directory is seen by its entries, a file by its head."""
    folder = source_file(toy.parent)

    assert (("a.toy",), True, b"") == (folder.entries, folder.is_dir, folder.head)
    assert source_file(toy).head == toy.read_bytes()


def test_a_plugin_with_heavy_imports_fails():
    """A plugin that loads a heavy module when it is imported fails the contract."""
    contract = SourceContract()
    contract.plugin_module, contract.heavy_modules = "json.tool", ("json.tool",)

    with pytest.raises(AssertionError):
        contract.test_heavy_imports_are_delayed()
