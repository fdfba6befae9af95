"""Broken payloads are rejected with a reason, and cost neither their neighbours nor an exception."""

import struct
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.serde import SerdeError
from rosbags.typesys import get_types_from_msg

TEXT = """uint8 kind
string name
float64[] values
Item[] items
string[] words
uint8[] blob
bool[2] flags
================================================================================
MSG: p/Item
uint16 id
string label
Point[] points
================================================================================
MSG: p/Point
float32 x
float64 y
"""
NAME = "p/msg/M"


@pytest.fixture(scope="session")
def subject(kit):
    """A message with a part of every kind."""
    return kit.Oracle(get_types_from_msg(TEXT, NAME), NAME)


@pytest.fixture(scope="session")
def good(subject):
    """Payloads of *subject*: `good(encoding, count)`."""
    types = subject.store.types

    def write(encoding: str, count: int) -> list[bytes]:
        payloads = []
        for k in range(count):
            points = [types["p/msg/Point"](j / 2, j / 3) for j in range(k % 3)]
            items = [types["p/msg/Item"](j, "label"[:j], points) for j in range(k % 4)]
            words = ["wörd"[: j + 1] for j in range(k % 5)]
            message = types[NAME](
                k % 256, "n" * k, np.arange(k % 6) / 7, items, words,
                np.arange(k, dtype=np.uint8), np.array([True, False]),
            )  # fmt: skip
            to_bytes = (
                subject.store.serialize_cdr if encoding == "cdr" else subject.store.serialize_ros1
            )
            payloads.append(bytes(to_bytes(message, NAME)))
        return payloads

    return write


def readable(subject, payload: bytes, encoding: str) -> object:
    """Return what rosbags makes of a payload, None if it refuses it."""
    try:
        return subject.read(payload, encoding)
    except (SerdeError, IndexError):
        return None


def reasons(decoded) -> dict[int, str]:
    """Return the reason of every rejected row."""
    return {int(row): reject.reason for reject in decoded.rejects for row in reject.rows}


@pytest.mark.parametrize("encoding", ["cdr", "ros1"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_rosbags_reads_is_read(encoding, data, subject, good, kit):
    """Damaged payloads give the values that rosbags gives, or are rejected where it fails, too."""
    payloads = good(encoding, data.draw(st.integers(1, 12)))
    for k, payload in enumerate(payloads):
        change = data.draw(st.sampled_from(["keep", "cut", "append", "flip", "length"]))
        raw = bytearray(payload)
        place = data.draw(st.integers(0, len(raw) - 1))
        if change == "cut":
            del raw[place:]
        elif change == "append":
            raw += bytes(data.draw(st.integers(1, 9)))
        elif change == "flip":
            raw[place] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "length":
            place -= place % 4
            raw[place : place + 4] = struct.pack("<I", data.draw(st.integers(0, 2**32 - 1)))
        payloads[k] = bytes(raw)
    decoded = kit.compile(encoding, NAME, TEXT.encode())(pa.array(payloads, pa.binary()))
    decoded.data.validate(full=True)
    rejected = reasons(decoded)
    kept = range(len(payloads)) if decoded.kept is None else decoded.kept.tolist()
    values = dict(zip(kept, decoded.data.to_pylist(), strict=True))

    assert sorted([*rejected, *values]) == list(range(len(payloads)))
    for row, payload in enumerate(payloads):
        theirs = readable(subject, payload, encoding)
        if row in rejected:
            assert theirs is None, rejected[row]
        elif theirs is not None:
            assert repr(theirs) == repr(values[row])


@pytest.mark.parametrize("encoding", ["cdr", "ros1"])
def test_every_truncation(encoding, good, kit):
    """A payload cut anywhere is rejected; the one beside it is not."""
    payload = good(encoding, 24)[-1]
    padding = 3 if encoding == "cdr" else 0
    cut = [payload[:k] for k in range(len(payload) - padding)]
    decoded = kit.compile(encoding, NAME, TEXT.encode())(pa.array([*cut, payload], pa.binary()))

    assert decoded.kept.tolist() == [len(cut)]
    assert sorted(reasons(decoded)) == list(range(len(cut)))


def test_trailing_bytes(kit):
    """CDR may be padded by up to three bytes; more is a reject, as is a single byte in ROS 1."""
    body = b"\0\1\0\0" + struct.pack("<I", 3) + b"ab\0"
    cdr = kit.compile("cdr", "std_msgs/msg/String")
    ros1 = kit.compile("ros1", "std_msgs/String")

    assert list(reasons(cdr(pa.array([body, body + b"\0" * 3, body + b"\0" * 4])))) == [2]
    assert list(reasons(ros1(pa.array([body[4:8] + b"abc", body[4:8] + b"abc\0"])))) == [1]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "The payload is shorter than its CDR header."),
        (b"\0\1\0", "The payload is shorter than its CDR header."),
        (b"\0\3\0\0", "The CDR representation PL_CDR cannot be decoded."),
        (b"\0\7\0\0", "The CDR representation XCDR2 cannot be decoded."),
        (b"\x28\xb5\x2f\xfd", "The payload does not begin with a CDR header."),
    ],
)
def test_header(header, reason, kit):
    """A representation other than plain CDR is named in the reason."""
    decode = kit.compile("cdr", "std_msgs/msg/UInt8")
    decoded = decode(pa.array([b"\0\1\0\0\7", header, b"\0\0\0\0\x09"], pa.binary()))

    assert [{"data": 7}, {"data": 9}] == decoded.data.to_pylist()
    assert {1: reason} == reasons(decoded)


@pytest.mark.parametrize("length", [17, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("field", ["uint8[]", "float64[]", "string[]", "p/Item[]", "string"])
@pytest.mark.parametrize("encoding", ["cdr", "ros1"])
def test_hostile_lengths(encoding, field, length, kit):
    """A length that a payload cannot hold is rejected before anything of its size is allocated."""
    separator = "=" * 80
    text = f"{field} x\n{separator}\nMSG: p/Item\nstring s\nfloat64[1000000] y\n"
    decode = kit.compile(encoding, NAME, text.encode())
    payload = (b"\0\1\0\0" if encoding == "cdr" else b"") + struct.pack("<I", length) + b"\1" * 16
    column = pa.array([payload] * 3, pa.binary())
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    decoded = decode(column)
    used = tracemalloc.get_traced_memory()[1] + pa.total_allocated_bytes() - before
    tracemalloc.stop()

    assert {0, 1, 2} == set(reasons(decoded))
    assert "'x" in reasons(decoded)[0]
    assert used < 1_000_000


def test_many_broken_rows_of_many_kinds(kit):
    """Rows that break at as many places as there are rows still leave the good ones."""
    decode = kit.compile("cdr", NAME, b"string[] x\n")

    def payload(count: int, claimed: int) -> bytes:
        body = b"".join(struct.pack("<I", 4) + b"abc\0" for _ in range(count))
        return b"\0\1\0\0" + struct.pack("<I", claimed) + body

    payloads = [payload(k, k if k % 5 == 0 else 2 * k) for k in range(1, 61)]
    decoded = decode(pa.array(payloads, pa.binary()))

    assert [k - 1 for k in range(5, 61, 5)] == decoded.kept.tolist()
    assert [["abc"] * k for k in range(5, 61, 5)] == decoded.data["x"].to_pylist()


def test_string_without_its_end_mark(kit):
    """A CDR string that is not ended by a zero byte is rejected; the length 0 is an empty string."""
    decode = kit.compile("cdr", "std_msgs/msg/String")
    payloads = [b"\0\1\0\0\2\0\0\0ab", b"\0\1\0\0\0\0\0\0", b"\0\1\0\0\2\0\0\0a\0"]
    decoded = decode(pa.array(payloads, pa.binary()))

    assert ["", "a"] == decoded.data["data"].to_pylist()
    assert {0: "The string 'data' has no end mark."} == reasons(decoded)


def test_text_that_is_not_utf8(kit):
    """A string in another code keeps its characters: it is read as Latin-1, alone."""
    decode = kit.compile("ros1", "std_msgs/String")
    texts = ["größe".encode("latin-1"), "größe".encode(), b"\xff\xfe\0"]
    decoded = decode(pa.array([struct.pack("<I", len(t)) + t for t in texts], pa.binary()))

    assert ["größe", "größe", "ÿþ\0"] == decoded.data["data"].to_pylist()


def test_headers_of_every_kind(kit):
    """However many representations garbage claims, the reasons stay few."""
    decode = kit.compile("cdr", "std_msgs/msg/UInt8")
    payloads = [k.to_bytes(2, "big") + b"\0\0\7" for k in range(65536)]
    decoded = decode(pa.array(payloads, pa.binary()))

    assert decoded.kept.tolist() == [0, 1]
    assert len(decoded.rejects) == 3
    assert len(reasons(decoded)) == 65534
