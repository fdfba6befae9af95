"""
The library's verbs: `inspect`, `examine`, `plan`, `ingest` and `serve`. Wires everything, owns nothing.

Must not know: flags, terminals. Next: `mosaico_ingest.cli`, or down to `mosaico_ingest.pipeline.planner`.
"""

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

import attrs

from mosaico_ingest import __version__, client
from mosaico_ingest.client.address import Address
from mosaico_ingest.client.sequence import FindOntology
from mosaico_ingest.engines import LocalEngine
from mosaico_ingest.errors import UsageError
from mosaico_ingest.examining import Examiner
from mosaico_ingest.hooks.contracts import Engine, Observer, Sink
from mosaico_ingest.hooks.discovery import embedded
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.hooks.specs import RunContext
from mosaico_ingest.model.events import PluginFailed, RunFinished, RunStarted
from mosaico_ingest.model.health import TopicHealth
from mosaico_ingest.model.plan import PlannedRecording
from mosaico_ingest.model.recording import RecordingInfo
from mosaico_ingest.model.report import RunReport
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import Aside
from mosaico_ingest.pipeline.flow import Workshop
from mosaico_ingest.pipeline.observing import Observing
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.scheduler import Scheduler, failed_report
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.pipeline.stopping import StopSignal
from mosaico_ingest.server.addresses import without_credentials
from mosaico_ingest.server.runner import serve
from mosaico_ingest.sinks import FlightSink
from mosaico_ingest.workers.budget import ByteBudget
from mosaico_ingest.workers.executors import ExecutorPool

__all__ = [
    "Examined",
    "Inspected",
    "Listing",
    "MosaicoClient",
    "examine",
    "ingest",
    "inspect",
    "plan",
    "serve",
]

Paths = Sequence[str | Path] | str | Path


class MosaicoClient(client.MosaicoClient):
    """
    The client, wired to the installed plugins: `topic_create` takes the tags of their ontology types.

    See `mosaico_ingest.client.MosaicoClient`; plugins are loaded when the first tag is used.
    """

    @classmethod
    def connect_to(
        cls,
        address: Address,
        *,
        timeout_s: float = 5.0,
        connections: int = 0,
        encoders: int = 0,
        ontologies: FindOntology | None = None,
    ) -> Self:
        """Connect to the server at *address*; see `connect`."""

        @functools.cache
        def host() -> Host:
            return Host.discover()

        return super().connect_to(
            address,
            timeout_s=timeout_s,
            connections=connections,
            encoders=encoders,
            ontologies=ontologies or (lambda tag: host().ontology(tag)),
        )


@attrs.frozen(kw_only=True)
class Inspected:
    """A recording that was found: its table of contents, or in one line why there is none."""

    path: Path
    info: RecordingInfo | None = None
    error: str = ""


@attrs.frozen(kw_only=True)
class Examined:
    """What a run would do with recordings, in its own report, and the health of their topics by path."""

    report: RunReport
    health: Mapping[str, tuple[TopicHealth, ...]]


T = TypeVar("T")


class Listing(tuple[T, ...]):  # noqa: SLOT001 - a tuple can only have further attributes in a dict
    """What is said of the recordings that were found, in their order, and *aside*: what was passed over."""

    aside: tuple[Aside, ...] = ()

    def __new__(cls, items: Iterable[T], aside: tuple[Aside, ...] = ()) -> Self:
        """Make a tuple that knows what is not in it."""
        listing = super().__new__(cls, items)
        listing.aside = aside
        return listing


def inspect(
    paths: Paths, *, host: Host | None = None, settings: Settings | None = None
) -> "Listing[Inspected]":
    """
    Tell what is inside the recordings under *paths*. No network.

    Raises:
        UsageError: No path, or a wrong setting.

    Example:
        >>> inspect("missing.mcap", host=Host.empty())[0].error.endswith("Check the path.")
        True
    """
    host = host or Host.discover()
    settings = settings or Settings()
    search = find(_listed(paths), host.registry.sources, settings)
    told: list[Inspected] = []
    with Opener(host.registry, settings) as opener:
        for found in search.recordings:
            info, error = opener.read_info(found)
            told.append(Inspected(path=found.path, info=info, error=error))
    return Listing(told, search.aside)


def plan(
    paths: Paths, *, host: Host | None = None, settings: Settings | None = None
) -> "Listing[PlannedRecording]":
    """
    Tell what `ingest` would do with the recordings under *paths*. No network.

    Raises:
        UsageError: No path, or a wrong setting.
    """
    host = host or Host.discover()
    settings = settings or Settings()
    with Opener(host.registry, settings) as opener:
        return _plan(paths, host, settings, opener)


def examine(
    paths: Paths,
    *,
    host: Host | None = None,
    settings: Settings | None = None,
    context: RunContext | None = None,
    stop: StopSignal | None = None,
) -> Examined:
    """
    Read the recordings under *paths* whole, as `ingest` would, and store nothing. No network.

    Raises:
        UsageError: No path, or a wrong setting.
    """
    examiner = Examiner()
    report = ingest(paths, sink=examiner, host=host, settings=settings, context=context, stop=stop)
    health = {recording.path: examiner.health(recording.path) for recording in report.recordings}
    return Examined(report=report, health=health)


def ingest(
    paths: Paths,
    *,
    client: client.MosaicoClient | None = None,
    sink: Sink | None = None,
    store: str | Path | None = None,
    catalog: str | None = None,
    host: Host | None = None,
    settings: Settings | None = None,
    engine: Engine | None = None,
    observers: Sequence[Observer] = (),
    context: RunContext | None = None,
    stop: StopSignal | None = None,
) -> RunReport:
    """
    Put the recordings under *paths* into a Mosaico platform.

    Args:
        client: Of the server to write to; or
        sink: Any destination; or
        store: Folder of an embedded server, or `s3://BUCKET/PREFIX`; it is started for the run as a child
            process.
        catalog: Address of the store's catalog; see `serve`.
        host: The plugins to use, all that are installed by default.
        settings: What may be chosen.
        engine: Runs the recordings, by default one after the other in this process.
        observers: Listeners besides those that plugins bring.
        context: What plugins' listeners may know of the run.
        stop: Ends the run early; what was read is stored, incomplete recordings are told.

    Returns:
        How every recording ended. One that fails does not stop the others.

    Raises:
        UsageError: No path, no destination or several, or a wrong setting.
        MosaicoError: The destination cannot be reached; nothing was done.
    """
    if sum(target is not None for target in (client, sink, store)) != 1:
        msg = "Name one destination: a client, a sink or the folder of a store."
        raise UsageError(msg)
    host = host or Host.discover()
    settings = settings or Settings()
    began = time.perf_counter()
    stop = stop or StopSignal()
    with ExitStack() as stack:
        opener = stack.enter_context(Opener(host.registry, settings, lambda: stop.is_soft))
        jobs = _plan(paths, host, settings, opener)
        if all(job.error for job in jobs):  # no destination is asked or started for nothing
            return RunReport(
                recordings=tuple(failed_report(job, job.error) for job in jobs),
                seconds=time.perf_counter() - began,
                aside=jobs.aside,
            )
        if store is not None:
            server = stack.enter_context(serve(store, catalog=catalog))
            client = stack.enter_context(
                MosaicoClient.connect(server.host, server.port, connections=settings.lanes)
            )
        if client is not None:
            target = without_credentials(store) if store is not None else client.url
            sink = FlightSink(client, settings.on_error, target)
        assert sink is not None
        listeners, faults = host.observers(context or RunContext(settings=settings))
        listeners += [Registered(observer, embedded(observer)) for observer in observers]
        observing = stack.enter_context(Observing(listeners))
        shop = Workshop(
            registry=host.registry,
            opener=opener,
            settings=settings,
            encoders=stack.enter_context(ExecutorPool(settings.encoders or 1, "mi-encode")),
            lanes=[stack.enter_context(ExecutorPool(1, f"mi-lane-{n}")) for n in range(sink.lanes)],
            budget=ByteBudget(settings.budget_bytes),
            stop=stop,
            emit=observing.emit,
        )
        for fault in faults:
            shop.emit(PluginFailed(plugin=fault.plugin, stage=fault.stage, reason=str(fault)))
        shop.emit(RunStarted(recordings=len(jobs), target=sink.target))
        scheduler = Scheduler(sink=sink, shop=shop, version=__version__)
        reports = (engine or LocalEngine()).run(jobs, scheduler.run)
        report = RunReport(
            recordings=tuple(reports),
            seconds=time.perf_counter() - began,
            interrupted=shop.stop.is_soft,
            aside=jobs.aside,
        )
        shop.emit(RunFinished(report=report))
    return report


def _plan(
    paths: Paths, host: Host, settings: Settings, opener: Opener
) -> Listing[PlannedRecording]:
    """Plan what is under *paths*."""
    search = find(_listed(paths), host.registry.sources, settings)
    return Listing(plan_recordings(search.recordings, host, settings, opener), search.aside)


def _listed(paths: Paths) -> Sequence[str | Path]:
    """Return *paths* as a sequence."""
    return [paths] if isinstance(paths, str | Path) else paths
