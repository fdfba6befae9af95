"""The contract of mappers passes a good one and catches each kind of bad one."""

import random
from collections.abc import Callable

import attrs
import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.hooks.contracts import MapRequest, MapRows
from mosaico_ingest.model.batch import Times
from mosaico_ingest.model.envelope import envelope
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import Claim, Fit
from mosaico_ingest.model.recording import Channel
from mosaico_ingest.testing.mapper import MapperContract, MapperSample, nulls_out_of_place

SPEED = Ontology(tag="speed", fields=pa.schema([pa.field("v", pa.float64(), nullable=False)]))
Rows = Callable[[MapRequest, pa.RecordBatch, Times], pa.RecordBatch]


def good(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Map as promised."""
    columns = [*envelope(times, request.time), data.column("v")]
    return pa.RecordBatch.from_arrays(columns, schema=SPEED.schema)


@attrs.frozen
class SpeedMapper:
    """A mapper whose rows are made by a function."""

    make: Rows
    name: str = "speed"
    options: type | None = None
    replaces: tuple[str, ...] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Claim columns of speeds."""
        if columns != pa.schema([("v", pa.float64())]):
            return None
        return Claim(tag="speed", fit=Fit.EXACT, reason=channel.type_name)

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare."""
        return lambda data, times: self.make(request, data, times)


def sample() -> dict[str, MapperSample]:
    """Return three speeds, one of them not a number."""
    channel = Channel(id=1, topic="/v", type_name="a/Speed", message_encoding="cdr")
    data = pa.record_batch({"v": [1.0, float("nan"), 3.0]})
    return {"speeds": MapperSample(channel=channel, data=data)}


class TestGoodMapper(MapperContract):
    """A mapper that keeps every promise."""

    @pytest.fixture
    def mapper(self):
        """The good one."""
        return SpeedMapper(good)

    @pytest.fixture
    def ontologies(self):
        """Its type."""
        return (SPEED,)

    @pytest.fixture
    def samples(self):
        """Its columns."""
        return sample()


def with_null(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Lose a value."""
    batch = good(request, data, times)
    return pa.RecordBatch.from_arrays(
        [*batch.columns[:4], pa.nulls(len(data), pa.float64())], schema=SPEED.schema
    )


def without_frame(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Forget a column."""
    return good(request, data, times).drop_columns(["frame_id"])


def backwards(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Turn the rows round."""
    return good(request, data, times).take(pa.array(range(len(data) - 1, -1, -1), pa.int64()))


def always_log(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Ignore the time policy."""
    return good(attrs.evolve(request, time=TimePolicy.Log), data, times)


def through_buffers(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Forget that a column may be a slice."""
    values = np.frombuffer(data.column("v").buffers()[1], count=len(data))
    return good(request, pa.record_batch({"v": values}), times)


def by_chance(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Give other rows each time."""
    noise = pa.record_batch({"v": [random.random() for _ in range(len(data))]})
    return good(request, noise, times)


def one_by_one(request: MapRequest, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
    """Loop over rows."""
    return good(request, pa.record_batch({"v": [v.as_py() for v in data.column("v")]}), times)


@pytest.mark.parametrize(
    ("make", "promise"),
    [
        (with_null, "schema_is_exact"),
        (without_frame, "schema_is_exact"),
        (backwards, "every_message_has_its_rows"),
        (always_log, "clocks_are_kept_apart"),
        (through_buffers, "slices_and_empty_batches"),
        (by_chance, "threads_agree"),
        (one_by_one, "python_does_not_loop_over_rows"),
    ],
)
def test_broken_promises_are_caught(make, promise):
    """Each way of being wrong fails the promise that it breaks."""
    test = getattr(MapperContract(), f"test_{promise}")

    with pytest.raises(AssertionError):
        test(SpeedMapper(make), (SPEED,), sample())


def test_nulls_at_any_depth():
    """A null is found inside structs and lists too, but not under a parent that is null itself."""
    inner = pa.struct([pa.field("x", pa.int8(), nullable=False)])
    column = pa.array([[{"x": 1}, None], None, [{"x": None}]], pa.list_(inner))

    assert ["points.item.x"] == list(nulls_out_of_place(column, pa.field("points", column.type)))
    assert [] == list(nulls_out_of_place(column[:2], pa.field("points", column.type)))
