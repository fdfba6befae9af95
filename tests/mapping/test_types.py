"""Tests of mosaico_ingest.mapping.types."""

import pyarrow as pa
import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.mapping.types import make_ontology


def test_a_table_of_names_and_types_is_a_schema():
    """Types by name, lists, members, and what is required."""
    table = {
        "summary": "An engine.",
        "fields": {
            "rpm": "float64!",
            "cylinders": "list<list<float32>>",
            "oil": {"pressure": "float64", "sensor": {"id": "string!"}},
        },
    }

    ontology = make_ontology("engine", table, "m.toml")

    sensor = pa.struct([pa.field("id", pa.string(), nullable=False)])
    oil = pa.struct([("pressure", pa.float64()), ("sensor", sensor)])
    expected = pa.schema(
        [
            pa.field("rpm", pa.float64(), nullable=False),
            ("cylinders", pa.list_(pa.list_(pa.float32()))),
            ("oil", oil),
        ]
    )
    assert ("engine", expected, "An engine.") == (ontology.tag, ontology.fields, ontology.summary)


@pytest.mark.parametrize(
    ("tag", "table", "message"),
    [
        ("Engine", {"fields": {"a": "int8"}}, "'Engine' cannot be a tag"),
        ("engine", "int8", r"Expected a table \[ontology.engine.fields\]"),
        ("engine", {"fields": {}}, "is empty"),
        ("engine", {"fields": {"a": "int8"}, "x": 1}, "has the key 'x'"),
        (
            "engine",
            {"fields": {"a": "flaot64"}},
            "m.toml: engine.a has the type 'flaot64'. Known: float64",
        ),
        ("engine", {"fields": {"a": {"b": 3}}}, "engine.a.b is 3"),
        ("engine", {"fields": {"a b": "int8"}}, "'a b' cannot be a field's name"),
        ("engine", {"fields": {"frame_id": "string"}}, r"every topic has \['frame_id'\] already"),
    ],
)
def test_what_is_no_type_is_told_with_its_place(tag, table, message):
    """The message names the file, the field and what is known."""
    with pytest.raises(UsageError, match=message):
        make_ontology(tag, table, "m.toml")
