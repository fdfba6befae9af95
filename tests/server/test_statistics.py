"""Bounds of columns, from the footer of a chunk."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.server.layout import choose_layout
from mosaico_ingest.server.statistics import read_facts


def facts_of(*groups):
    footers = []
    with choose_layout(groups[0]).open(
        pa.BufferOutputStream(), groups[0].schema, footers, {}
    ) as writer:
        for group in groups:
            writer.write_table(group)
    return read_facts(footers[0])


def bounds_of(*groups):
    return {one.column: one for one in facts_of(*groups).bounds}


def table(**columns):
    length = len(next(iter(columns.values())))
    return pa.table({"timestamp_ns": pa.array(range(length)), **columns})


def test_rows_and_range():
    """Rows and the range of times are those of all row groups together."""
    facts = facts_of(pa.table({"timestamp_ns": [5, 9]}), pa.table({"timestamp_ns": [-3]}))

    assert (3, -3, 9) == (facts.rows, facts.min_ns, facts.max_ns)


def test_nested_columns_have_dotted_names():
    """A column in a struct is known by its path; columns in lists and bytes are not known."""
    found = bounds_of(
        table(a=pa.array([{"x": 1.5, "l": [1]}, {"x": -2.0, "l": []}]), b=pa.array([b"x", b"y"]))
    )

    assert ["a.x"] == list(found)
    assert (-2.0, 1.5, False) == (
        found["a.x"].min_number,
        found["a.x"].max_number,
        found["a.x"].has_nulls,
    )


def test_path_of_two_columns():
    """A path that two columns share tells of neither."""
    found = bounds_of(table(**{"x.y": pa.array([1, 2]), "x": pa.array([{"y": 3}, {"y": 4}])}))

    assert {} == found


def test_kinds():
    """Text and booleans have bounds; a column of nulls has none."""
    found = bounds_of(
        table(t=pa.array(["b", None]), f=pa.array([True, False]), n=pa.nulls(2, pa.int8()))
    )

    assert ("b", "b", True) == (found["t"].min_text, found["t"].max_text, found["t"].has_nulls)
    assert (0.0, 1.0) == (found["f"].min_number, found["f"].max_number)
    assert "n" not in found


def test_texts_that_are_too_long_for_bounds():
    """One long text anywhere in a chunk leaves the column without bounds; nulls do not."""
    short, long = table(t=pa.array(["a", "b"])), table(t=pa.array(["z" * 5000, "c"]))
    nulls = table(t=pa.nulls(2, pa.string()))

    assert {} == bounds_of(short, long)
    assert {} == bounds_of(long)
    assert ("a", "b") == (
        bounds_of(short, nulls)["t"].min_text,
        bounds_of(nulls, short)["t"].max_text,
    )


def test_nan_is_no_bound():
    """A float that is no number does not widen or hide the bounds."""
    found = bounds_of(table(x=pa.array([math.nan, 1.0, 2.0])))

    assert (1.0, 2.0) == (found["x"].min_number, found["x"].max_number)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_large_integers_are_inside_their_bounds(values):
    """Integers that a float cannot hold are rounded outwards, never inwards."""
    found = bounds_of(table(x=pa.array(values, pa.int64())))["x"]

    assert all(found.min_number <= value <= found.max_number for value in values)


def test_half_floats_do_not_disturb():
    """Half floats are stored; whatever their statistics, the others are read."""
    found = bounds_of(table(h=pa.array(np.array([1, 2], np.float16)), x=pa.array([1, 2])))

    assert (1, 2) == (found["x"].min_number, found["x"].max_number)


def test_footer_is_a_footer():
    """The footer that a reader finds says the same as the one at hand when writing."""
    sink, rows = pa.BufferOutputStream(), table(x=pa.array([1, 2]))
    footers = []
    with choose_layout(rows).open(sink, rows.schema, footers, {}) as writer:
        writer.write_table(rows)

    assert read_facts(footers[0]) == read_facts(pq.read_metadata(pa.BufferReader(sink.getvalue())))
