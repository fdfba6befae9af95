"""
Rows per second that the mapper makes of decoded Imu columns.

Run it as `python tests/plugins/ros/mapping/measure.py`. 200,000 rows, in one batch and in batches of
the size that 2 MiB of payloads give; every figure is the best of seven.
"""

import time

import numpy as np
import pyarrow as pa
from mosaico_ingest_ontology import mosaico_ontologies
from mosaico_ingest_ros.mapping import mappers

from mosaico_ingest.plugin import Channel, MapRequest, TimePolicy, Times

ROWS = 200_000
BATCH_ROWS = 6472  # messages of 324 bytes
RNG = np.random.default_rng(0)


def struct(**columns: pa.Array) -> pa.StructArray:
    """Return a struct column."""
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def vector(axes: str) -> pa.StructArray:
    """Return a column of random vectors."""
    return struct(**{axis: pa.array(RNG.normal(size=ROWS)) for axis in axes})


def imu(matrix: np.ndarray) -> pa.RecordBatch:
    """Return decoded Imu messages that all have one covariance."""
    numbers = np.arange(ROWS)
    stamp = struct(
        sec=pa.array(numbers.astype(np.int32)), nanosec=pa.array(numbers.astype(np.uint32))
    )
    columns = {"header": struct(stamp=stamp, frame_id=pa.array(["imu_link"] * ROWS))}
    for name in ("orientation", "angular_velocity", "linear_acceleration"):
        columns[name] = vector("xyzw" if name == "orientation" else "xyz")
        matrices = pa.array(np.tile(matrix.ravel(), ROWS))
        columns[f"{name}_covariance"] = pa.FixedSizeListArray.from_arrays(matrices, 9)
    return pa.record_batch(columns)


def measure(what: str, data: pa.RecordBatch) -> None:
    """Print the rate at which *data* become rows."""
    mapper, *_ = mappers()
    channel = Channel(id=1, topic="/imu", type_name="sensor_msgs/msg/Imu", message_encoding="cdr")
    (ontology,) = (o for o in mosaico_ontologies() if o.tag == "imu")
    rows = mapper.compile(
        MapRequest(
            channel=channel,
            columns=data.schema,
            ontology=ontology,
            time=TimePolicy.Header,
            options=None,
        )
    )
    log_ns = pa.array(np.arange(ROWS))
    for size in (ROWS, BATCH_ROWS):
        batches = [
            (data.slice(first, size), Times(log_ns=log_ns.slice(first, size)))
            for first in range(0, ROWS, size)
        ]
        best_s = float("inf")
        for _ in range(7):
            start = time.perf_counter()
            for batch, times in batches:
                rows(batch, times)
            best_s = min(best_s, time.perf_counter() - start)
        print(f"{what}, batches of {size:,}: {ROWS / best_s / 1e6:.1f} M rows/s")  # noqa: T201 - its purpose


if __name__ == "__main__":
    measure("covariances known", imu(np.eye(3)))
    measure("covariances zero", imu(np.zeros((3, 3))))
