"""Payloads to columns by our decoders, against the library that one would call message by message."""

import argparse
import base64
import json
from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.recording import Channel
from tests.bench import protobuf
from tests.bench.measuring import best, table

_BATCH_BYTES = 2 << 20
_SAMPLE = 100


@attrs.frozen(kw_only=True)
class Case:
    """
    Messages of one channel.

    Args:
        name: What they are.
        decoder: Who decodes them.
        channel: What the recording says of them.
        payloads: The messages.
        parse: Makes a dict of one of them, with the library.
        library: What the library is called.
    """

    name: str
    decoder: str
    channel: Channel
    payloads: Sequence[bytes]
    parse: Callable[[bytes], dict[str, object]]
    library: str


def run(_folder: object, options: argparse.Namespace) -> None:
    """Measure every case on one thread; the least time counts."""
    host = Host.discover()
    rows = []
    for case in _cases():
        decode = host.registry.decoders[case.decoder].value.compile(case.channel)
        columns = [pa.array(part, pa.binary()) for part in _batches(case.payloads)]
        _, ours = best(lambda d=decode, c=columns: [d(column) for column in c], options.repeat)
        parts = list(_batches(case.payloads))
        _, together = best(lambda c=case, p=parts: [_together(c, part) for part in p], 3)
        some = case.payloads[:500]
        _, apart = best(lambda c=case, s=some: [_together(c, [payload]) for payload in s], 3)
        n, nbytes = len(case.payloads), sum(map(len, case.payloads))
        rows.append(
            [
                case.name,
                f"{n / ours:,.0f}",
                f"{nbytes / ours / 1e6:,.0f}",
                case.library,
                f"{together / ours:.1f}",
                f"{apart / len(some) * n / ours:.0f}",
            ]
        )
    head = ["messages", "messages/s", "MB/s", "library", "ratio, rows per batch"]
    table([*head, "ratio, rows per message"], rows)
    print()
    protobuf.run(options)


def _together(case: Case, payloads: Sequence[bytes]) -> pa.RecordBatch:
    """Return the columns of payloads that the library parses one by one."""
    return pa.RecordBatch.from_pylist([case.parse(payload) for payload in payloads])


def _batches(payloads: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut *payloads* as sources do."""
    count = max(1, _BATCH_BYTES * len(payloads) // sum(map(len, payloads)))
    for first in range(0, len(payloads), count):
        yield payloads[first : first + count]


def _cases() -> Iterator[Case]:
    """Yield the cases, with messages that are the same in every run."""
    rng = np.random.default_rng(7)
    number, whole = {"type": "number"}, {"type": "integer"}
    axes = {"type": "object", "properties": {"x": number, "y": number, "z": number}}
    stamp = {"type": "object", "properties": {"sec": whole, "nsec": whole}}
    imu = {"timestamp": stamp, "frame_id": {"type": "string"}, "linear": axes, "angular": axes}

    def vector() -> dict[str, float]:
        return dict(zip("xyz", rng.normal(size=3).tolist(), strict=True))

    def message(k: int) -> dict[str, object]:
        at = {"sec": 1_700_000_000 + k, "nsec": k}
        return {"timestamp": at, "frame_id": "imu", "linear": vector(), "angular": vector()}

    moves = [message(k) for k in range(30_000)]
    yield _json("JSON, IMU, JSON Schema", moves, {"type": "object", "properties": imu})
    yield _json("JSON, IMU, no schema", moves, None)
    odd = [{**m, "note": "late"} if k % 1000 == 999 else m for k, m in enumerate(moves)]
    yield _json("JSON, IMU, 0.1 % with a new member", odd, None)
    scans = [{"angle": 0.5, "ranges": rng.normal(5, 1, 360).round(3).tolist()} for _ in range(2000)]
    yield _json("JSON, scan of 360 ranges", scans, None)
    image = {"format": {"type": "string"}, "data": {"type": "string", "contentEncoding": "base64"}}
    images = [
        {"format": "jpeg", "data": base64.b64encode(rng.bytes(50_000)).decode()} for _ in range(200)
    ]
    yield _json("JSON, picture of 50 kB in base64", images, {"type": "object", "properties": image})


def _json(name: str, messages: Sequence[dict[str, object]], schema: object) -> Case:
    """Return a case of JSON."""
    payloads = [json.dumps(message).encode() for message in messages]
    channel = Channel(
        id=1,
        topic="/t",
        type_name="",
        message_encoding="json",
        schema_encoding="jsonschema" if schema else "",
        definition=json.dumps(schema).encode() if schema else b"",
        sample=tuple(payloads[:_SAMPLE]),
    )

    def parse(payload: bytes) -> dict[str, object]:
        row: dict[str, object] = json.loads(payload)
        if "data" in row:
            row["data"] = base64.b64decode(str(row["data"]))
        return row

    return Case(
        name=name,
        decoder="json",
        channel=channel,
        payloads=payloads,
        parse=parse,
        library="json.loads",
    )
