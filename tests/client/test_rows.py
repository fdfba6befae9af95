import pyarrow as pa
import pytest

from mosaico_ingest.client.rows import batches_of, check_columns, conform
from mosaico_ingest.errors import SchemaMismatchError, UsageError

EXACT = {"timestamp_ns": 1, "x": 2.5, "label": "a", "pose": {"z": 0.5, "ids": [1, 2]}}


def rows(data, schema):
    """Return what a push of *data* stores, as records."""
    stored = []
    for batch in batches_of(data, schema):
        check_columns(batch.schema, schema, "/t")
        conformed = conform(batch, schema, "/t")
        conformed.validate(full=True)
        assert schema == conformed.schema
        stored += conformed.to_pylist()
    return stored


def stored(**values):
    """Return the record that *values* become."""
    absent = dict.fromkeys(("recording_timestamp_ns", "frame_id", "sequence_id", "label", "pose"))
    return absent | values


class Stream:
    """What a data frame library hands over: an object with the stream method only."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Array:
    """An object with the array method only."""

    def __init__(self, batch):
        self._batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self._batch.__arrow_c_array__(requested_schema)


def test_every_form_gives_the_same_rows(point):
    """A batch, a table, a stream, an array, a record and an iterable of records are equally good."""
    batch = pa.RecordBatch.from_pylist([EXACT], schema=point.schema)
    table = pa.Table.from_batches([batch])
    forms = [batch, table, Stream(table), Array(batch), EXACT, [EXACT], iter([EXACT])]

    results = [rows(form, point.schema) for form in forms]

    assert [[stored(**EXACT)]] * len(forms) == results


def test_exact_columns_are_taken_as_they_are(point, points):
    """A batch that fits exactly is handed on without a copy."""
    batch = points(3)

    assert batch is conform(batch, point.schema, "/t")


def test_absent_nullable_columns_become_null(point):
    """What may be null may be left out, also inside a struct."""
    record = {"timestamp_ns": 1, "x": 1, "pose": {"z": 1}}

    expected = stored(timestamp_ns=1, x=1.0, pose={"z": 1.0, "ids": None})
    assert [expected] == rows(record, point.schema)


def test_records_may_differ_in_what_they_leave_out(point):
    """Each record of an iterable may have other optional columns."""
    records = [
        {"timestamp_ns": 1, "x": 1.0},
        {"timestamp_ns": 2, "x": 2.0, "label": "b"},
        {"timestamp_ns": 3, "x": 3.0, "pose": {"z": 2, "ids": []}},
    ]

    result = rows(records, point.schema)

    assert [None, "b", None] == [row["label"] for row in result]
    assert [None, None, {"z": 2.0, "ids": []}] == [row["pose"] for row in result]


def test_order_of_columns_does_not_matter(point):
    """Columns are found by their names."""
    batch = pa.record_batch({"x": [1.0], "timestamp_ns": [7]})

    assert [stored(timestamp_ns=7, x=1.0)] == rows(batch, point.schema)


def test_other_layouts_and_widths_are_converted(point):
    """Integers of another width, large and dictionary-encoded text and lists fit if their values do."""
    ids = pa.array([[1, 2]], pa.large_list(pa.int64()))
    batch = pa.record_batch(
        {
            "timestamp_ns": pa.array([7], pa.int32()),
            "sequence_id": pa.array([8], pa.int64()),
            "x": pa.array([0.5], pa.float32()),
            "label": pa.array(["a"]).dictionary_encode(),
            "frame_id": pa.array(["f"], pa.large_string()),
            "pose": pa.StructArray.from_arrays([ids, pa.array([1.5], pa.float32())], ["ids", "z"]),
        }
    )

    expected = stored(
        timestamp_ns=7,
        sequence_id=8,
        x=0.5,
        label="a",
        frame_id="f",
        pose={"z": 1.5, "ids": [1, 2]},
    )
    assert [expected] == rows(batch, point.schema)


def test_sliced_batches_keep_their_rows(point):
    """A slice is converted as a slice, nested columns too."""
    records = [EXACT | {"timestamp_ns": t, "pose": {"z": t, "ids": [t]}} for t in range(5)]
    batch = pa.RecordBatch.from_pylist(records).slice(2, 2)
    batch = batch.set_column(
        batch.schema.get_field_index("pose"),
        "pose",
        batch["pose"].cast(pa.struct([("z", pa.float32()), ("ids", pa.list_(pa.int64()))])),
    )

    result = rows(batch, point.schema)

    assert [(2, [2]), (3, [3])] == [(r["timestamp_ns"], r["pose"]["ids"]) for r in result]


def test_empty_batch_is_fine(point):
    """A batch without rows fits if its columns do."""
    assert [] == rows(pa.record_batch({"timestamp_ns": [], "x": []}), point.schema)


@pytest.mark.parametrize(
    ("change", "field", "expected", "got"),
    [
        ({"x": None}, "x", "double, not null", "null"),
        ({"x": "fast"}, "x", "double", "string"),
        ({"x": True}, "x", "double", "bool"),
        ({"timestamp_ns": 1.5}, "timestamp_ns", "int64", "double"),
        ({"label": 5}, "label", "string", "int64"),
        ({"label": b"a"}, "label", "string", "binary"),
        ({"pose": 5}, "pose", "struct<", "int64"),
        ({"pose": {}}, "pose.z", "float", "nothing"),
        ({"pose": {"z": None}}, "pose.z", "float, not null", "null"),
        ({"pose": {"z": "up"}}, "pose.z", "float", "string"),
        ({"pose": {"z": 1.0, "w": 1}}, "pose.w", "one of z, ids", "unknown in topic"),
        ({"pose": {"z": 1.0, "ids": [1.5]}}, "pose.ids[]", "uint8", "double"),
        ({"pose": {"z": 1.0, "ids": 7}}, "pose.ids", "list<", "int64"),
        ({"sequence_id": -1}, "sequence_id", "uint32", "Integer value -1 not in range"),
        ({"pose": {"z": 1.0, "ids": [300]}}, "pose", "struct<", "Integer value 300 not in range"),
        ({"colour": 1}, "colour", "one of timestamp_ns, ", "unknown in topic"),
    ],
)
def test_misfit_names_field_expected_and_got(point, change, field, expected, got):
    """A value that does not fit is never narrowed or dropped: its path and both types are told."""
    with pytest.raises(SchemaMismatchError) as caught:
        rows(EXACT | change, point.schema)

    error = caught.value
    assert field == error.field
    assert error.expected.startswith(expected)
    assert error.got.startswith(got)
    assert repr(field) in str(error)
    assert str(error).endswith(".")


def test_missing_required_column_is_told(point):
    """A column that must not be null must be there."""
    with pytest.raises(SchemaMismatchError, match=r"Column 'x' .* expected double, got nothing\.$"):
        rows({"timestamp_ns": 1}, point.schema)


def test_column_given_twice_is_refused(point):
    """Nobody guesses which of two columns is meant."""
    batch = pa.RecordBatch.from_arrays([pa.array([1])] * 3, names=["timestamp_ns", "x", "x"])

    with pytest.raises(SchemaMismatchError, match="several times"):
        rows(batch, point.schema)


def test_wide_floats_are_not_narrowed(point):
    """A float64 column does not fit float32: half of its digits would be lost without a word."""
    pose = pa.StructArray.from_arrays([pa.array([0.1])], ["z"])
    batch = pa.record_batch({"timestamp_ns": [1], "x": [1.0], "pose": pose})

    with pytest.raises(SchemaMismatchError, match=r"pose\.z.*expected float, got double"):
        rows(batch, point.schema)


def test_large_integers_do_not_become_inexact_floats(point):
    """An integer that a float64 cannot hold is an error."""
    with pytest.raises(SchemaMismatchError, match="not in range"):
        rows({"timestamp_ns": 1, "x": 2**53 + 1}, point.schema)


def test_records_that_disagree_are_refused(point):
    """Values of different kinds under one name are told with the name."""
    records = [
        {"timestamp_ns": 1, "x": 1.0, "label": "a"},
        {"timestamp_ns": 2, "x": 1.0, "label": 5},
    ]

    with pytest.raises(SchemaMismatchError, match="do not agree") as caught:
        rows(records, point.schema)

    assert "label" == caught.value.field


def test_nulls_under_an_absent_struct_are_no_misfit(point):
    """What a struct requires is required only where the struct is there."""
    records = [{"timestamp_ns": 1, "x": 1.0, "pose": None}, EXACT]

    assert [None, EXACT["pose"]] == [row["pose"] for row in rows(records, point.schema)]


@pytest.mark.parametrize("inner", [pa.int8(), pa.string(), pa.struct([pa.field("c", pa.int8())])])
def test_what_an_absent_struct_requires_is_not_null(inner):
    """Below a struct that is null lies a value, not a null: a store that looks at leaves alone takes it."""
    required = pa.struct([pa.field("b", inner, nullable=False), pa.field("o", pa.int8())])
    target = pa.schema([pa.field("t", pa.int8()), pa.field("a", required)])
    batch = pa.record_batch({"t": pa.array([1, 2, 3], pa.int8())})

    rows = conform(batch, target, "/t")

    assert [None] * 3 == rows["a"].to_pylist()
    assert (0, 3) == (rows["a"].field(0).null_count, rows["a"].field(1).null_count)
    rows.validate(full=True)
    assert conform(rows, target, "/t") is rows


def test_null_inside_a_list_is_found():
    """Items that must not be null are looked at, and only those of rows that are there."""
    schema = pa.schema([pa.field("v", pa.list_(pa.field("item", pa.int64(), nullable=False)))])
    good = pa.RecordBatch.from_pylist([{"v": [1]}, {"v": None}, {"v": []}], schema=schema)
    items = pa.array([1, None])
    column = pa.ListArray.from_arrays(
        pa.array([0, 2], pa.int32()), items, type=schema.field("v").type
    )
    bad = pa.RecordBatch.from_arrays([column], schema=schema)

    fitting = conform(good, schema, "/t")

    assert good is fitting
    with pytest.raises(SchemaMismatchError) as caught:
        conform(bad, schema, "/t")
    assert "v[]" == caught.value.field


@pytest.mark.parametrize(
    "data", [5, "text", b"bytes", None, [1, 2], [{"timestamp_ns": 1, "x": 1.0}, 5]]
)
def test_other_things_cannot_be_pushed(point, data):
    """What holds no rows is refused with a list of what does."""
    with pytest.raises(UsageError, match=r"Cannot push (int|str|bytes|NoneType)"):
        rows(data, point.schema)
