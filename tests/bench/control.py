"""Latency of control calls: with nothing else to do, and while four topics stream at full speed."""

import argparse
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from mosaico_ingest.client.sequence import SequenceWriter
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.run import MosaicoClient, serve
from tests.bench.measuring import table

_STREAMS = 4
_ROWS = 20_000
_COLUMNS = 10
_TYPE = Ontology(
    tag="noise",
    fields=pa.schema(
        [pa.field(f"c{number}", pa.float64(), nullable=False) for number in range(_COLUMNS)]
    ),
)
_CALLS = ("finalize", "list", "topic_create")


def run(folder: Path, options: argparse.Namespace) -> None:
    """Measure against the embedded server in a process of its own, idle, then loaded."""
    store = folder / "control-store"
    rounds = 40 * options.repeat
    with (
        serve(store) as server,
        MosaicoClient.connect(server.host, server.port, connections=_STREAMS) as client,
    ):
        _measure(client, "warm", 10)
        idle = _measure(client, "idle", rounds)
        with _streaming(client) as sent:
            began, before = time.perf_counter(), sum(sent)
            loaded = _measure(client, "loaded", rounds)
            rate = (sum(sent) - before) / (time.perf_counter() - began)
        client.sequence_delete("stream")
    shutil.rmtree(store)
    rows = []
    for call in _CALLS:
        calm, busy = np.array(idle[call]) * 1e3, np.array(loaded[call]) * 1e3
        rows.append(
            [
                f"`{call}`",
                *(f"{np.percentile(found, q):.1f}" for found in (calm, busy) for q in (50, 99)),
                f"{np.median(busy) / np.median(calm):.1f}",
            ]
        )
    print(f"{rounds} calls of each kind; the streams send {rate / 1e6:,.0f} MB/s.\n")
    table(["ms", "idle, median", "p99", "loaded, median", "p99", "ratio of medians"], rows)


def _measure(client: MosaicoClient, name: str, rounds: int) -> dict[str, list[float]]:
    """Upload small sequences one after the other; return the seconds of each call."""
    seconds: dict[str, list[float]] = {call: [] for call in _CALLS}

    def timed(call: str, act: Callable[[], object]) -> None:
        began = time.perf_counter()
        act()
        seconds[call].append(time.perf_counter() - began)

    for number in range(rounds):
        sequence = client.sequence_create(f"{name}_{number}")
        sequence.open()
        timed("topic_create", lambda: sequence.topic_create("/t", ontology=_TYPE))  # noqa: B023
        sequence.topics["/t"].close()
        timed("finalize", sequence.finalize)
        timed("list", client.list_sequences)
    return seconds


@contextmanager
def _streaming(client: MosaicoClient) -> Iterator[list[int]]:
    """Stream on all connections while the block runs; yield the bytes sent on each."""
    rows = np.random.default_rng(1)
    columns = {field.name: pa.nulls(_ROWS, field.type) for field in _TYPE.schema}
    columns["timestamp_ns"] = pa.array(range(_ROWS))
    columns |= {f"c{number}": pa.array(rows.random(_ROWS)) for number in range(_COLUMNS)}
    batch = pa.record_batch(list(columns.values()), schema=_TYPE.schema)
    ended, sent = threading.Event(), [0] * _STREAMS
    flowing = threading.Barrier(_STREAMS + 1)
    sequence: SequenceWriter = client.sequence_create("stream")
    sequence.open()

    def stream(number: int) -> None:
        topic = sequence.topic_create(f"/t{number}", ontology=_TYPE, connection=number)
        for _ in range(4):
            topic.write(batch)
        flowing.wait()
        while not ended.is_set():
            sent[number] += topic.write(batch)
        topic.close()

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(_STREAMS)]
    for thread in threads:
        thread.start()
    flowing.wait()
    try:
        yield sent
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        sequence.finalize()
