"""Messages that are nearly right: JSON changed where it has structure, and bytes where it has none."""

import json
import random
from collections.abc import Callable

__all__ = ["TEXTS", "VALUES", "Mutator"]

TEXTS = [
    "",
    "s",
    "s/t",
    "/s/t",
    "s/t/",
    "s//t",
    "s:",
    "s:01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "s:t/u",
    "..",
    "../../etc/passwd",
    "s/../../../etc/passwd",
    "s/%2e%2e",
    "a" * 300,
    "s/" + "b" * 5000,
    "é",
    "\u202e\U0001f600",
    "\ud800",
    "\0",
    "a\0b",
    "'; DROP TABLE topics; --",
    "%s%n{0}",
    "*",
    "**",
    "[",
    "[z-a]",
    "[*]",
    "x[?]",
    "x[!].y[0]",
    "a.b",
    ".",
    "x" * 70_000,
    "NaN",
    "1e999",
    "error",
    "default",
    "read",
    "manage",
    "0.7",
    "00000000",
    "00000000-0000-0000-0000-000000000000",
    "$eq",
    "$match",
]
VALUES: list[object] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**63,
    10**300,
    0.5,
    -0.0,
    1e308,
    [],
    {},
    [None],
    [1, "a"],
    [1, 2],
    [2, 1],
    {"": 1},
    {"$eq": 1},
    {"$match": "["},
]


class Mutator:
    """
    Changes messages by chance, the same way for the same *rng*.

    Thread: one.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._changes: list[Callable[[object], object]] = [
            lambda _: self.value(),
            lambda _: rng.choice(TEXTS),
            self._without,
            self._with_more,
            self._repeated,
            lambda value: _nested(value, rng.choice([1, 31, 33, 300])),
            str,
        ]

    def value(self) -> object:
        """Return a value that is worth a try."""
        return self._rng.choice(VALUES) if self._rng.random() < 0.6 else self._rng.choice(TEXTS)

    def body(self, message: object) -> bytes:
        """Return *message* as JSON, more or less."""
        for _ in range(self._rng.choice([0, 1, 1, 1, 2, 5])):
            message = self._changed(message)
        text = json.dumps(message)
        if self._rng.random() < 0.05:
            text = text.replace('"}', '", "locator": "s", "locator": "s"}', 1)
        if self._rng.random() < 0.05:
            text = text.replace("1", self._rng.choice(["NaN", "-Infinity", "1e999", "9" * 5000]))
        body = text.encode(self._rng.choice(["utf-8"] * 18 + ["utf-16", "utf-8-sig"]))
        return self.damaged(body) if self._rng.random() < 0.15 else body

    def damaged(self, body: bytes) -> bytes:
        """Return *body* with bytes lost, doubled or changed."""
        data = bytearray(body or b"{}")
        for _ in range(self._rng.choice([1, 1, 4, 20])):
            at = self._rng.randrange(len(data)) if data else 0
            end = at + self._rng.choice([1, 1, 7, 60])
            patch = self._rng.choice(
                [b"", self._rng.randbytes(2), bytes(data[at:end]) * 2, b"\xff"]
            )
            data[at:end] = patch
        return bytes(data)

    def _changed(self, value: object) -> object:
        """Change *value* or something inside it."""
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.8:
            key = rng.choice(list(value))
            return {**value, key: self._changed(value[key])}
        if isinstance(value, list) and value and rng.random() < 0.7:
            at = rng.randrange(len(value))
            return [*value[:at], self._changed(value[at]), *value[at + 1 :]]
        return rng.choice(self._changes)(value)

    def _repeated(self, value: object) -> object:
        # Repetition of what is repeated would fill the memory, of the one who asks.
        is_small = isinstance(value, int | float) or len(str(value)) < 100
        return [value] * self._rng.choice([1, 2, 300] if is_small else [1, 2])

    def _without(self, value: object) -> object:
        if isinstance(value, dict) and value:
            gone = self._rng.choice(list(value))
            return {key: inner for key, inner in value.items() if key != gone}
        return value[: len(value) // 2] if isinstance(value, str | list) else None

    def _with_more(self, value: object) -> object:
        key = self._rng.choice(TEXTS)
        return {**value, key: self.value()} if isinstance(value, dict) else {key: value}


def _nested(value: object, depth: int) -> object:
    for _ in range(depth):
        value = {"a": value}
    return value
