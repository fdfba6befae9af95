"""Plugins that raise at each stage of a run into a real server: each costs what the rules say."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import SessionLevelErrorPolicy
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.events import PluginFailed
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.plugin import hookimpl
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.testing.lines import LinesPlugin, write_lines


@pytest.fixture(scope="module")
def client(new_place) -> Iterator[MosaicoClient]:
    """A client of a server that the tests of plugins share; their sequences have names of their own."""
    with serve(new_place()) as server, MosaicoClient.connect(server.host, server.port) as client:
        yield client


class BrokenPlugin(LinesPlugin):
    """Raises at one stage, for files or topics called `bad` alone."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def _guard(self, stage: str, name: str) -> None:
        if stage == self._stage and name == "bad":
            msg = f"broken at {stage}"
            raise RuntimeError(msg)

    @hookimpl
    def mosaico_sources(self) -> list:
        """Break `sniff`, `open` or `batches`."""
        (lines,) = super().mosaico_sources()
        sniff, begin = lines.sniff, lines.open

        def guarded_sniff(file):
            self._guard("sniff", file.path.stem)
            return sniff(file)

        def guarded_open(file, options):
            self._guard("open", file.path.stem)
            recording = begin(file, options)
            batches = recording.batches

            def guarded_batches(*arguments):
                yield from batches(*arguments)
                self._guard("batches", file.path.stem)

            recording.batches = guarded_batches
            return recording

        lines.sniff, lines.open = guarded_sniff, guarded_open
        return [lines]

    @hookimpl
    def mosaico_decoders(self) -> list:
        """Break `decode`."""
        (decoder,) = super().mosaico_decoders()
        prepare = decoder.compile

        def guarded_compile(channel):
            return GuardedDecode(prepare(channel), lambda: self._guard("decode", channel.topic))

        decoder.compile = guarded_compile
        return [decoder]

    @hookimpl
    def mosaico_mappers(self) -> list:
        """Break `map`."""
        (mapper,) = super().mosaico_mappers()
        prepare = mapper.compile

        def guarded_compile(request):
            rows_of = prepare(request)

            def guarded_map(data, times):
                self._guard("map", request.channel.topic)
                return rows_of(data, times)

            return guarded_map

        mapper.compile = guarded_compile
        return [mapper]


@attrs.frozen
class GuardedDecode:
    """A decode that may raise."""

    inner: object
    guard: object

    @property
    def schema(self) -> pa.Schema:
        """The columns of the real one."""
        return self.inner.schema

    @property
    def note(self) -> str:
        """Nothing to tell."""
        return ""

    def __call__(self, payload):
        """Decode, or raise."""
        self.guard()
        return self.inner(payload)


@pytest.fixture
def folder(tmp_path, request) -> Path:
    """Two recordings, `good` and `bad`; the second has a topic called `bad` of two messages in five."""
    runs = tmp_path / "runs"
    runs.mkdir()
    write_lines(runs / "good.lines", f"good 1 {request.node.name}", "good 2 b")
    write_lines(
        runs / "bad.lines",
        f"good 1 {request.node.name}",
        "bad 2 b",
        "bad 3 c",
        "good 4 d",
        "good 5 e",
    )
    return runs


def outcome(report) -> dict[str, tuple[str, int, int]]:
    """Return status, messages stored and messages lost by recording."""
    return {
        Path(r.path).stem: (
            r.status.value,
            sum(t.stored for t in r.topics),
            sum(t.lost for t in r.topics),
        )
        for r in report.recordings
    }


FAILED = ("failed", 0, 5)
UNKNOWN = ("failed", 0, 0)
PARTLY = ("stored_with_losses", 3, 2)


@pytest.mark.parametrize(
    ("stage", "expected", "strict"),
    [
        ("none", ("stored", 5, 0), False),
        ("none", ("stored", 5, 0), True),
        ("sniff", UNKNOWN, False),
        ("open", UNKNOWN, False),
        ("batches", FAILED, False),
        ("decode", PARTLY, False),
        ("decode", FAILED, True),
        ("map", PARTLY, False),
        ("map", FAILED, True),
    ],
)
def test_a_broken_plugin_costs_what_it_worked_on(client, folder, stage, expected, strict):
    """A source costs its recording, a decoder or mapper its topic, under `--strict` the recording too."""
    host = Host.empty().with_(BrokenPlugin(stage))
    settings = Settings(name=f"{stage}_{strict}_{{name}}", strict=strict)

    report = ingest(folder, client=client, host=host, settings=settings)

    codes = {"stored": 0, "failed": 1, "stored_with_losses": 3}
    assert {"good": ("stored", 2, 0), "bad": expected} == outcome(report)
    assert codes[expected[0]] == report.exit_code
    reasons = [reason for r in report.recordings for t in r.topics for reason in t.reasons]
    told = " ".join([*reasons, *(r.error for r in report.recordings)])
    assert (stage != "none") == (f"broken at {stage}" in told)


def test_a_broken_sniffer_hides_no_other_recordings(client, folder):
    """A sniffer that raises on every folder and file leaves what others recognise to them."""
    broken = LinesPlugin()
    (lines,) = broken.mosaico_sources()

    class Sniffer:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_sources(self) -> list:
            def sniff(file):
                msg = "broken everywhere"
                raise RuntimeError(msg)

            lines.name, lines.sniff = "sniffer", sniff
            return [lines]

    host = Host.empty().with_(LinesPlugin(), Sniffer())

    report = ingest(folder, client=client, host=host, settings=Settings(name="hidden_{name}"))

    assert {"good": ("stored", 2, 0), "bad": ("stored", 5, 0)} == outcome(report)


class Listener:
    """Keeps what it hears, or raises at once."""

    def __init__(self, *, is_broken: bool) -> None:
        self.heard: list[object] = []
        self._is_broken = is_broken

    def on_event(self, event) -> None:
        """Take one event."""
        self.heard.append(event)
        if self._is_broken:
            msg = "broken at observe"
            raise RuntimeError(msg)

    def close(self) -> None:
        """End."""


def test_a_broken_observer_costs_itself(client, folder):
    """An observer that raises hears nothing more; the run goes on, and the others hear of it once."""
    broken, whole = Listener(is_broken=True), Listener(is_broken=False)
    host = Host.empty().with_(LinesPlugin())

    report = ingest(
        folder,
        client=client,
        host=host,
        settings=Settings(name="observed_{name}"),
        observers=[broken, whole],
    )

    assert (0, 1) == (report.exit_code, len(broken.heard))
    assert ["RuntimeError('broken at observe')"] == [
        event.reason for event in whole.heard if isinstance(event, PluginFailed)
    ]


@pytest.mark.parametrize("policy", SessionLevelErrorPolicy)
def test_a_failed_recording_is_reported_or_deleted(client, folder, policy):
    """Under `delete` a failed recording leaves no trace; under `report` it stays, unlocked, with a notice."""
    host = Host.empty().with_(BrokenPlugin("batches"))
    name = f"policy_{policy.value}"
    settings = Settings(name=name, on_error=policy)
    sessions = (False,) if policy is SessionLevelErrorPolicy.Report else ()

    report = ingest(folder / "bad.lines", client=client, host=host, settings=settings)

    assert 1 == report.exit_code
    assert (name in client.list_sequences()) == bool(sessions)
    if sessions:
        assert sessions == tuple(s.locked for s in client.sequence_handler(name).sessions)
        (notice,) = client.list_sequence_notifications(name)
        assert "broken at batches" in notice.text


def test_a_reported_recording_is_repeated(client, folder):
    """What a failed run left under `report` does not stand in the way of a second one."""
    settings = Settings(name="repeated")
    first = ingest(
        folder / "bad.lines",
        client=client,
        host=Host.empty().with_(BrokenPlugin("batches")),
        settings=settings,
    )
    second = ingest(
        folder / "bad.lines",
        client=client,
        host=Host.empty().with_(BrokenPlugin("none")),
        settings=settings,
    )

    assert (1, 0) == (first.exit_code, second.exit_code)
    assert client.sequence_handler("repeated").complete
