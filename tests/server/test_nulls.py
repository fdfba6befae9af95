"""Nulls below nulls do not hinder the writing of chunks."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mosaico_ingest.server.nulls import without_hidden_nulls

CODE = pa.field("code", pa.int8(), nullable=False)
STATUS = pa.struct([CODE, pa.field("text", pa.string())])
DEEP = pa.struct([pa.field("status", STATUS, nullable=False)])
MANY = pa.struct([pa.field("codes", pa.list_(pa.int8()), nullable=False)])


def status(present: list[bool], code: list[int | None]) -> pa.StructArray:
    """Return statuses, null where not *present*, whatever their code is."""
    return pa.StructArray.from_arrays(
        [pa.array(code, pa.int8()), pa.nulls(len(code), pa.string())],
        fields=list(STATUS),
        mask=pa.array([not is_present for is_present in present]),
    )


def stored(rows: pa.Table) -> list[dict]:
    """Return what is read of rows that were written."""
    file = io.BytesIO()
    pq.write_table(rows, file)
    return pq.read_table(io.BytesIO(file.getvalue())).to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pa.nulls(3, STATUS),
        pa.nulls(3, DEEP),
        pa.nulls(3, MANY),
        status([True, False, True], [1, None, 3]),
        status([True, False, True, False], [1, None, 3, None])[1:],
        pa.array([[None, {"code": 1}], None, []], pa.list_(STATUS)),
        pa.ListArray.from_arrays([0, 2, 2, 3], pa.nulls(3, STATUS)),
        pa.ListArray.from_arrays([0, 2, None, 3], pa.nulls(3, STATUS))[1:],
        pa.StructArray.from_arrays([pa.nulls(2, STATUS)], ["optional"]),
    ],
)
def test_hidden_nulls_are_stored(column):
    """What is null stays null, and all else keeps its value, at any depth and in any slice."""
    rows = pa.table({"x": column})

    assert rows.to_pylist() == stored(without_hidden_nulls(rows))


def test_null_out_of_place():
    """A null in a struct that is there stays one: it is an error of who sent it."""
    rows = without_hidden_nulls(pa.table({"x": status([True, False], [None, None])}))

    with pytest.raises(pa.ArrowInvalid, match="'code' is declared non-nullable but contains nulls"):
        stored(rows)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None]),
        status([True, False], [1, 2]),
        pa.array([[{"code": 1}], None], pa.list_(STATUS)),
    ],
)
def test_other_rows_are_left_alone(column):
    """Nothing is copied where no null is hidden."""
    rows = pa.table({"x": column})

    assert rows is without_hidden_nulls(rows)
