"""Each stage alone, on one thread: which one limits, and how far from a reader of single messages."""

import argparse
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.batch import RawBatch
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.codec import Codec, Encoded
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.run import MosaicoClient, ingest, serve
from mosaico_ingest.sinks import NullSink
from tests.bench.discard import discarding_server
from tests.bench.measuring import best, recording, table

NAMES = ("imu", "imu-none", "pointclouds", "mix")


class Subject:
    """One recording, opened for one stage at a time."""

    def __init__(self, path: Path, host: Host) -> None:
        self.path = path
        self.host = host
        self.settings = Settings()
        (found,) = find([path], host.registry.sources, self.settings).recordings
        with Opener(host.registry, self.settings) as opener:
            (planned,) = plan_recordings([found], host, self.settings, opener)
        assert planned.plan is not None
        self.plan = planned.plan
        self.codecs = {
            topic.channel.id: Codec(topic, host.registry, {}) for topic in self.plan.topics
        }
        self.messages = self.plan.info.messages or 0

    def raw(self) -> Iterator[RawBatch]:
        """Read: payload columns, batch by batch."""
        with (
            Opener(self.host.registry, self.settings) as opener,
            opener.open_planned(self.plan) as source,
        ):
            for item in source.batches(list(self.codecs), self.settings.batch_bytes):
                assert isinstance(item, RawBatch)
                yield item

    def encode(self, raw: list[RawBatch]) -> list[Encoded]:
        """Decode and map."""
        return [self.codecs[batch.channel_id].encode(batch) for batch in raw]


def run(folder: Path, options: argparse.Namespace) -> None:
    """Measure every stage of every recording."""
    host = Host.discover()
    rows = []
    for name in NAMES:
        subject = Subject(recording(folder, name), host)
        raw = list(subject.raw())
        encoded = subject.encode(raw)
        nbytes = sum(item.rows.data.nbytes for item in encoded)

        def rate(call: Callable[[], object], subject: Subject = subject, n: int = nbytes) -> str:
            median, _ = best(call, options.repeat)
            return f"{subject.messages / median:,.0f}/s, {n / median / 1e6:,.0f} MB/s"

        def read_and_encode(subject: Subject = subject) -> None:
            for batch in subject.raw():
                subject.codecs[batch.channel_id].encode(batch)

        rows.append(
            [
                name,
                rate(lambda s=subject: sum(b.data.num_rows for b in s.raw())),
                rate(lambda s=subject, r=raw: s.encode(r)),
                rate(read_and_encode),
                rate(lambda s=subject: ingest(s.path, sink=NullSink(), host=host)),
                _into_server(subject, host, rate, discard=True, folder=folder),
                _into_server(subject, host, rate, discard=False, folder=folder),
            ]
        )
    table(
        [
            "recording",
            "read",
            "decode + map",
            "file to Arrow, one thread",
            "`ingest`, no server",
            "`ingest`, server discards",
            "`ingest`, embedded server",
        ],
        rows,
    )
    print()
    _against_rosbags(Subject(recording(folder, "imu"), host), options.repeat)


def _into_server(
    subject: Subject,
    host: Host,
    rate: Callable[[Callable[[], object]], str],
    *,
    discard: bool,
    folder: Path,
) -> str:
    """Measure `ingest` into a server that is up already."""
    settings = Settings(again=True)
    store = folder / "store"
    shutil.rmtree(store, ignore_errors=True)
    server = discarding_server() if discard else serve(store)
    with server, MosaicoClient.connect(server.host, server.port) as client:

        def call() -> None:
            report = ingest(subject.path, client=client, host=host, settings=settings)
            assert report.exit_code == 0, report

        told = rate(call)
    shutil.rmtree(store, ignore_errors=True)
    return told


def _against_rosbags(subject: Subject, repeat: int) -> None:
    """Decode and map Imu against rosbags' deserialiser on the same payloads."""
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    raw = list(subject.raw())
    payloads = [
        bytes(value) for batch in raw for value in batch.data.column("payload").to_pylist()
    ][:20_000]
    theirs, _ = best(
        lambda: [types.deserialize_cdr(p, "sensor_msgs/msg/Imu") for p in payloads], repeat
    )
    ours, _ = best(lambda: subject.encode(raw), repeat)
    deserialised, mapped = len(payloads) / theirs, subject.messages / ours
    table(
        ["Imu", "messages/s", "ratio"],
        [
            ["rosbags `deserialize_cdr`, to objects", f"{deserialised:,.0f}", "1"],
            ["decode + map, to ontology rows", f"{mapped:,.0f}", f"{mapped / deserialised:.0f}"],
        ],
    )
