"""Parquet, Arrow files and streams, written and cut here."""

import os

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from mosaico_ingest_csv import ArrowFormat, ParquetFormat

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import SourceContract

ROWS = 900
T0 = 1_700_000_000_000_000_000


def _table():
    return pa.table(
        {
            "time": pa.array([T0 + k * 10**7 for k in range(ROWS)], pa.timestamp("ns", "UTC")),
            **{
                name: [float(k) for k in range(ROWS)]
                for name in ("ax", "ay", "az", "gx", "gy", "gz")
            },
            "ranges": [[1.0, float(k)] for k in range(ROWS)],
            "mode": pa.array(["a", "b", "a"] * (ROWS // 3)).dictionary_encode(),
        }
    )


@pytest.fixture
def parquet(tmp_path):
    """A Parquet file of three row groups."""
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(_table(), path, row_group_size=300)
    return path


@pytest.fixture
def arrow_file(tmp_path):
    """An Arrow file of three batches."""
    path = tmp_path / "t.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _table().schema) as writer:
        writer.write_table(_table().unify_dictionaries(), max_chunksize=300)
    return path


@pytest.fixture
def stream(tmp_path):
    """An Arrow stream of three batches."""
    path = tmp_path / "t.arrows"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, _table().schema) as writer:
        writer.write_table(_table(), max_chunksize=300)
    return path


@pytest.fixture
def feather(tmp_path):
    """A Feather file, lz4."""
    path = tmp_path / "t.feather"
    pyarrow.feather.write_feather(_table(), path, compression="lz4")
    return path


class TestParquet(SourceContract):
    plugin_module = "mosaico_ingest_csv"
    cuts = flips = 8

    @pytest.fixture
    def source_format(self):
        return ParquetFormat()

    @pytest.fixture
    def recordings(self, parquet):
        return {parquet: {"/imu": ROWS, "/t": ROWS}}


class TestArrow(SourceContract):
    plugin_module = "mosaico_ingest_csv"
    cuts = flips = 8

    @pytest.fixture
    def source_format(self):
        return ArrowFormat()

    @pytest.fixture
    def recordings(self, arrow_file, stream, feather):
        return {path: {"/imu": ROWS, "/t": ROWS} for path in (arrow_file, stream, feather)}


def test_typed_columns_are_kept(parquet, read_table):
    """Times come from timestamps, lists stay lists, dictionaries become their values."""
    found = read_table(parquet, ParquetFormat())

    row = found.rows["/t"][7]
    assert {"log_time_ns": T0 + 7 * 10**7, "ranges": [1.0, 7.0], "mode": "b"} == row
    assert ROWS == found.info.channels[0].messages


def test_parquet_without_its_footer(parquet, read_table):
    """A file that its writer did not close is refused with the reason."""
    os.truncate(parquet, parquet.stat().st_size - 8)

    with pytest.raises(SourceError, match="footer"):
        read_table(parquet, ParquetFormat())


def test_a_damaged_row_group_costs_itself(parquet, read_table):
    """Rows of other groups are read; those that are lost are counted."""
    group = pyarrow.parquet.ParquetFile(parquet).metadata.row_group(1)
    start = min(group.column(k).dictionary_page_offset or 1 << 60 for k in range(group.num_columns))
    content = bytearray(parquet.read_bytes())
    length = sum(group.column(k).total_compressed_size for k in range(group.num_columns))
    content[start : start + length] = bytes(length)
    parquet.write_bytes(content)

    found = read_table(parquet, ParquetFormat())

    assert [{1: 300, 2: 300}] == [dict(damage.lost) for damage in found.info.damage]
    assert {"/imu": 600, "/t": 600} == {topic: len(rows) for topic, rows in found.rows.items()}


def test_old_timestamps_of_parquet(tmp_path, read_table):
    """INT96, as Spark and Impala wrote it, is read to the nanosecond."""
    path = tmp_path / "t.parquet"
    times = pa.array([T0 + 123, T0 + 456], pa.timestamp("ns"))
    table = pa.table({"time": times, "v": [1, 2]})
    pyarrow.parquet.write_table(table, path, use_deprecated_int96_timestamps=True)

    found = read_table(path, ParquetFormat())

    assert [T0 + 123, T0 + 456] == [row["log_time_ns"] for row in found.rows["/t"]]


def test_a_stream_that_breaks_off(stream, read_table):
    """All whole batches before the cut are read, and where it breaks off is told."""
    os.truncate(stream, stream.stat().st_size * 9 // 10)

    found = read_table(stream, ArrowFormat())

    assert 600 == len(found.rows["/imu"])
    assert "breaks off after 2 record batches" in found.info.damage[0].reason


@pytest.mark.parametrize("form", [ParquetFormat(), ArrowFormat()], ids=lambda form: form.name)
def test_text_that_is_damaged_costs_its_batch(tmp_path, read_table, form):
    """A batch whose text is no UTF-8 any more is damage, those before and behind it are read."""
    path = tmp_path / "t"
    times = [T0 + k for k in range(30)]
    rows = pa.table({"timestamp": times, "word": [f"word-{k:04}" for k in range(30)]})
    if form.name == "parquet":
        pyarrow.parquet.write_table(
            rows, path, row_group_size=10, use_dictionary=False, compression="none"
        )
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=10)
    data = bytearray(path.read_bytes())
    last = data.rindex(b"word-0015")  # in its page, not in the bounds of its row group
    data[last : last + 4] = b"\xff" * 4
    path.write_bytes(data)

    found = read_table(path, form)

    assert [*times[:10], *times[20:]] == [row["log_time_ns"] for row in found.rows["/t"]]
    assert ["UTF8" in item.reason for item in [*found.info.damage, *found.damage]] == [True]


def test_an_arrow_file_without_its_footer(arrow_file, read_table):
    """An Arrow file that is cut off is refused with the reason and what to do."""
    os.truncate(arrow_file, arrow_file.stat().st_size - 20)

    with pytest.raises(SourceError, match=r"footer.*stream"):
        read_table(arrow_file, ArrowFormat())


def test_rows_without_a_time_are_rejects(tmp_path, read_table):
    """A null in the clock's column costs its row, which is kept as it reads."""
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(
        pa.table({"time": [1700000000, None, 1700000002], "v": [1, 2, 3]}), path
    )

    found = read_table(path, ParquetFormat())

    assert [1, 3] == [row["v"] for row in found.rows["/t"]]
    assert [b"{'time': None, 'v': 2}"] == [reject["payload"] for reject in found.rejects["/t"]]


@pytest.mark.parametrize("name", ["parquet", "arrow_file", "stream", "feather"])
def test_names_that_are_not_text(name, request, read_table):
    """A column whose name is no UTF-8 is a reason to refuse, not a fault."""
    path = request.getfixturevalue(name)
    path.write_bytes(path.read_bytes().replace(b"ranges", b"r\xffnges"))

    with pytest.raises(SourceError):
        read_table(path, ParquetFormat() if name == "parquet" else ArrowFormat())
