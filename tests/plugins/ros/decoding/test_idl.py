"""Tests of mosaico_ingest_ros.decoding.idl; payloads are put together by hand, as CDR has them."""

import struct

import pyarrow as pa
from mosaico_ingest_ros.decoding.idl import _ASIDE

HEADER = b"\0\1\0\0"


def test_enums(kit):
    """Enums are the 32-bit numbers that they are on the wire, in every place that a type can have."""
    idl = b"""
    module p {
        module kinds { enum Kind { IDLE, @value(7) BUSY }; };
        module other { struct Kind { octet o; }; };
        struct M { kinds::Kind one; kinds::Kind two[2]; sequence<p::kinds::Kind> many; p::other::Kind s; };
    };
    """
    decode = kit.compile("cdr", "p::M", idl, "omgidl")
    payload = HEADER + struct.pack("<iiiIiiB", 7, 0, -7, 2, 7, 0, 9)
    (row,) = decode(pa.array([payload])).data.to_pylist()

    assert {"one": 7, "two": [0, -7], "many": [7, 0], "s": {"o": 9}} == row


def test_words_in_comments_and_texts_mean_nothing(kit):
    """Only annotations that are ones change how a definition is read."""
    idl = b"""
    // @optional, sequence<sequence<long> >
    struct M { @verbatim (language="comment", text="\\" @mutable") long x; /* @bit_bound(8) */ };
    /* enum Kind { A }; */
    """

    assert ["x"] == kit.compile("cdr", "M", idl, "omgidl").schema.names


def test_comments_without_end_cost_nothing():
    """A text of openings is gone over once, and then is the parser's to refuse."""
    assert " " == _ASIDE.sub(" ", "/* " * 300_000)
