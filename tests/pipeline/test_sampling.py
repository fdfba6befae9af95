"""Tests of mosaico_ingest.pipeline.sampling."""

import pickle

import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.plugin import Match, Strength, hookimpl
from mosaico_ingest.testing.lines import LinesPlugin, write_lines
from mosaico_ingest.testing.sink import MemorySink


class CuriousPlugin:
    """A decoder of the lines that wants to see the first of `/seen`."""

    MOSAICO_API = (1, 0)

    class Decoder:
        """Stands in for the decoder of the lines."""

        name = "curious"
        replaces = ("line",)

        def __init__(self, inner):
            self._inner = inner
            self.samples = {}

        def claim(self, channel):
            """Claim what the other one claims."""
            return Match(Strength.MAGIC, "line")

        def wants_sample(self, channel):
            """Ask for one channel, fail at another."""
            if channel.topic == "/fails":
                msg = "no idea"
                raise ValueError(msg)
            return channel.topic == "/seen"

        def compile(self, channel):
            """Note what was given."""
            self.samples.setdefault(channel.topic, []).append(channel.sample)
            return self._inner.compile(channel)

    def __init__(self):
        (inner,) = LinesPlugin().mosaico_decoders()
        self.decoder = self.Decoder(inner)

    @hookimpl
    def mosaico_decoders(self):
        """Hand in the decoder."""
        return [self.decoder]


@pytest.fixture
def curious():
    """The plugin."""
    return CuriousPlugin()


@pytest.fixture
def host(curious) -> Host:
    """The lines plugin, with another decoder."""
    return Host.empty().with_(LinesPlugin()).with_(curious)


def test_a_decoder_that_asks_is_given_the_first_messages(tmp_path, host, curious):
    """Only channels that it asks for, in stored order; a plan that carries them can be pickled."""
    lines = [f"/{name} {k} {name}{k}" for k in range(3) for name in ("seen", "unseen", "fails")]
    path = write_lines(tmp_path / "run.lines", *lines)
    settings = Settings()
    found = find([path], host.registry.sources, settings).recordings
    with Opener(host.registry, settings) as opener:
        (planned,) = plan_recordings(found, host, settings, opener)

    expected = {"/seen": [(b"seen0", b"seen1", b"seen2")], "/unseen": [()], "/fails": [()]}
    assert expected == curious.decoder.samples
    assert planned == pickle.loads(pickle.dumps(planned))


def test_decoding_is_given_what_planning_was_given(tmp_path, bench, curious):
    """The decoder is compiled again for the flow, with the same messages."""
    path = write_lines(tmp_path / "run.lines", "/seen 1 a", "/seen 2 b")
    bench.run(path, sink=MemorySink())

    assert {"/seen": [(b"a", b"b")] * 2} == curious.decoder.samples


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ((300, 1, 9), 256),
        ((4, 1, 40_000), 2),
        ((1, 1, 17 << 20), 0),
        ((40, 10**9, 9), 10),
        ((40, 10**8, 9), 40),
        ((90, 10**8, 9), 51),
    ],
)
def test_a_sample_is_bounded(tmp_path, bench, curious, recorded, expected):
    """256 messages, 64 KiB, or five seconds and ten messages; nothing of a message beyond 16 MiB."""
    messages, step_ns, nbytes = recorded
    lines = [f"/seen {k * step_ns} {'x' * nbytes}" for k in range(messages)]
    bench.run(write_lines(tmp_path / "run.lines", *lines), sink=MemorySink())

    assert expected == len(curious.decoder.samples["/seen"][0])


def test_several_channels_in_one_pass(tmp_path, bench, curious):
    """A channel that has enough is not read on, and the others lose nothing to that."""
    curious.decoder.wants_sample = lambda channel: channel.topic != "/fails"
    often = [f"/seen {k} {k}" for k in range(300)]
    seldom = [f"/unseen {k} {k}" for k in range(3)]
    lines = [*often[:100], seldom[0], *often[100:280], seldom[1], *often[280:], seldom[2]]
    bench.run(write_lines(tmp_path / "run.lines", *lines), sink=MemorySink())

    samples = {topic: given[0] for topic, given in curious.decoder.samples.items()}
    assert tuple(str(k).encode() for k in range(256)) == samples["/seen"]
    assert (b"0", b"1", b"2") == samples["/unseen"]


def test_channels_that_are_left_out_are_not_read(tmp_path, bench, curious):
    """`--topics` decides before anything is read."""
    path = write_lines(tmp_path / "run.lines", "/seen 1 a", "/unseen 2 b")
    bench.run(path, sink=MemorySink(), settings=Settings(topics=("/unseen",)))

    assert {"/unseen": [(), ()]} == curious.decoder.samples
