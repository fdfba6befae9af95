"""Every ontology type both ways: the public SDK writes and we read, we write and the SDK reads."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from pyarrow import types as kind

from mosaico_ingest import MosaicoClient
from mosaico_ingest.run import serve

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

pytestmark = pytest.mark.interop

START_NS = 1_700_000_000_000_000_000
ROWS = 12
TAGS = sorted(sdk.Serializable._list_registered())
PICTURES = {"image": ("raw", "png"), "compressed_image": ("jpeg", "png", "h264")}


def make(type_: pa.DataType, seed: int) -> object:
    """Return a value of *type_*, another one for each *seed*, that float16 and int8 can hold."""
    if kind.is_struct(type_):
        return make_fields(list(type_), seed)
    if kind.is_fixed_size_list(type_) or kind.is_list(type_):
        size = type_.list_size if kind.is_fixed_size_list(type_) else seed % 4
        return [make(type_.value_type, seed + i) for i in range(size)]
    if kind.is_boolean(type_):
        return seed % 2 == 0
    number = seed % 100
    if kind.is_floating(type_):
        return number + seed % 8 / 8
    text = f"{seed} ü"
    return number if kind.is_integer(type_) else text.encode() if kind.is_binary(type_) else text


def make_fields(fields: list[pa.Field], seed: int) -> dict[str, object]:
    """Return a value per field; of those that may be null, another quarter is null each time."""
    values = {}
    for i, field in enumerate(fields):
        # What the models refuse although the columns allow it: vectors without a coordinate, other datatypes.
        may_be_null = field.nullable and field.name not in {"x", "y", "z", "w"}
        is_null = may_be_null and (seed + i) % 4 == 0
        values[field.name] = None if is_null else make(field.type, seed * 7 + i)
        if field.name == "datatype":
            values[field.name] = 1 + seed % 8
    return values


def message(tag: str, n: int) -> object:
    """Return message number *n* of a type, in the SDK's model."""
    model = sdk.Serializable._get_class_type(tag)
    values = make_fields(list(model.__msco_pyarrow_struct__), n)
    if tag in PICTURES:
        values["format"] = PICTURES[tag][n % len(PICTURES[tag])]
    if tag == "range":
        values |= {"min_range": 0.0, "max_range": 200.0}
    return sdk.Message(
        timestamp_ns=START_NS + n,
        recording_timestamp_ns=None if n % 5 == 0 else START_NS + n + 17,
        frame_id=None if n % 3 == 0 else f"frame_{n}",
        sequence_id=None if n % 2 == 0 else n,
        data=model.model_validate(values),
    )


def row(message) -> dict[str, object]:
    """Return the columns of a message of the SDK, by its own account."""
    data = message.data.model_dump(mode="python")
    return message.model_dump(mode="python", exclude={"data"}) | data


@pytest.fixture(scope="module")
def messages() -> dict[str, list]:
    """A few messages of every type that the SDK has a model for."""
    return {tag: [message(tag, n) for n in range(ROWS)] for tag in TAGS}


@pytest.fixture(scope="module")
def server(tmp_path_factory, messages):
    """A server with the messages twice: `theirs` by the SDK, `ours` by our client from the same columns."""
    with serve(tmp_path_factory.mktemp("families") / "store") as server:
        with (
            sdk.MosaicoClient.connect(server.host, server.port) as client,
            client.sequence_create("theirs", {}) as sequence,
        ):
            for tag, told in messages.items():
                topic = sequence.topic_create(tag, {}, type(told[0].data))
                for item in told:
                    topic.push(item)
        with (
            MosaicoClient.connect(server.url) as client,
            client.sequence_create("ours") as sequence,
        ):
            for tag, told in messages.items():
                sequence.topic_create(tag, ontology=tag).push([row(item) for item in told])
        yield server


@pytest.fixture(scope="module")
def theirs(server) -> Iterator[object]:
    """A client of the public SDK."""
    with sdk.MosaicoClient.connect(server.host, server.port) as client:
        yield client


@pytest.fixture(scope="module")
def ours(server) -> Iterator[MosaicoClient]:
    """A client of ours."""
    with MosaicoClient.connect(server.url) as client:
        yield client


def test_all_families_are_here():
    """The SDK has a model for each of the 53 types of generation 0.5."""
    assert 53 == len(TAGS)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("writer", ["theirs", "ours"])
def test_we_read_what_was_written(ours, messages, writer, tag):
    """Our client reads the columns of the SDK's messages, whoever wrote them."""
    topic = ours.topic_handler(writer, tag)

    assert tag == topic.ontology_tag
    assert [row(item) for item in messages[tag]] == topic.read().read_all().to_pylist()


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("writer", ["theirs", "ours"])
def test_the_sdk_reads_what_was_written(theirs, messages, writer, tag):
    """The SDK reads its own messages, whoever wrote them, into equal models."""
    topic = theirs.topic_handler(writer, tag)

    assert tag == topic.ontology_tag
    assert messages[tag] == list(topic.get_data_streamer())


@pytest.mark.parametrize("tag", TAGS)
def test_both_write_the_same_columns(ours, tag):
    """A topic that we write has the columns that the SDK gives it: names, types, order, nullability."""
    theirs, ours = (ours.topic_handler(name, tag).schema for name in ("theirs", "ours"))

    assert [(f.name, f.type, f.nullable) for f in theirs] == [
        (f.name, f.type, f.nullable) for f in ours
    ]


def test_the_sdk_merges_all_families_in_a_window(theirs, messages):
    """A merged stream over all types we wrote is in order of time, the window half open."""
    window = START_NS + 3, START_NS + 7

    read = [
        (topic, message)
        for topic, message in theirs.sequence_handler("ours").get_data_streamer(None, *window)
    ]

    expected = [(f"/{tag}", told[n]) for tag, told in messages.items() for n in range(3, 7)]
    assert [message.timestamp_ns for _, message in read] == [
        START_NS + n for n in range(3, 7) for _ in TAGS
    ]
    assert expected == sorted(read, key=lambda item: (item[0], item[1].timestamp_ns))
