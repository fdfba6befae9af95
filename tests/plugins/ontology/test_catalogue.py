"""The types are those of the platform, column by column."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from mosaico_ingest_ontology import MOSAICO_API, mosaico_ontologies
from mosaico_ingest_ontology.newer import NEWER

HERE = Path(__file__).parent
PINNED = json.loads((HERE / "schemas.json").read_text())
TYPES = {ontology.tag: ontology for ontology in mosaico_ontologies()}


def spelled(kind: pa.DataType) -> str:
    """Return a type with everything that counts: nullability and the names of list items."""
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{f.name}: {spelled_field(f)}" for f in kind) + "}"
    if pa.types.is_fixed_size_list(kind):
        item = kind.value_field
        return f"list[{kind.list_size}]<{item.name}: {spelled_field(item)}>"
    if pa.types.is_list(kind):
        return f"list<{kind.value_field.name}: {spelled_field(kind.value_field)}>"
    return str(kind)


def spelled_field(field: pa.Field) -> str:
    """Return a field's type, marked if it is never null."""
    return spelled(field.type) + ("" if field.nullable else "!")


def spelled_node(node: dict) -> str:
    """Return the same for a node of the platform's own listing."""
    kind = node["type"]
    if kind == "struct":
        members = (f"{member['name']}: {spelled_node(member)}" for member in node["fields"])
        kind = "{" + ", ".join(members) + "}"
    elif "item" in node:
        size = f"[{node['list_size']}]" if kind == "fixed_size_list" else ""
        kind = f"list{size}<{node['item']['name']}: {spelled_node(node['item'])}>"
    return kind + ("" if node["nullable"] else "!")


@pytest.mark.parametrize("tag", PINNED)
def test_columns_are_pinned(tag):
    """A type's columns, their order, nullability and list item names never change."""
    fields = {field.name: spelled_field(field) for field in TYPES[tag].fields}

    assert list(PINNED[tag]["fields"].items()) == list(fields.items())
    assert PINNED[tag]["format"] == TYPES[tag].format


def test_all_are_here():
    """No type of the platform is missing or doubled; what later generations brought is told apart."""
    newer = {ontology.tag for ontology in NEWER}

    assert 53 == len(PINNED)
    assert 53 + len(NEWER) == len(mosaico_ontologies())
    assert set(PINNED) | newer == set(TYPES)


def test_pins_are_those_of_the_platform():
    """What is pinned here is what the platform's own package declares."""
    listing = HERE.parents[2].parent / "shared" / "guide" / "ontology_schemas.json"
    if not listing.exists():
        pytest.skip(f"The platform's listing is absent: {listing} does not exist.")
    declared = {
        ontology["tag"]: {
            "format": ontology["serialization_format"],
            "fields": {node["name"]: spelled_node(node) for node in ontology["fields"]},
        }
        for ontology in json.loads(listing.read_text())["ontologies"]
    }

    assert declared == PINNED


def test_every_type_says_what_it_is():
    """Each type has a summary of one line."""
    summaries = [ontology.summary for ontology in mosaico_ontologies()]

    assert [] == [text for text in summaries if not text.endswith(".") or "\n" in text]
    assert (1, 0) == MOSAICO_API
