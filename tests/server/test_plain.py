import pyarrow as pa
import pytest

from mosaico_ingest.server.plain import without_views

TEXTS, BYTES = pa.string_view(), pa.binary_view()


@pytest.mark.parametrize(
    ("kind", "plain", "value"),
    [
        (TEXTS, pa.large_string(), "a"),
        (BYTES, pa.large_binary(), b"a"),
        (pa.list_(TEXTS), pa.list_(pa.large_string()), ["a"]),
        (pa.large_list(BYTES), pa.large_list(pa.large_binary()), [b"a"]),
        (pa.list_(TEXTS, 2), pa.list_(pa.large_string(), 2), ["a", "b"]),
        (pa.struct([("x", TEXTS)]), pa.struct([("x", pa.large_string())]), {"x": "a"}),
        (pa.map_(pa.string(), TEXTS), pa.map_(pa.string(), pa.large_string()), [("k", "a")]),
    ],
)
def test_views_at_any_depth(kind, plain, value):
    """Views become plain texts and bytes, wherever they are, with their values."""
    rows = without_views(pa.table({"x": pa.array([value, None], kind)}))

    assert (plain, [value, None]) == (rows.schema.field("x").type, rows["x"].to_pylist())


def test_rows_without_views_are_left_alone():
    """Nothing is copied where there are no views."""
    rows = pa.table({"x": pa.array([[{"y": "a"}]])})

    assert rows is without_views(rows)
