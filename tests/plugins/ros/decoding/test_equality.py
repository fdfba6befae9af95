"""Every value equals what rosbags' own deserialiser gives."""

from random import Random

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rosbags.interfaces import Nodetype
from rosbags.typesys import get_types_from_msg

from mosaico_ingest.errors import DecodeError

NUMBERS = {
    "bool": "?",
    "byte": "i1",
    "char": "u1",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "int64": "i8",
    "uint64": "u8",
    "float32": "f4",
    "float64": "f8",
}
SUFFIXES = ["", "", "", "[]", "[<=5]", "[1]", "[3]"]
WORDS = ["", "a", "base_link", "größe", "日本", "a" * 40, "\0inside"]


@st.composite
def definitions(draw) -> str:
    """A message `p/msg/M0` with messages that it uses; message k uses only later ones."""
    count = draw(st.integers(1, 4))
    texts = []
    for k in range(count):
        nested = [f"p/M{j}" for j in range(k + 1, count)] + ["time", "duration"]
        names = st.sampled_from([*NUMBERS, "string", "string<=60", *nested, *nested])
        kinds = st.tuples(names, st.sampled_from(SUFFIXES))
        fields = draw(st.lists(kinds, min_size=k == 0, max_size=6))
        lines = [f"{kind}{suffix} f{i}" for i, (kind, suffix) in enumerate(fields)]
        header = f"{'=' * 80}\nMSG: p/M{k}\n" if k else ""
        texts.append(header + "".join(line + "\n" for line in lines))
    builtin = "int32 sec\nuint32 nanosec\n"
    header = f"{'=' * 80}\nMSG: builtin_interfaces/"
    return "".join([*texts, f"{header}Time\n{builtin}", f"{header}Duration\n{builtin}"])


class Maker:
    """Makes messages at random; *is_uniform* gives all of them the same lengths."""

    def __init__(self, oracle, seed: int, is_uniform: bool) -> None:
        self.store, self.random, self.seed = oracle.store, Random(seed), seed
        self.is_uniform = is_uniform

    def message(self, name: str, path: str = ""):
        """Return one message."""
        fields = self.store.fielddefs[name][1]
        return self.store.types[name](*[self.value(d, f"{path}.{key}") for key, d in fields])

    def value(self, desc: tuple, path: str):
        """Return one value."""
        kind, arg = desc
        if kind == Nodetype.BASE:
            return self.text(path) if arg[0] == "string" else self.numbers(arg[0], 1)[0].item()
        if kind == Nodetype.NAME:
            return self.message(arg, path)
        item, size = arg
        if kind == Nodetype.SEQUENCE:
            size = self.shape(path).randrange(size + 1 if size else 12)
        if item[0] == Nodetype.BASE and item[1][0] != "string":
            return self.numbers(item[1][0], size)
        return [self.value(item, f"{path}.{k}") for k in range(size)]

    def text(self, path: str) -> str:
        """Return a string."""
        return self.shape(path).choice(WORDS)

    def numbers(self, base: str, count: int):
        """Return numbers of all sizes."""
        dtype = np.dtype(NUMBERS[base])
        raw = np.frombuffer(
            self.random.randbytes(count * dtype.itemsize), dtype.str.replace("b", "u")
        )
        return raw % 2 == 1 if base == "bool" else raw.copy()

    def shape(self, path: str) -> Random:
        """Return what decides about a length: the place of the field alone, if all are alike."""
        return Random(f"{self.seed}{path}") if self.is_uniform else self.random


@attrs.frozen
class Case:
    """How payloads of a definition are made."""

    seed: int
    count: int
    is_uniform: bool
    is_little: tuple[bool, ...]


cases = st.builds(
    Case,
    seed=st.integers(0, 2**32),
    count=st.sampled_from([1, 2, 5, 40]),
    is_uniform=st.booleans(),
    is_little=st.sampled_from([(True,), (False,), (True, False, False)]),
)


@pytest.mark.parametrize("encoding", ["cdr", "ros1"])
@settings(max_examples=150, deadline=None)
@given(text=definitions(), case=cases)
def test_generated_definitions(kit, encoding, text, case):
    """Any message that can be defined decodes to the values that rosbags reads."""
    subject = kit.Oracle(get_types_from_msg(text, "p/msg/M0"), "p/msg/M0")
    maker = Maker(subject, case.seed, case.is_uniform)
    little, store = case.is_little, subject.store
    messages = [maker.message(subject.name) for _ in range(case.count)]
    if encoding == "ros1":
        payloads = [bytes(store.serialize_ros1(m, subject.name)) for m in messages]
    else:
        payloads = [
            bytes(store.serialize_cdr(m, subject.name, little_endian=little[k % len(little)]))
            for k, m in enumerate(messages)
        ]
    try:
        decode = kit.compile(encoding, "p/msg/M0", text.encode())
    except DecodeError as err:
        assume("have no bytes" not in err.reason)
        raise

    assert kit.expected(subject, payloads, encoding) == kit.rows(decode, payloads)
