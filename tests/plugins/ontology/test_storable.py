"""Columns of any shape can be stored."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mosaico_ingest_ontology.storable import storable, storable_type

EMPTY = pa.struct([])
NESTED = pa.struct([("here", EMPTY), ("text", pa.string_view()), ("number", pa.int8())])
CASES = {
    "null": (pa.nulls(3), [None, None, None]),
    "empty": (pa.array([{}, None, {}], EMPTY), [True, False, True]),
    "views": (pa.array([b"a", None, b"b" * 20], pa.binary_view()), [b"a", None, b"b" * 20]),
    "struct": (
        pa.array([{"here": {}, "text": "a", "number": 1}, None, None], NESTED),
        [{"here": True, "text": "a", "number": 1}, None, None],
    ),
    "list": (pa.array([[{}], None, [{}, {}]], pa.list_(EMPTY)), [[True], None, [True, True]]),
    "large list": (pa.array([[], None, [{}]], pa.large_list(EMPTY)), [[], None, [True]]),
    "pairs": (
        pa.array([[{}, None], [{}, {}], [{}, {}]], pa.list_(EMPTY, 2)),
        [[True, False], [True, True], [True, True]],
    ),
    "lists of lists": (
        pa.array([[["a"], []], [], [["b", "c"]]], pa.list_(pa.list_(pa.string_view()))),
        [[["a"], []], [], [["b", "c"]]],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_kept(name):
    """Every value, and in structs without members its presence, survives; slices too."""
    array, expected = CASES[name]
    wanted = storable_type(array.type)

    assert expected == storable(array, wanted).to_pylist()
    assert expected[1:] == storable(array[1:], wanted).to_pylist()
    assert [] == storable(array[3:], wanted).to_pylist()


@pytest.mark.parametrize("name", CASES)
def test_files_can_hold_them(name):
    """Parquet takes what comes out, and gives it back."""
    array, expected = CASES[name]
    stored = storable(array, storable_type(array.type))
    stored.validate(full=True)
    file = io.BytesIO()
    pq.write_table(pa.table({"column": stored}), file)

    assert expected == pq.read_table(pa.BufferReader(file.getvalue()))["column"].to_pylist()


def test_ordinary_columns_are_not_touched():
    """A column that can be stored is handed on as it is."""
    array = pa.array([[1.0], [2.0]])

    assert storable(array, storable_type(array.type)) is array
