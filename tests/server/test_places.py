import pyarrow as pa
import pytest

from mosaico_ingest.protocol.filters import Condition, Operator, Section
from mosaico_ingest.server.matching import TextMatch
from mosaico_ingest.server.places import Place, find_place, mask_at

TEXTS = TextMatch(with_globs=True)
LISTS = [[1, 5], [], None, [5, None], [5, 5, 5], [7]]
STRUCTS = [[{"a": {"b": value}} for value in values] if values else values for values in LISTS]


def met(path, operator, *values, kind=None, is_list=False, data=LISTS):
    kind = kind or pa.list_(pa.int64())
    whole = pa.array(data, kind)
    rows = pa.table({"l": pa.chunked_array([whole.slice(0, 2), whole.slice(2)])})
    condition = Condition(
        section=Section.Ontology, key=f"t.{path}", operator=operator, values=values, is_list=is_list
    )
    mask = mask_at(condition, rows, find_place(rows.schema, path), TEXTS)
    return None if mask is None else [n for n, one in enumerate(mask.to_pylist()) if one]


def test_fields_are_found_by_dotted_path():
    """A dot may be in a name or lead into a struct; into a list leads an index, `?` or `!`, once."""
    inner = pa.struct([("y", pa.int8()), ("l", pa.list_(pa.int8()))])
    schema = pa.schema([("x", inner), ("x.z", pa.int8()), ("l", pa.list_(inner)), ("k[0]", inner)])

    assert Place(names=("x", "y")) == find_place(schema, "x.y")
    assert Place(names=("x.z",)) == find_place(schema, "x.z")
    assert Place(names=("k[0]", "y")) == find_place(schema, "k[0].y")
    assert Place(names=("x", "l"), element=12) == find_place(schema, "x.l[12]")
    assert Place(names=("l",), element="?", inner=("y",)) == find_place(schema, "l[?].y")
    assert [None] * 7 == [
        find_place(schema, path)
        for path in ("l.y", "x.q", "x[0]", "l[0].q", "l[0].l[0]", "l[*]", "x.l[0].y")
    ]


@pytest.mark.parametrize(
    ("path", "operator", "values", "expected"),
    [
        ("l[0]", Operator.Eq, [5], [3, 4]),
        ("l[1]", Operator.Geq, [5], [0, 4]),
        ("l[1]", Operator.Missing, [], [1, 2, 3, 5]),
        ("l[99]", Operator.Exists, [], []),
        ("l[?]", Operator.Eq, [5], [0, 3, 4]),
        ("l[?]", Operator.Neq, [5], [0, 5]),
        ("l[?]", Operator.Missing, [], [3]),
        ("l[!]", Operator.Eq, [5], [4]),
        ("l[!]", Operator.Neq, [5], [5]),
        ("l[!]", Operator.In, [1, 5, 7], [0, 4, 5]),
        ("l[!]", Operator.Exists, [], [0, 4, 5]),
    ],
)
@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int64()), pa.large_list(pa.float32()), pa.list_(pa.uint8())]
)
def test_elements_of_lists(path, operator, values, expected, kind):
    """One element is compared, any, or all; none of an empty or missing list, and no null."""
    assert expected == met(path, operator, *values, kind=kind)


def test_elements_that_are_structures():
    """Into the elements of a list lead names, as everywhere."""
    kind = pa.list_(pa.struct([("a", pa.struct([("b", pa.int64())]))]))

    assert [0, 3, 4] == met("l[?].a.b", Operator.Eq, 5, kind=kind, data=STRUCTS)
    assert [4] == met("l[!].a.b", Operator.Eq, 5, kind=kind, data=STRUCTS)
    assert [5] == met("l[0].a.b", Operator.Gt, 6, kind=kind, data=STRUCTS)


def test_lists_of_one_size():
    """A list of fixed size is a list."""
    data = [[1, 2], None, [3, 2]]
    kind = pa.list_(pa.int32(), 2)

    assert [0, 2] == met("l[1]", Operator.Eq, 2, kind=kind, data=data)
    assert [0] == met("l[?]", Operator.Eq, 1, kind=kind, data=data)
    assert [2] == met("l", Operator.Eq, 3, 2, kind=kind, data=data, is_list=True)


@pytest.mark.parametrize(
    ("values", "equal", "different"),
    [
        ([1, 5], [0], [1, 3, 4, 5]),
        ([], [1], [0, 3, 4, 5]),
        ([5, 5], [], [0, 1, 3, 4, 5]),
        ([7.5], [], [0, 1, 3, 4, 5]),
    ],
)
def test_whole_lists(values, equal, different):
    """A list is equal to values of the same number, place by place; null is neither equal nor different."""
    assert equal == met("l", Operator.Eq, *values, is_list=True)
    assert different == met("l", Operator.Neq, *values, is_list=True)


def test_what_cannot_be_compared():
    """Texts in a list of numbers are no match, and neither are lists where there are none."""
    assert met("l[?]", Operator.Eq, "5") is None
    assert met("l", Operator.Eq, "5", is_list=True) is None
    assert met("l", Operator.Eq, 5, is_list=True, kind=pa.int64(), data=[5, 6]) is None
