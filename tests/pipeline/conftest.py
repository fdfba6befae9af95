"""The host of the pipeline's tests: only the plugin that ships with the test kit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.events import Event
from mosaico_ingest.model.report import RecordingReport
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.flow import Workshop
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.scheduler import Scheduler
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.pipeline.stopping import StopSignal
from mosaico_ingest.testing.lines import LinesPlugin
from mosaico_ingest.testing.sink import MemorySink
from mosaico_ingest.workers.budget import ByteBudget
from mosaico_ingest.workers.executors import ExecutorPool


@pytest.fixture
def host() -> Host:
    """A host with the lines plugin alone."""
    return Host.empty().with_(LinesPlugin())


class Bench:
    """Runs recordings through the real pipeline into memory."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.events: list[Event] = []
        self.stop = StopSignal()
        self.budget = ByteBudget(1_000_000)

    def run(
        self, *paths: Path, sink: MemorySink, settings: Settings | None = None, encoders: int = 2
    ) -> list[RecordingReport]:
        """Plan and ingest *paths*; every thread has ended on return."""
        settings = settings or Settings(batch_bytes=8)
        registry = self.host.registry
        found = find(paths, registry.sources, settings).recordings
        lanes = [ExecutorPool(1, f"mi-lane-{n}") for n in range(sink.lanes)]
        with (
            ExecutorPool(encoders, "mi-encode") as pool,
            Opener(registry, settings, lambda: self.stop.is_soft) as opener,
        ):
            jobs = plan_recordings(found, self.host, settings, opener)
            shop = Workshop(
                registry=registry,
                opener=opener,
                settings=settings,
                encoders=pool,
                lanes=lanes,
                budget=self.budget,
                stop=self.stop,
                emit=self.events.append,
            )
            scheduler = Scheduler(sink=sink, shop=shop, version="0")
            reports = [scheduler.run(i, job) for i, job in enumerate(jobs)]
        for lane in lanes:
            lane.close()
        return reports


@pytest.fixture
def bench(host: Host) -> Bench:
    """The pipeline on a bench."""
    return Bench(host)


@pytest.fixture
def fail_on() -> Callable[[str], Callable[..., None]]:
    """Make a sink fault that raises for one topic."""

    def make(topic: str) -> Callable[..., None]:
        def fault(batch) -> None:
            if batch.topic == topic:
                msg = "The destination burst."
                raise OSError(msg)

        return fault

    return make
