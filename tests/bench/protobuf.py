"""Protobuf payloads to columns by our decoder, against the protobuf library, message by message."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.recording import Channel
from tests.bench.measuring import best, table

_BATCH_BYTES = 2 << 20
_MESSAGES = {
    "Stamp": ("int64 seconds", "int32 nanos"),
    "Vector": ("double x", "double y", "double z"),
    "Quaternion": ("double x", "double y", "double z", "double w"),
    "Imu": ("Stamp timestamp", "string frame_id", "Vector linear", "Vector angular"),
    "State": ("int32 a", "double b", "bool c", "string d", "uint64 e", "sint32 f", "fixed32 g"),
    "Transform": (
        "Stamp timestamp",
        "string parent",
        "string child",
        "Vector translation",
        "Quaternion rotation",
    ),
    "Transforms": ("Transform* transforms",),
    "Scan": ("Stamp timestamp", "double* ranges", "double* intensities"),
    "Path": ("Vector* points",),
    "Picture": ("Stamp timestamp", "string frame_id", "bytes data", "string format"),
}


def run(options: argparse.Namespace) -> None:
    """Measure every case on one thread; the least time counts."""
    files = _files()
    pool = DescriptorPool()
    pool.Add(files.file[0])
    decoder = Host.discover().registry.decoders["protobuf"].value
    rows = []
    for name, type_name, messages in _cases(np.random.default_rng(7)):
        message = GetMessageClass(pool.FindMessageTypeByName(f"bench.{type_name}"))
        payloads = [message(**values).SerializeToString() for values in messages]
        channel = Channel(
            id=1,
            topic="/t",
            type_name=f"bench.{type_name}",
            message_encoding="protobuf",
            schema_encoding="protobuf",
            definition=files.SerializeToString(),
        )
        decode, read = decoder.compile(channel), message.FromString
        n, nbytes = len(payloads), sum(map(len, payloads))
        count = max(1, _BATCH_BYTES * n // nbytes)
        parts = [payloads[first : first + count] for first in range(0, n, count)]
        columns = [pa.array(part, pa.binary()) for part in parts]
        some = payloads[: max(1, n // 20)]
        _, ours = best(lambda d=decode, c=columns: [d(column) for column in c], options.repeat)
        _, parsed = best(lambda r=read, p=payloads: [r(payload) for payload in p], 3)
        _, columnar = best(
            lambda r=read, p=parts, m=message: [
                _columns([r(payload) for payload in part], m.DESCRIPTOR) for part in p
            ],
            3,
        )
        _, dicts = best(lambda r=read, s=some: [MessageToDict(r(payload)) for payload in s], 3)
        ratios = parsed, columnar, dicts * n / len(some)
        rows.append(
            [
                name,
                f"{n / ours:,.0f}",
                f"{nbytes / ours / 1e6:,.0f}",
                *(f"{seconds / ours:.1f}" for seconds in ratios),
            ]
        )
    head = ["messages", "messages/s", "MB/s", "ratio to parsing alone"]
    table([*head, "ratio to attributes, column by column", "ratio to `MessageToDict`"], rows)


def _columns(messages: Sequence[Any], descriptor: Any) -> pa.StructArray:
    """Return the columns of parsed messages, by a comprehension for each attribute."""
    arrays = []
    for field in descriptor.fields:
        values = [getattr(message, field.name) for message in messages]
        if field.is_repeated:
            offsets = np.cumsum([0, *map(len, values)], dtype=np.int32)
            flat = [item for value in values for item in value]
            items = _columns(flat, field.message_type) if field.message_type else pa.array(flat)
            arrays.append(pa.ListArray.from_arrays(pa.array(offsets), items))
        elif field.message_type:
            arrays.append(_columns(values, field.message_type))
        else:
            arrays.append(pa.array(values))
    return pa.StructArray.from_arrays(arrays, [field.name for field in descriptor.fields])


def _files() -> FileDescriptorSet:
    """Return the descriptors of `_MESSAGES`."""
    files = FileDescriptorSet()
    file = files.file.add(name="bench.proto", package="bench", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(fields, 1):
            kind, field_name = text.split()
            label = 3 if kind.endswith("*") else 1
            field = message.field.add(name=field_name, number=number, label=label)
            kind = kind.rstrip("*")
            if kind in _MESSAGES:
                field.type_name = f".bench.{kind}"
                field.type = FieldDescriptorProto.TYPE_MESSAGE
            else:
                field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return files


def _cases(rng: np.random.Generator) -> Iterator[tuple[str, str, Iterable[dict[str, object]]]]:
    """Yield name, type and values of messages that are the same in every run."""

    def stamp(k: int) -> dict[str, int]:
        return {"seconds": 1_700_000_000 + k, "nanos": k * 997 % 10**9}

    def vector(axes: str = "xyz") -> dict[str, float]:
        return dict(zip(axes, rng.normal(size=len(axes)).tolist(), strict=True))

    def transform(k: int) -> dict[str, object]:
        pose = {"translation": vector(), "rotation": vector("xyzw")}
        return {"timestamp": stamp(k), "parent": "map", "child": f"link_{k * 7 % 200}", **pose}

    def state(k: int) -> dict[str, object]:
        values = {
            "a": -k,
            "b": k / 3,
            "c": True,
            "d": "ab" * (k % 9),
            "e": k << 40,
            "f": -k,
            "g": k,
        }
        return {name: value for name, value in values.items() if rng.random() < 0.5}

    imu = (
        {"timestamp": stamp(k), "frame_id": "imu", "linear": vector(), "angular": vector()}
        for k in range(30_000)
    )
    yield "IMU of 76 bytes", "Imu", imu
    yield "7 fields, each in half of the messages", "State", (state(k) for k in range(50_000))
    moves = ({"transforms": [transform(k + j) for j in range(1 + k % 5)]} for k in range(5_000))
    yield "1 to 5 transforms", "Transforms", moves
    ranges = rng.normal(5, 1, 720)
    scans = ({"timestamp": stamp(k), "ranges": ranges, "intensities": ranges} for k in range(2_000))
    yield "scan of 720 ranges, packed", "Scan", scans
    paths = (
        {"points": [vector() if k % 3 else {"x": 1.0} for k in range(2_000)]} for _ in range(40)
    )
    yield "list of 2,000 points", "Path", paths
    data = rng.bytes(200_000)
    pictures = ({"timestamp": stamp(k), "data": data, "format": "jpeg"} for k in range(200))
    yield "picture of 200 kB", "Picture", pictures
