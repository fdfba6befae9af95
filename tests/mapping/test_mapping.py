"""Mappings from the file to the rows, through the real pipeline into memory."""

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.mapping.file import load_mapping
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.plugin import (
    LOG_TIME,
    Channel,
    Claim,
    Fit,
    Match,
    Ontology,
    RawBatch,
    RecordingInfo,
    Strength,
    envelope,
    hookimpl,
)
from mosaico_ingest.run import ingest, plan
from mosaico_ingest.testing.sink import MemorySink

TABLE = pa.table(
    {
        LOG_TIME: [10, 20, 30, 40],
        "ax": [1.0, 2.0, None, 4.0],
        "ay": [5.0, 6.0, 7.0, 8.0],
        "name": ["a", "b", "a", "c"],
        "gps": [{"lat": 1.5, "lon": 2.5}] * 4,
        "n": [1, 2, 3, 4],
    }
)
VECTOR = Ontology(
    tag="vector",
    fields=pa.schema(
        [
            pa.field("x", pa.float64(), nullable=False),
            pa.field("y", pa.float32()),
            pa.field("inner", pa.struct([pa.field("a", pa.int64(), nullable=False)])),
            pa.field("pair", pa.list_(pa.float64())),
            pa.field("three", pa.list_(pa.float64(), 3)),
        ]
    ),
)


class TablePlugin:
    """A source of typed columns, a type, and a mapper that takes anything."""

    MOSAICO_API = (1, 0)
    name, suffixes, options, replaces = "fallback", (".table",), None, ()

    def sniff(self, file):
        """Know it by its name."""
        return Match(Strength.SUFFIX, "name") if file.path.suffix == ".table" else None

    def open(self, file, options):
        """Open it."""
        return TableRecording(file)

    def claim(self, channel, columns, options):
        """Take anything as it is."""
        own = Ontology(tag="as_it_is", fields=columns)
        return Claim(tag=own.tag, fit=Fit.FALLBACK, reason="all", ontology=own)

    def compile(self, request):
        """Keep all columns."""
        schema = request.ontology.schema
        return lambda data, times: pa.RecordBatch.from_arrays(
            [*envelope(times, request.time), *data.columns], schema=schema
        )

    @hookimpl
    def mosaico_sources(self):
        """Hand in the format."""
        return [self]

    @hookimpl
    def mosaico_mappers(self):
        """Hand in the mapper."""
        return [self]

    @hookimpl
    def mosaico_ontologies(self):
        """Hand in the type."""
        return [VECTOR]


class TableRecording:
    """Four rows in two batches."""

    def __init__(self, file):
        channel = Channel(
            id=0,
            topic="/t",
            type_name="t",
            message_encoding="arrow",
            columns=TABLE.schema,
            messages=4,
        )
        self.info = RecordingInfo(
            path=file.path,
            format="table",
            files=(file.path,),
            size_bytes=1,
            channels=(channel,),
            messages=4,
        )

    def batches(self, channels, target_bytes, cursor=None):
        """Give the rows."""
        for seq, batch in enumerate(TABLE.to_batches(max_chunksize=3)):
            yield RawBatch(channel_id=0, seq=seq, data=batch)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.fixture
def host():
    """A host with the plugin above."""
    return Host.empty().with_(TablePlugin())


@pytest.fixture
def recording(tmp_path):
    """A recording."""
    path = tmp_path / "run.table"
    path.write_text("x")
    return path


@pytest.fixture
def mapped(tmp_path, recording, host):
    """Ingest the recording by a mapping; returns the report and the tables by topic."""

    def run(text):
        file = tmp_path / "m.toml"
        file.write_text(text)
        mapping = load_mapping(file, host.ontology)
        sink = MemorySink()
        report = ingest(
            recording, sink=sink, host=host.with_(mapping), settings=Settings(rules=mapping.rules)
        )
        (told,) = report.recordings
        topics = sink.recordings["run"].topics if sink.recordings else {}
        return told, {name: topic.table() for name, topic in topics.items()}, topics

    return run


def test_fields_are_made_of_expressions(mapped):
    """Members, lists, constants and texts; what nothing is said of is null; unused columns are kept."""
    report, tables, _ = mapped("""
[[map]]
topic = "/t"
ontology = "vector"
name = "/made"
[map.fields]
x = "coalesce(ax, 0) * 2"
y = "gps.lat"
inner.a = "n"
pair = ["ay", 1]
frame_id = "name"
""")
    made, rest = tables["/made"], tables["/t/rest"]

    assert RecordingStatus.Stored == report.status
    assert [2.0, 4.0, 0.0, 8.0] == made["x"].to_pylist()
    assert [{"a": n} for n in (1, 2, 3, 4)] == made["inner"].to_pylist()
    assert [[5.0, 1.0], [6.0, 1.0], [7.0, 1.0], [8.0, 1.0]] == made["pair"].to_pylist()
    assert [None] * 4 == made["three"].to_pylist()
    assert ["a", "b", "a", "c"] == made["frame_id"].to_pylist()
    # Of `gps` one member only went into a field: it stays whole.
    assert ["gps"] == rest.column_names[4:]
    assert ["as_it_is_rest"] == [t.ontology for t in report.topics if t.name == "/t/rest"]


def test_messages_can_be_selected(mapped):
    """What a rule does not want is skipped, with reasons, and the counts add up."""
    report, tables, _ = mapped("""
[[map]]
topic = "/t"
where = "ax > 1"
every = 1
from = 15
offset = "1us"
""")
    (topic,) = report.topics

    assert [1020, 1040] == tables["/t"]["timestamp_ns"].to_pylist()
    assert (4, 2, 2, 0) == (topic.declared, topic.stored, topic.skipped, topic.lost)
    assert {"outside the time range": 1, "not where ax > 1": 1} == topic.reasons


def test_every_counts_over_batches(mapped):
    """Each third message is the first and the fourth, whatever the batches."""
    _, tables, _ = mapped('[[map]]\ntopic = "/t"\nevery = 3\n')

    assert [10, 40] == tables["/t"]["timestamp_ns"].to_pylist()


def test_topics_are_renamed_split_and_labelled(mapped):
    """A name may contain the old one, rows be parted by a column, metadata come from the first message."""
    _, tables, topics = mapped("""
[[map]]
topic = "/t"
name = "/new{name}"
split_by = "name"
metadata = { car = 7, first = { field = "n * 10" } }
""")

    assert {"/new/t/a": [1, 3], "/new/t/b": [2], "/new/t/c": [4]} == {
        name: table["n"].to_pylist() for name, table in tables.items()
    }
    assert (7, 10) == tuple(topics["/new/t/a"].plan.metadata[key] for key in ("car", "first"))


def test_a_field_can_be_the_time(mapped):
    """The clock of a rule is a policy or a field with a unit, and the field counts as used."""
    _, tables, _ = mapped("""
[[map]]
topic = "/t"
ontology = "vector"
time = "n:us"
[map.fields]
x = "ay"
""")

    assert [1000, 2000, 3000, 4000] == tables["/t"]["timestamp_ns"].to_pylist()
    assert "n" not in tables["/t/rest"].column_names


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            'x = "az"',
            "m.toml, line 1: x: The expression 'az', at character 1: there is no column 'az'",
        ),
        ('y = "ax"', "x is required, and nothing says what it is made of"),
        ('x = "name"', "x is 'name', which gives string. Expected double"),
        ('x = "ax"\nz = "ay"', "'vector' has no field 'z'; known: "),
        ('x = "ax"\ninner.b = "n"', "inner has no member 'b'; known: a"),
        ('x = "ax"\nthree = ["ax"]', "three is a list of 1. Expected fixed_size_list"),
        ('x.a = "ax"', "x is double, which has no members"),
    ],
)
def test_what_does_not_fit_is_a_conflict_of_the_plan(fields, message, host, recording, tmp_path):
    """Nothing is sent; the plan names rule, field and what is known."""
    file = tmp_path / "m.toml"
    file.write_text(f'[[map]]\ntopic = "/t"\nontology = "vector"\n[map.fields]\n{fields}\n')
    mapping = load_mapping(file, host.ontology)

    (planned,) = plan(recording, host=host.with_(mapping), settings=Settings(rules=mapping.rules))

    assert message in planned.error
    assert "Settle it with a change of m.toml, line 1." in planned.error


def test_missing_values_that_are_required_fail_the_topic_with_a_reason(mapped):
    """A null where the type allows none is told with the remedy."""
    report, _, _ = mapped('[[map]]\ntopic = "/t"\nontology = "vector"\n[map.fields]\nx = "ax"\n')
    reasons = [r for topic in report.topics for r in topic.reasons]

    assert any("1 rows have no 'x', which 'vector' requires. Add a `where`" in r for r in reasons)


def test_two_channels_never_share_a_topic(mapped):
    """Names that clash are a conflict that names the remedy."""
    report, _, _ = mapped(
        '[[map]]\ntopic = "/t"\nname = "/a"\n[[map]]\ntopic = "/*"\nname = "/a"\n'
    )

    assert "would both become topic '/a'" in report.error


def test_a_mapping_that_speaks_of_nothing_changes_nothing(mapped):
    """Channels that no rule matches are planned as ever."""
    _, tables, _ = mapped('[[map]]\ntopic = "/other"\nontology = "vector"\n[map.fields]\nx = "1"\n')

    assert {"/t"} == set(tables)
    assert attrs.has(type(Settings()))
