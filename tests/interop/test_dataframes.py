"""What `TopicHandler.read()` gives is read by the tools that people look at rows with, as it is."""

import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.client import MosaicoClient, Q
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.run import serve

pytestmark = pytest.mark.interop

ROWS = 10_000
POSITION = pa.struct([("x", pa.float64()), ("y", pa.float64())])
RANGES = pa.list_(pa.field("element", pa.float32()))
TRACK = Ontology(
    tag="track",
    fields=pa.schema([("label", pa.string()), ("position", POSITION), ("ranges", RANGES)]),
)


def rows():
    """Make the rows of the type `track`, in its exact columns."""
    times = np.arange(ROWS) + 2**53
    x = np.arange(ROWS) / 4
    position = pa.StructArray.from_arrays([pa.array(x), pa.array(-x)], ["x", "y"])
    offsets = pa.array(np.arange(ROWS + 1), pa.int32())
    columns = [
        pa.array(times),
        pa.nulls(ROWS, pa.int64()),
        pa.nulls(ROWS, pa.string()),
        pa.nulls(ROWS, pa.uint32()),
        pa.array([None, "a", "b", "ü"] * (ROWS // 4)),
        position,
        pa.ListArray.from_arrays(offsets, pa.array(x.astype(np.float32)), RANGES),
    ]
    return pa.record_batch(columns, schema=TRACK.schema)


@pytest.fixture(scope="module")
def topic(tmp_path_factory):
    """A topic with structures, lists, nulls and integers that no float can hold."""
    with (
        serve(tmp_path_factory.mktemp("frames") / "store") as server,
        MosaicoClient.connect(server.host, server.port) as client,
    ):
        with client.sequence_create("drive") as sequence:
            sequence.topic_create("/track", ontology=TRACK).write(rows())
        yield client.topic_handler("drive", "/track")


def test_pandas_reads_a_topic(topic):
    """Pandas makes a frame of a reader."""
    pytest.importorskip("pandas", reason="pandas is not installed; run `tox -e interop`.")
    frame = topic.read().read_pandas()

    assert ROWS == len(frame)
    assert 2**53 + 1 == frame["timestamp_ns"][1]
    assert {"x": 0.25, "y": -0.25} == frame["position"][1]


def test_polars_reads_a_topic(topic):
    """Polars takes a reader through Arrow's C stream."""
    polars = pytest.importorskip("polars", reason="Polars is not installed; run `tox -e interop`.")
    frame = polars.DataFrame(topic.read())
    told = frame.filter(polars.col("label") == "ü").select(
        polars.col("timestamp_ns").max(), polars.col("position").struct.field("x").sum()
    )

    assert (ROWS, 2500) == (frame.height, frame["label"].null_count())
    assert (2**53 + ROWS - 1, sum(range(3, ROWS, 4)) / 4) == told.row(0)


def test_duckdb_reads_a_topic(topic):
    """DuckDB queries a reader as a table, while it streams."""
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed; run `tox -e interop`.")
    with duckdb.connect() as database:
        reader = topic.read(2**53 + 4, 2**53 + 8)
        told = database.execute(
            "SELECT count(*), max(timestamp_ns), sum(position.x), sum(ranges[1]) FROM reader"
        ).fetchone()

    assert (4, 2**53 + 7, 5.5, 5.5) == told
    assert reader is not None  # DuckDB found it by its name


def test_the_result_of_a_query_is_read_alike(topic):
    """The reader of a query's window is one like any other."""
    with MosaicoClient.connect_to(topic._layers.control.address) as client:
        result = client.query(Q.ontology("track.position.x").between(1, 2))
        ((found, reader),) = result.read()
        table = reader.read_all()

    assert ("/track", 5) == (found.name, table.num_rows)
