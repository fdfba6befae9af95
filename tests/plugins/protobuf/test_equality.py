"""Every value, and every verdict on what is broken, equals that of the protobuf library."""

from random import Random

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

VARINTS = ["int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool", "enum E"]
FIXED = {"fixed32": 4, "sfixed32": 4, "float": 4, "fixed64": 8, "sfixed64": 8, "double": 8}
TEXTS = ["string", "bytes"]
KEYS = ["int32", "sint64", "bool", "string", "fixed32", "uint64"]


def varint(value: int, width: int = 0) -> bytes:
    """Write a varint, with at least *width* bytes."""
    written = bytearray()
    while value > 0x7F or len(written) + 1 < width:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


class Author:
    """Makes up definitions, and payloads for them."""

    def __init__(self, kit, seed: int, *, is_wild: bool) -> None:
        self.random = Random(seed)
        self.kit = kit
        self.is_wild = is_wild
        self.syntax = self.random.choice(["proto2", "proto3", "proto3"])
        self.definition = kit.Definition("M0", syntax=self.syntax)
        self.definition.enum("E", ZERO=0, ONE=1, MANY=1000, LESS=-5)
        self.fields: dict[str, list[tuple]] = {}
        for k in reversed(range(self.random.randint(1, 3))):
            self.message(f"M{k}")

    def message(self, name: str) -> None:
        """Add a message whose fields may be those that are there already, or itself."""
        random, fields = self.random, []
        message = self.definition.message(name)
        messages = [known for known in self.fields if "." not in known]  # no entries of maps
        kinds = VARINTS + list(FIXED) + TEXTS + [*messages, *messages, name]
        labels = ["", "", "repeated", random.choice(["presence", "one"])]
        numbers = random.sample([*range(1, 12), 15, 16, 17, 2047, 2048, 70_000, 2**29 - 1], 12)
        for number in sorted(numbers[: random.randint(0, 10)]):
            kind, label = random.choice(kinds), random.choice(labels)
            if self.syntax == "proto2" and label == "presence":
                label = random.choice(["optional", "required"])
            field_name = f"f{number}"
            if random.random() < 0.15:
                key, value = random.choice(KEYS), random.choice(kinds)
                self.definition.map(message, key, value, field_name, number)
                entry = f"{name}.{field_name.title()}Entry"
                self.fields[entry] = [("", key, 1), ("", value, 2)]
                fields.append(("repeated", entry, number))
            else:
                self.definition.field(message, label, kind, field_name, number)
                fields.append((label, kind, number))
        self.fields[name] = fields

    def payload(self, name: str = "M0", depth: int = 0) -> bytes:
        """Write a message field by field, in any order that is allowed."""
        random, records = self.random, []
        for label, kind, number in self.fields[name]:
            if random.random() < 0.3 or depth > 3:
                continue
            counts = (
                [1, 1, 1, 1, 2] if label != "repeated" else [0, 1, 2, 3, 40 if depth < 1 else 3]
            )
            values = [self.value(kind, depth) for _ in range(random.choice(counts))]
            is_number = kind in FIXED or kind in VARINTS
            if label == "repeated" and is_number and random.random() < 0.7:
                cut = random.choice([0, random.randint(0, len(values))])
                parts = [values[:cut], values[cut:]]
                written = [
                    self.sized(b"".join(part)) for part in parts if part or random.random() < 0.1
                ]
                records += [self.tag(number, 2) + part for part in written]
            else:
                records += [self.tag(number, self.wire(kind)) + value for value in values]
        if random.random() < 0.1:
            records.append(self.unknown())
        if random.random() < 0.3:
            random.shuffle(records)
        return b"".join(records)

    def unknown(self) -> bytes:
        """Write a field that no message has."""
        wire = self.random.choice([0, 1, 2, 5])
        number = self.random.choice([13, 900, 60_000])
        kind = {0: "uint64", 1: "fixed64", 2: "bytes", 5: "fixed32"}[wire]
        if self.is_wild and self.random.random() < 0.2:
            return varint(number << 3 | 3) + self.unknown() + varint(number << 3 | 4)
        return varint(number << 3 | wire) + self.value(kind, 9)

    def tag(self, number: int, wire: int) -> bytes:
        """Write a tag, not always as short as could be."""
        width = self.random.choice([0] * 60 + [2, 3, 5] + [6] * self.is_wild)
        return varint(number << 3 | wire, width)

    def sized(self, value: bytes) -> bytes:
        """Write bytes behind their length."""
        return (
            varint(len(value), self.random.choice([0] * 60 + [2, 5] + [6] * self.is_wild)) + value
        )

    @staticmethod
    def wire(kind: str) -> int:
        """Return the wire kind."""
        return 0 if kind in VARINTS else {4: 5, 8: 1}.get(FIXED.get(kind, 0), 2)

    def value(self, kind: str, depth: int) -> bytes:
        """Write a value."""
        random = self.random
        if kind == "enum E":
            return varint(random.choice([0, 1, 1000, 2**64 - 5]))
        if kind in VARINTS:
            value = random.choice(
                [0, 1, random.getrandbits(7), random.getrandbits(random.randint(1, 64))]
            )
            return varint(value, random.choice([0] * 20 + [3, 10]))
        if kind in FIXED:
            return random.choice([bytes(FIXED[kind]), random.randbytes(FIXED[kind])])
        if kind == "string":
            letters = ["", "a", "äöü", "x" * 200, "robot", "\0"]
            wild = b"\xff\xfe" if self.is_wild and random.random() < 0.05 else b""
            return self.sized(random.choice(letters).encode() + wild)
        if kind == "bytes":
            return self.sized(random.randbytes(random.choice([0, 1, 20, 300])))
        return self.sized(self.payload(kind, depth + 1))

    def broken(self, payload: bytes) -> bytes:
        """Spoil a payload."""
        if not payload or self.random.random() < 0.5:
            return payload
        at = self.random.randrange(len(payload))
        if self.random.random() < 0.5:
            return payload[:at]
        return payload[:at] + self.random.randbytes(1) + payload[at + 1 :]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_any_definition(kit, seed):
    """Messages of any definition, however they are written, decode to what the library reads."""
    author = Author(kit, seed, is_wild=False)
    payloads = [author.payload() for _ in range(author.random.choice([1, 3, 20]))]
    write = kit.message(author.definition)
    canonical = []
    for payload in payloads:
        try:
            canonical.append(write.FromString(payload).SerializePartialToString())
        except DecodeError:  # text of a message kept as bytes, or too many levels
            continue

    decoded, _ = kit.compare(author.definition, [*payloads, *canonical])

    assert decoded >= len(canonical)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_any_payload(kit, seed):
    """A payload is rejected exactly if the library refuses it, whatever is wrong with it."""
    author = Author(kit, seed, is_wild=True)
    payloads = [author.broken(author.payload()) for _ in range(12)]

    decoded, rejected = kit.compare(author.definition, payloads)

    assert decoded + rejected == len(payloads)
