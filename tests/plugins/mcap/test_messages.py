"""Finding messages: an index changes how they are found, never which."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mosaico_ingest_mcap.messages import columns, find, walk

RECORDS = st.lists(
    st.tuples(st.sampled_from([5, 5, 5, 3, 4, 0x80]), st.integers(0, 3), st.binary(max_size=30)),
    max_size=20,
)


def _encode(records):
    """Return the bytes of *records*, the positions of messages and of others."""
    data, positions = b"", {True: [], False: []}
    for number, (op, channel, payload) in enumerate(records):
        positions[op == 5].append(len(data))
        head = struct.pack("<HIqq", channel, number, 100 - number, number) if op == 5 else b""
        data += struct.pack("<BQ", op, len(head) + len(payload)) + head + payload
    return np.frombuffer(data, np.uint8), positions[True], positions[False]


def _same(found, messages, others, end):
    return (messages, others, end) == (found.messages.tolist(), list(found.others), found.end)


@given(RECORDS)
def test_a_walk_meets_every_record(records):
    """A walk finds all messages and all other records, and ends at the end."""
    data, messages, others = _encode(records)

    assert _same(walk(data, 0, len(data)), messages, others, len(data))


@given(RECORDS, st.randoms(use_true_random=False))
def test_a_right_index_finds_the_same(records, random):
    """The offsets of all messages, in any order, give what a walk gives."""
    data, messages, others = _encode(records)
    offsets = random.sample(messages, len(messages))

    assert _same(find(data, np.array(offsets, np.int64)), messages, others, len(data))


@given(RECORDS, st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 900), max_size=20))
def test_a_wrong_index_changes_nothing(records, offsets):
    """Offsets that lack messages or point anywhere give what a walk gives."""
    data, messages, others = _encode(records)

    assert _same(find(data, np.array(offsets, np.int64)), messages, others, len(data))


@given(RECORDS, st.data())
def test_a_cut_gives_the_records_before_it(records, draw):
    """A stretch that ends inside a record gives those before, and says where it stopped."""
    data, messages, others = _encode(records)
    cut = draw.draw(st.integers(0, len(data)))
    found = walk(data[:cut], 0, cut)
    ends = [*sorted([*messages, *others])[1:], len(data)]
    whole = sum(end <= cut for end in ends) if len(records) else 0

    assert whole == len(found.messages) + len(found.others)
    assert found.end <= cut


@given(RECORDS)
def test_columns_are_the_fields_of_each_message(records):
    """Channel, times and payload of every message are taken from its record."""
    data, messages, _ = _encode(records)
    found = columns(data, np.array(messages, np.int64))
    expected = [
        (channel, 100 - number, number, payload)
        for number, (op, channel, payload) in enumerate(records)
        if op == 5
    ]
    payloads = [data[a : a + n].tobytes() for a, n in zip(found.starts, found.lengths, strict=True)]

    assert expected == list(
        zip(
            found.channels.tolist(),
            found.log_ns.tolist(),
            found.publish_ns.tolist(),
            payloads,
            strict=True,
        )
    )


@given(RECORDS)
def test_channels_keep_their_order(records):
    """Splitting by channel keeps the order inside each channel and loses nothing."""
    data, messages, _ = _encode(records)
    found = columns(data, np.array(messages, np.int64))
    split = {channel: part.publish_ns.tolist() for channel, part in found.by_channel()}
    expected = {}
    for number, (op, channel, _payload) in enumerate(records):
        if op == 5:
            expected.setdefault(channel, []).append(number)

    assert expected == split


@given(st.binary(max_size=400), st.lists(st.integers(-5, 400), max_size=5))
def test_any_bytes_are_walked(data, offsets):
    """Garbage never raises: what is found lies inside the bytes."""
    buffer = np.frombuffer(data, np.uint8)
    found = find(buffer, np.array(offsets, np.int64))
    taken = columns(buffer, found.messages)

    assert 0 <= found.end <= len(data)
    assert all(a + n <= len(data) for a, n in zip(taken.starts, taken.lengths, strict=True))
