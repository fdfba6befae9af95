"""Foxglove's schemas to rows, in each encoding: the mapper alone, and decoder and mapper together."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.hooks.contracts import MapRequest
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.batch import Times
from tests.bench.measuring import best, table

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins/foxglove"))

from foxglove_messages import Dress, make_dress, make_messages

_VIEW_BYTES = 4096  # sources hand larger messages on as views


def run(_folder: object, options: argparse.Namespace) -> None:
    """Measure every schema in every encoding on one thread."""
    host = Host.discover()
    dresses = [make_dress(name) for name in ("cdr", "protobuf", "json")]
    rows = [
        [schema, dress.name, *_rates(dress, schema, payloads(dress), host, options.repeat)]
        for schema, payloads in _cases()
        for dress in dresses
    ]
    head = ["schema", "encoding", "messages/s", "MB/s", "MB/s of the mapper alone"]
    table(head, rows)


def _rates(dress: Dress, schema: str, payloads: pa.Array, host: Host, repeat: int) -> Iterator[str]:
    """Yield messages per second and bytes per second, then bytes of the mapper alone."""
    count, size = len(payloads), payloads.nbytes
    if size / count > _VIEW_BYTES:
        payloads = payloads.cast(pa.binary_view())
    channel = dress.channel(schema)
    decode = dress.decoder.compile(channel)
    mapper = host.registry.mappers["foxglove"].value
    claim = mapper.claim(channel, decode.schema, None)
    assert claim is not None
    ontology = host.ontology(claim.tag)
    assert ontology is not None
    rows = mapper.compile(
        MapRequest(
            channel=channel,
            columns=decode.schema,
            ontology=ontology,
            time=TimePolicy.Header,
            options=None,
        )
    )
    times = Times(log_ns=pa.array(np.arange(count)))
    data = decode(payloads).data
    both, _ = best(lambda: rows(decode(payloads).data, times), repeat)
    alone, _ = best(lambda: rows(data, times), repeat)
    yield f"{count / both:,.0f}"
    yield f"{size / both / 1e6:,.0f}"
    yield f"{size / alone / 1e6:,.0f}"


def _cases() -> Iterator[tuple[str, Callable[[Dress], pa.Array]]]:
    """Yield schemas and their payloads, the same in every run."""
    rng = np.random.default_rng(7)
    data = rng.bytes(1 << 20)
    ranges = rng.random(720).tolist()
    sizes: list[tuple[str, int, Mapping[str, Any]]] = [
        ("RawImage", 20, {"data": data}),
        ("CompressedImage", 100, {"data": data[:200_000]}),
        ("PointCloud", 20, {"data": data, "point_stride": 16}),
        ("LaserScan", 1_000, {"ranges": ranges, "intensities": ranges}),
        ("PoseInFrame", 20_000, {}),
        ("FrameTransforms", 5_000, {}),
    ]
    for schema, count, values in sizes:
        yield schema, partial(_payloads, schema, count, values)


def _payloads(schema: str, count: int, values: Mapping[str, Any], dress: Dress) -> pa.Array:
    """Return *count* messages with *values*, of which twenty differ."""
    messages = [message | values for message in make_messages(schema, 20)]
    some = [dress.encoding.payload(schema, message) for message in messages]
    return pa.array(some * (count // len(some)), pa.binary())
