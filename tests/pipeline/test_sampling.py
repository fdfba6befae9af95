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


def test_a_sample_is_bounded(tmp_path, bench, curious):
    """At most 256 messages or 64 KiB, and nothing of a message that is larger than 16 MiB."""
    many = [f"/seen {k} {'x' * 9}" for k in range(300)]
    long = [f"/seen {k} {'x' * 40_000}" for k in range(4)]
    huge = [f"/seen 0 {'x' * (17 << 20)}"]
    for name, lines in (("many", many), ("long", long), ("huge", huge)):
        bench.run(write_lines(tmp_path / f"{name}.lines", *lines), sink=MemorySink())

    assert [256, 1, 0] == [len(sample) for sample in curious.decoder.samples["/seen"][::2]]


def test_channels_that_are_left_out_are_not_read(tmp_path, bench, curious):
    """`--topics` decides before anything is read."""
    path = write_lines(tmp_path / "run.lines", "/seen 1 a", "/unseen 2 b")
    bench.run(path, sink=MemorySink(), settings=Settings(topics=("/unseen",)))

    assert {"/unseen": [(), ()]} == curious.decoder.samples
