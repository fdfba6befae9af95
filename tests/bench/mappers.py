"""ROS payloads to rows by decoder and mapper, against rosbags' objects and the public SDK's adapter."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.hooks.contracts import MapRequest
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.batch import Times
from mosaico_ingest.model.payloads import Payloads
from mosaico_ingest.model.recording import Channel
from tests.bench.measuring import best, table

_BATCH_BYTES = 2 << 20
_VIEW_BYTES = 4096  # sources hand larger messages on as views


@attrs.frozen
class Case:
    """
    Messages of one type on their way to one ontology type.

    Args:
        kind: The message type (`sensor_msgs/msg/Imu`).
        tag: What it becomes.
        mapper: Who makes it.
        payloads: Messages as ROS 2 writes them.
        options: Settings of the mapper.
        adapter: Name of the SDK's adapter to compare with, empty for none.
    """

    kind: str
    tag: str
    mapper: str
    payloads: Sequence[bytes]
    options: Mapping[str, object] | None = None
    adapter: str = ""


def run(_folder: object, options: argparse.Namespace) -> None:
    """Measure every case on one thread."""
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    host = Host.discover()
    rows = []
    for case in _cases(types):
        nbytes = sum(map(len, case.payloads))
        work = _columnar(case, host)
        ours, _ = best(work, options.repeat)
        some = case.payloads[: max(2, len(case.payloads) // 10)]
        share = len(some) / len(case.payloads)
        theirs, _ = best(lambda c=case, s=some: [types.deserialize_cdr(p, c.kind) for p in s], 3)
        is_small = nbytes < _VIEW_BYTES * len(
            case.payloads
        )  # of large ones, rosbags copies nothing
        rows.append(
            [
                case.kind,
                case.tag + (f" ({case.options['image']})" if case.options else ""),
                f"{len(case.payloads) / ours:,.0f}",
                f"{nbytes / ours / 1e6:,.0f}",
                f"{theirs / share / ours:.0f}" if is_small else "",
                _against_adapter(case, types, ours),
            ]
        )
    head = ["message", "becomes", "messages/s", "MB/s", "ratio to rosbags' objects"]
    table([*head, "ratio to the SDK's adapter"], rows)


def _columnar(case: Case, host: Host) -> Callable[[], object]:
    """Return the work of decoding and mapping all messages, batch by batch."""
    registry = host.registry
    channel = Channel(id=1, topic="/t", type_name=case.kind, message_encoding="cdr")
    decode = registry.decoders["cdr"].value.compile(channel)
    mapper = registry.mappers[case.mapper].value
    ontology = host.ontology(case.tag)
    assert ontology is not None
    assert mapper.options is not None or case.options is None
    request = MapRequest(
        channel=channel,
        columns=decode.schema,
        ontology=ontology,
        time=TimePolicy.Header,
        options=mapper.options(**case.options) if mapper.options and case.options else None,
    )
    rows, columns = mapper.compile(request), list(_batches(case.payloads))

    def work() -> None:
        for column in columns:
            decoded = decode(column)
            rows(decoded.data, Times(log_ns=pa.array(np.arange(len(column)))))

    return work


def _batches(payloads: Sequence[bytes]) -> Iterator[pa.Array]:
    """Cut *payloads* to columns as sources do."""
    lengths = np.array([len(p) for p in payloads], np.int64)
    buffer = np.frombuffer(b"".join(payloads), np.uint8)
    whole = Payloads(buffer, np.cumsum(lengths) - lengths, lengths)
    count = max(1, _BATCH_BYTES // int(lengths.mean()))
    for first in range(0, len(payloads), count):
        part = whole.take(np.arange(first, min(first + count, len(payloads))))
        yield part.to_view() if lengths.mean() > _VIEW_BYTES else part.to_binary()


def _against_adapter(case: Case, types: Any, ours: float) -> str:
    """Measure the SDK's way from a payload to its model, if it is installed and has one."""
    if not case.adapter:
        return ""
    try:
        from mosaicolabs.ros_bridge import adapters
    except ImportError:
        return "not installed"
    adapter = getattr(adapters, case.adapter)
    names = ("height", "width", "is_bigendian", "point_step", "row_step", "is_dense", "data")
    some = case.payloads[:3]

    def work() -> None:
        for payload in some:
            message = types.deserialize_cdr(payload, case.kind)
            fields = [
                {name: getattr(field, name) for name in ("name", "offset", "datatype", "count")}
                for field in message.fields
            ]
            adapter.from_dict({"fields": fields, **{n: getattr(message, n) for n in names}})

    theirs, _ = best(work, 1)
    return f"{theirs / len(some) * len(case.payloads) / ours:.0f}"


def _cases(types: Any) -> Iterator[Case]:
    """Yield the cases, with messages that are the same in every run."""
    rng = np.random.default_rng(7)

    def make(name: str, *values: object) -> Any:
        return types.types[name.replace("/", "/msg/", 1)](*values)

    def payloads(name: str, count: int, *values: object) -> list[bytes]:
        kind = name.replace("/", "/msg/", 1)
        message = make(name, make("std_msgs/Header", stamp, "sensor"), *values)
        return [bytes(types.serialize_cdr(message, kind))] * count

    stamp = make("builtin_interfaces/Time", 1_700_000_000, 5)
    vector = make("geometry_msgs/Vector3", 0.1, 0.2, 9.81)
    rotation = make("geometry_msgs/Quaternion", 0.0, 0.0, 0.0, 1.0)
    eye = np.eye(3).ravel()
    imu = payloads("sensor_msgs/Imu", 50_000, rotation, eye, vector, eye, vector, eye)
    yield Case("sensor_msgs/msg/Imu", "imu", "ros", imu)

    ranges = rng.random(720, np.float32)
    scan = payloads("sensor_msgs/LaserScan", 5_000, *[0.1] * 7, ranges, ranges)
    yield Case("sensor_msgs/msg/LaserScan", "laser_scan", "ros", scan)

    y, x, channel = np.mgrid[0:480, 0:640, 0:3]
    waves = 120 + 60 * np.sin(x / 90 + channel) + 40 * np.cos(y / 70)
    pixels = (waves + rng.normal(0, 2, waves.shape)).astype(np.uint8).ravel()
    image = ("sensor_msgs/Image", 200, 480, 640, "rgb8", 0, 1920, pixels)
    yield Case("sensor_msgs/msg/Image", "image", "ros", payloads(*image))
    few = payloads(*image)[:10]
    yield Case("sensor_msgs/msg/Image", "image", "ros", few, {"image": "png"})

    jpeg = np.frombuffer(b"\xff\xd8\xff" + rng.bytes(200_000), np.uint8)
    picture = payloads("sensor_msgs/CompressedImage", 1_000, "rgb8; jpeg compressed bgr8", jpeg)
    yield Case("sensor_msgs/msg/CompressedImage", "compressed_image", "ros", picture)

    point = np.dtype(
        {
            "names": ["x", "y", "z", "intensity", "ring", "time"],
            "formats": ["<f4", "<f4", "<f4", "<f4", "<u2", "<f4"],
            "offsets": [0, 4, 8, 12, 16, 18],
            "itemsize": 22,
        }
    )
    scan_points = np.empty(45_000, point)
    for name in point.names:
        scan_points[name] = rng.integers(0, 100, 45_000)
    points = scan_points.view(np.uint8)
    codes = {"f": 7, "u": 4}
    fields = [
        make("sensor_msgs/PointField", name, offset, codes[kind.kind], 1)
        for name, (kind, offset) in point.fields.items()
    ]
    cloud = payloads(
        "sensor_msgs/PointCloud2", 150, 1, 45_000, fields, False, 22, len(points), points, True
    )
    yield Case("sensor_msgs/msg/PointCloud2", "point_cloud2", "ros", cloud)
    yield Case("sensor_msgs/msg/PointCloud2", "lidar", "ros-lidar", cloud, None, "LidarAdapter")
