"""The decoder: the promises of every decoder, and values against an independent reader."""

import struct

import pyarrow as pa
import pytest
from mosaico_ingest_ulog.decoder import Form, UlogDecoder
from mosaico_ingest_ulog.layout import definition_of
from pyulog import ULog

from mosaico_ingest import ingest
from mosaico_ingest.errors import DecodeError
from mosaico_ingest.plugin import Channel
from mosaico_ingest.testing.decoder import DecoderContract, Sample
from mosaico_ingest.testing.sink import MemorySink

FORMATS = {
    "motor": "uint64_t timestamp;bool armed;char[6] label;uint8_t[2] _padding0;px4/part-v2[2] parts;"
    "int16_t[3] gains;uint8_t[4] _padding1;",
    "px4/part-v2": "float volts;uint8_t id;uint8_t[3] _padding0;",
}
MOTOR = Channel(
    id=1,
    topic="/motor",
    type_name="motor",
    message_encoding="ulog",
    schema_encoding="ulog",
    definition=definition_of("motor", FORMATS),
)


def record(form):
    """Return a channel of records without a format."""
    return Channel(
        id=2, topic="/x", type_name="x", message_encoding="ulog", schema_encoding=form.value
    )


class TestMessages(DecoderContract):
    """Messages of a format with all that formats can have."""

    plugin_module = "mosaico_ingest_ulog"

    @pytest.fixture
    def decoder(self):
        """The decoder under test."""
        return UlogDecoder()

    @pytest.fixture
    def samples(self):
        """Motors; the padding at the end may be there or not."""
        layout = "<Q?6s2xfB3xfB3x3h"
        first = struct.pack(layout, 5, True, b"ab\0cd\0", 1.5, 7, -2.5, 8, 1, -2, 3)
        second = struct.pack(layout, 2**63, False, b"sechs!", 0, 0, 0, 255, -32768, 0, 32767)
        parts = [{"volts": 1.5, "id": 7}, {"volts": -2.5, "id": 8}]
        idle = [{"volts": 0.0, "id": 0}, {"volts": 0.0, "id": 255}]
        rows = [
            {"timestamp": 5, "armed": True, "label": "ab", "parts": parts, "gains": [1, -2, 3]},
            {
                "timestamp": 2**63,
                "armed": False,
                "label": "sechs!",
                "parts": idle,
                "gains": [-32768, 0, 32767],
            },
        ]
        return [Sample(channel=MOTOR, payloads=[first + b"pad.", second], rows=rows)]


class TestRecords(DecoderContract):
    """Texts, parameters and gaps; a text may be cut anywhere and is still one."""

    plugin_module = "mosaico_ingest_ulog"
    refuses_cuts = False

    @pytest.fixture
    def decoder(self):
        """The decoder under test."""
        return UlogDecoder()

    @pytest.fixture
    def samples(self):
        """One sample of each."""
        texts = [b"L4" + bytes(8) + b"low battery", b"C0" + b"\x07\0" + bytes(8) + "für".encode()]
        parameters = [
            b"P\x07float G" + struct.pack("<f", 0.1),
            b"P\x09int32_t N" + struct.pack("<i", -(2**31)),
        ]
        return [
            Sample(
                channel=record(Form.Text),
                payloads=texts,
                rows=[
                    {"severity": "warning", "tag": None, "message": "low battery"},
                    {"severity": "emergency", "tag": 7, "message": "für"},
                ],
            ),
            Sample(
                channel=record(Form.Parameter),
                payloads=parameters,
                rows=[
                    {"name": "G", "value": struct.unpack("<f", struct.pack("<f", 0.1))[0]},
                    {"name": "N", "value": -(2.0**31)},
                ],
            ),
            Sample(
                channel=record(Form.Dropout),
                payloads=[b"O\x96\0", b"O\xff\xff"],
                rows=[{"duration_s": 0.15}, {"duration_s": 65.535}],
            ),
        ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("uint64_t timestamp;nobody x;", "does not define the type 'nobody'"),
        ("uint64_t timestamp;motor again;", "contains itself"),
        ("uint64_t timestamp;float;", "'float' of the type 'motor' makes no sense"),
        ("float x;float x;", "makes no sense"),
        ("uint8_t[65535] a;uint8_t[65535] b;", "beyond 64 KiB"),
        ("", "has no fields"),
        ("uint64_t timestamp;nothing x;\nnothing:uint8_t[4] _padding0;", "is empty or beyond"),
    ],
)
def test_formats_that_make_no_sense(fields, reason):
    """A format that cannot be used says why."""
    with pytest.raises(DecodeError, match=reason):
        UlogDecoder().compile(
            Channel(
                id=1,
                topic="/motor",
                type_name="motor",
                message_encoding="ulog",
                schema_encoding="ulog",
                definition=f"motor:{fields}".encode(),
            )
        )


def test_texts_that_are_not_utf_8():
    """A text of other bytes is kept as far as it is ASCII."""
    decode = UlogDecoder().compile(record(Form.Text))
    column = pa.array([b"L6" + bytes(8) + b"th\xe9", b"L6" + bytes(8) + b"tea"])

    assert ["th?", "tea"] == decode(column).data["message"].to_pylist()


def flat(name, value):
    """Yield the numbers below *value* by the names that pyulog gives them."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flat(f"{name}.{key}", below)
    elif isinstance(value, list):
        for k, below in enumerate(value):
            yield from flat(f"{name}[{k}]", below)
    elif isinstance(value, str):
        for k, char in enumerate(value):
            yield f"{name}[{k}]", ord(char)
    else:
        yield name, value


def test_the_same_values_as_an_independent_reader(path):
    """Every value of the topics that stay as they are is the one that pyulog reads."""
    sink = MemorySink()
    report = ingest(path, sink=sink)
    topics = sink.recordings["flight"].topics
    compared = 0
    for data in ULog(str(path)).data_list:
        name = f"/{data.name}/{data.multi_id}" if data.multi_id else f"/{data.name}"
        if not topics[name].plan.ontology.tag.startswith("ulog_"):
            continue
        for k, row in enumerate(
            topics[name].table().drop_columns(["timestamp_ns", "frame_id"]).to_pylist()
        ):
            for column, value in row.items():
                for path_, number in flat(column, value):
                    if path_ in data.data:
                        compared += 1
                        assert data.data[path_][k] == number, path_

    assert 0 == report.exit_code
    assert 3 * 40 + 3 * 20 + 4 * 11 <= compared
