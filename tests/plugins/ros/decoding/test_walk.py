"""Both ways to find the elements of a sequence agree."""

import struct

import numpy as np
import pytest
from mosaico_ingest_ros.decoding import walk
from mosaico_ingest_ros.decoding.cursor import Cursor
from mosaico_ingest_ros.decoding.definitions import compile_channel
from mosaico_ingest_ros.decoding.rows import Fault, Rows

from mosaico_ingest.plugin import Channel

TEXT = f"""N[] x
{"=" * 80}
MSG: p/N
uint8 a
string s
float64[] y
O[2] z
string[] t
{"=" * 80}
MSG: p/O
uint16 b
uint32[] c
"""


@pytest.fixture
def program():
    """A message that ends in a sequence of messages with parts of every kind."""
    channel = Channel(
        id=0,
        topic="/t",
        type_name="p/msg/M",
        message_encoding="cdr",
        schema_encoding="ros2msg",
        definition=TEXT.encode(),
    )
    return compile_channel(channel, cdr=True)


def element(at: int, k: int) -> bytes:
    """Return one element that starts at *at*."""
    out = bytearray(at)

    def put(code: str, *values) -> None:
        out.extend(bytes(-len(out) % struct.calcsize(code[0])))
        out.extend(struct.pack(f"<{len(values)}{code}", *values))

    put("B", k)
    put("I", k + 1)
    out.extend(b"s" * k + b"\0")
    put("I", k % 3)
    if k % 3:
        put("d", *range(k % 3))
    for j in range(2):
        put("H", j)
        put("I", j)
        put("I", *range(j)) if j else None
    put("I", k % 2)
    if k % 2:
        put("I", 3)
        out.extend(b"ab\0")
    return bytes(out[at:])


@pytest.fixture
def rows():
    """Rows of 0 to 6 elements."""
    bodies = []
    for n in range(7):
        body = struct.pack("<I", n)
        for k in range(n):
            body += element(len(body), k)
        bodies.append(body)
    sizes = np.array([len(body) for body in bodies])
    return Rows(np.frombuffer(b"".join(bodies), np.uint8), np.cumsum(sizes) - sizes, sizes)


@pytest.mark.parametrize("cost", [0, 10**9])
def test_ways_agree(cost, program, rows, monkeypatch):
    """Walking rows together and one by one find every element and the end of every row."""
    monkeypatch.setattr(walk, "_VECTOR_COST", cost)
    (step,) = program.steps
    cursor = Cursor(rows, program.max_align, is_big=False)
    counts = walk.element_counts(cursor, step)
    starts = walk.element_starts(cursor, step.item, counts)

    assert list(range(7)) == counts.tolist()
    assert rows.sizes.tolist() == cursor.at.tolist()
    assert [4] * 6 == starts[np.cumsum(counts)[:-1]].tolist()


@pytest.mark.parametrize("cost", [0, 10**9])
def test_both_ways_notice_the_end(cost, program, rows, monkeypatch):
    """A row that ends inside an element is found, whichever way it is walked."""
    monkeypatch.setattr(walk, "_VECTOR_COST", cost)
    (step,) = program.steps
    short = Rows(rows.buffer, rows.origins, rows.sizes - (np.arange(7) == 4))
    cursor = Cursor(short, program.max_align, is_big=False)
    counts = walk.element_counts(cursor, step)

    with pytest.raises(Fault) as caught:
        walk.element_starts(cursor, step.item, counts)
    assert [4] == caught.value.messages.tolist()
