"""Tests of mosaico_ingest.pipeline.planner."""

import pickle

import attrs
import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.plugin import Claim, Fit, hookimpl
from mosaico_ingest.testing.lines import LinesPlugin, write_lines


def plan_one(path, host, settings=None):
    """Plan the recording at *path*."""
    settings = settings or Settings()
    found = find([path], host.registry.sources, settings).recordings
    with Opener(host.registry, settings) as opener:
        (planned,) = plan_recordings(found, host, settings, opener)
    return planned


def mapper_plugin(fit, name="other", tag="text_line"):
    """Make a plugin with a mapper that claims everything."""

    class Mapper:
        options, replaces = None, ()

        def claim(self, channel, columns, options):
            return Claim(tag=tag, fit=fit, reason="because")

        def compile(self, request):
            raise AssertionError

    Mapper.name = name

    class Plugin:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_mappers(self):
            return [Mapper()]

    return Plugin()


@pytest.fixture
def path(tmp_path):
    """A recording of two channels."""
    return write_lines(tmp_path / "run.lines", "/a 1 x", "/numbers 2 3")


def test_a_plan_names_decoder_mapper_and_reason(path, host):
    """Each channel has a topic with who handles it and why; a plan can be pickled."""
    plan = plan_one(path, host).plan
    told = {t.name: (t.decoder, t.mapper, t.ontology.tag, t.reason) for t in plan.topics}

    assert {
        "/a": ("line", "lines", "text_line", "text"),
        "/numbers": ("line", "lines", "number_line", "number"),
    } == told
    assert plan == pickle.loads(pickle.dumps(plan))


def test_the_better_fit_wins(path, host):
    """A fallback gives way to an exact mapper."""
    plan = plan_one(path, host.with_(mapper_plugin(Fit.FALLBACK))).plan

    assert {"lines"} == {topic.mapper for topic in plan.topics}


def test_a_tie_of_mappers_is_a_conflict_that_map_settles(path, host):
    """Two equal claims stop the recording, with both names and the flag."""
    rival = host.with_(mapper_plugin(Fit.EXACT))
    tied = plan_one(path, rival)
    settled = plan_one(path, rival, Settings(map={"/a": "other", "/numbers": "number_line"}))

    assert "Mappers lines and other both fit channel '/a'." in tied.error
    assert "--map /a=lines" in tied.error
    assert {"/a": "other", "/numbers": "lines"} == {
        topic.name: topic.mapper for topic in settled.plan.topics
    }


def test_many_conflicts_make_no_wall_of_text(tmp_path, host):
    """The error tells three of them, and where the others are told; the plan has all."""
    path = write_lines(tmp_path / "many.lines", *(f"/t{k} 1 x" for k in range(5)))
    planned = plan_one(path, host.with_(mapper_plugin(Fit.EXACT)))

    assert 5 == len(planned.plan.conflicts)
    assert 3 == planned.error.count("--map")
    assert planned.error.endswith("And 2 more: `plan` lists them all.")


def test_a_map_of_a_channel_that_does_not_exist_is_a_usage_error(path, host):
    """The error names the nearest channel."""
    with pytest.raises(UsageError, match=r"'/number'.*Did you mean '/numbers'"):
        plan_one(path, host, Settings(map={"/number": "x"}))


def test_a_clock_of_a_channel_that_does_not_exist_is_a_usage_error(path, host):
    """A typing error must not leave a channel at another clock; a glob may match none."""
    plan = plan_one(path, host, Settings(clocks={"/no*": "log"})).plan

    assert "header" == str(plan.topics[0].clock)
    with pytest.raises(UsageError, match=r"--time names .*Did you mean '/numbers'"):
        plan_one(path, host, Settings(clocks={"/number": "log"}))


def test_a_map_to_what_nobody_makes_is_a_conflict(path, host):
    """No mapper offers that tag for the channel."""
    planned = plan_one(path, host, Settings(map={"/a": "imu"}))

    assert "No mapper makes 'imu' of channel '/a'" in planned.error


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), {"/a", "/numbers"}),
        (("/a",), {"/a"}),
        (("!/a",), {"/numbers"}),
        (("/*", "!/n*"), {"/a"}),
        (("!/*", "/n*"), {"/numbers"}),
    ],
)
def test_topic_globs_are_ordered_and_the_last_match_decides(path, host, patterns, expected):
    """`!` excludes; what no pattern names follows from the first one."""
    plan = plan_one(path, host, Settings(topics=patterns)).plan

    assert expected == {topic.name for topic in plan.topics}
    assert {"/a", "/numbers"} - expected == {s.channel.topic for s in plan.skipped}


def test_a_recording_whose_every_channel_is_skipped_is_an_error(path, host):
    """The error says why they are skipped."""
    planned = plan_one(path, host, Settings(topics=("/nothing",)))

    assert "Every channel of" in planned.error
    assert "not selected by --topics" in planned.error


def test_a_recording_without_channels_has_nothing_to_store(tmp_path, host):
    """An empty recording says so."""
    planned = plan_one(write_lines(tmp_path / "run.lines"), host)

    assert "nothing to store" in planned.error


def test_a_channel_without_decoder_is_offered_as_bytes(path, host):
    """Where nobody decodes, a mapper sees one payload column, and the note says why."""

    class NoDecoder(LinesPlugin):
        @hookimpl
        def mosaico_decoders(self):
            return []

    bare = Host.empty().with_(NoDecoder())
    without = plan_one(path, bare)
    kept = plan_one(path, bare.with_(mapper_plugin(Fit.FALLBACK))).plan

    assert "No mapper takes channel '/a'" in without.error
    assert {""} == {topic.decoder for topic in kept.topics}
    assert "kept as bytes: no decoder for encoding 'line'" == kept.topics[0].note
    assert [kept.topics[0].note] == kept.topics[0].metadata["source"]["notes"]


def test_skip_unmapped_leaves_fallbacks_out(path, host):
    """With `skip_unmapped`, what only the fallback wants is skipped deliberately."""
    only_fallback = host.without("LinesPlugin")

    class Reader(LinesPlugin):
        @hookimpl
        def mosaico_mappers(self):
            return []

    only_fallback = Host.empty().with_(Reader(), mapper_plugin(Fit.FALLBACK))
    planned = plan_one(path, only_fallback, Settings(skip_unmapped=True))

    assert "--skip-unmapped" in planned.error
    assert all(skipped.deliberate for skipped in planned.plan.skipped)


def test_a_plugin_may_refine_the_plan(path, host):
    """What `mosaico_refine_plan` returns is what runs."""

    class Renamer:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_refine_plan(self, plan):
            return attrs.evolve(plan, sequence="renamed")

    assert "renamed" == plan_one(path, host.with_(Renamer())).plan.sequence


def test_a_refinement_that_is_no_plan_costs_the_recording(path, host):
    """The error names the plugin and what it returned."""

    class Wrong:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_refine_plan(self, plan):
            return 7

    assert "'Wrong' returned 7 as a plan" in plan_one(path, host.with_(Wrong())).error


def test_two_recordings_of_one_template_name_are_refused(tmp_path, host):
    """A template that does not tell recordings apart says what to put into it."""
    for name in ("a", "b"):
        write_lines(tmp_path / f"{name}.lines", "/x 1 y")
    settings = Settings(name="fixed")
    found = find([tmp_path], host.registry.sources, settings).recordings
    with Opener(host.registry, settings) as opener:
        planned = plan_recordings(found, host, settings, opener)

    assert ["", True] == [
        planned[0].error,
        "would both become sequence 'fixed'" in planned[1].error,
    ]


def test_where_a_topic_comes_from_stands_in_its_metadata(path, host):
    """Type, encoding and definition of the channel travel with the topic."""
    source = plan_one(path, host).plan.topics[0].metadata["source"]

    assert ("/a", "text", "line", "") == (
        source["channel"],
        source["type"],
        source["message_encoding"],
        source["definition"],
    )
