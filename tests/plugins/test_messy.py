"""A folder that mixes everything: one report that a person can act on, and nothing passed over in silence."""

import pytest

import mosaico_ingest as mi
from mosaico_ingest.cli import main


@pytest.fixture(scope="module")
def listing(shared_data):
    """What `inspect` says of all recordings that there are."""
    return mi.inspect(shared_data)


def test_every_file_is_accounted_for(listing, shared_data):
    """A file is read, refused, passed over with a reason, or lies in a folder that is one recording."""
    read = {file for item in listing if item.info for file in item.info.files}
    folders = [item.path for item in listing if item.path.is_dir()]
    told = read | {item.path for item in listing} | {item.path for item in listing.aside}
    untold = [
        path
        for path in shared_data.rglob("*")
        if path.is_file() and path not in told and not any(map(path.is_relative_to, folders))
    ]

    assert [] == untold
    assert all(item.info or item.error for item in listing)
    assert all(item.reason for item in listing.aside)


def test_a_run_of_everything_is_told_in_a_few_lines(
    listing, shared_data, capsys, tmp_path, monkeypatch
):
    """The report begins with what to look at, has no line twice, and every failure has its reason."""
    monkeypatch.chdir(tmp_path)
    code = main(["run", str(shared_data), "--sink", "null", "--log", "none"])
    told = capsys.readouterr()
    lines = [line for line in told.out.splitlines() if line]

    assert 1 == code  # one of the files is empty
    assert f" of {len(listing)} recordings are stored whole; look at the reasons for " in lines[0]
    assert lines[-1].startswith(f"{len(listing)} recordings (")
    assert 80 > len(lines) == len(set(lines))
    assert "empty-file.bag' is empty (0 bytes)" in told.out
    assert "" == told.err
    assert [] == list(tmp_path.iterdir())
