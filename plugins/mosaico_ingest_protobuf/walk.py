"""
Finds where the values of each field lie, in many messages at the same time.

Every message has a place; the lowest tag that any place stands at is read in all messages that stand
there. Messages written in the order of their fields so take one step per field, whatever they leave out.
The elements of a long list are found at once: every byte that could begin one is followed to the next.

Must not know: Arrow. Next: `columns`.
"""

from collections import defaultdict
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest_protobuf.shape import FIXED32, FIXED64, LENGTH, VARINT, Shape
from mosaico_ingest_protobuf.wire import Flags, Ints, Unsigned, Wire

__all__ = ["Findings", "Level", "Piece", "walk"]

_MANY_STEPS = range(
    16, 256
)  # elements of lists that are read one by one before the rest is looked for
_ROWS_PER_STEP = (
    8  # of many lists more are read so: a step then costs less than looking through each
)
_MAX_STEPS = 1024  # beyond this, what is left of a batch is read by the library
_MAX_LENGTH_WIDTH = 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}


@attrs.frozen(eq=False)
class Piece:
    """
    Values of one field, in the order of the wire.

    Args:
        rows: The message of each, as row of its level; None if each row has one.
        starts: First byte of each value.
        sizes: Bytes of each value.
        values: What varints say, None for other kinds.
    """

    rows: Ints | None
    starts: Ints
    sizes: Ints
    values: Unsigned | None = None


@attrs.define(eq=False)
class Findings:
    """
    What is noticed about the messages of a batch.

    Args:
        odd: (messages,) bool, what the library has to read.
        unsure: (messages,) bool, what the library has to approve of.
        unknown: (messages,) bool, which have fields that the definition does not know.
        refused: (messages,) bool, what nobody has to read.
        reasons: Why messages look wrong, in case that the library agrees, or are refused.
    """

    odd: Flags
    unsure: Flags
    unknown: Flags
    refused: Flags
    reasons: dict[str, list[Ints]] = attrs.field(factory=lambda: defaultdict(list), init=False)

    @classmethod
    def of(cls, messages: int) -> "Findings":
        """Return nothing noticed yet of so many *messages*."""
        return cls(*(np.zeros(messages, np.bool_) for _ in range(4)))

    def tell(self, messages: Ints, reason: str = "") -> None:
        """Leave *messages* to the library."""
        self.odd[messages] = True
        if reason:
            self.reasons[reason].append(messages)

    def refuse(self, messages: Ints, reason: str) -> None:
        """Give up *messages*, whatever the library would say."""
        self.refused[messages] = True
        self.reasons[reason].append(messages)


@attrs.frozen(eq=False)
class Level:
    """
    Messages of one shape.

    Args:
        wire: The bytes.
        starts, ends: (n,) int64, where each begins and ends; equal for one that is not there.
        owners: (n,) int64, the payload that each is part of.
        findings: What is noticed about the payloads.
    """

    wire: Wire
    starts: Ints
    ends: Ints
    owners: Ints
    findings: Findings

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.starts)

    def at(self, starts: Ints, sizes: Ints, rows: Ints | None = None) -> "Level":
        """Return what lies inside of these messages, or of those in *rows*."""
        owners = self.owners if rows is None else self.owners[rows]
        return Level(self.wire, starts, starts + sizes, owners, self.findings)


def walk(level: Level, shape: Shape) -> list[list[Piece]]:
    """Return the pieces of each field of *shape* in the messages of *level*."""
    walker = _Walker(level, shape)
    walker.run()
    return walker.pieces


class _Walker:
    """One walk over messages of one shape."""

    def __init__(self, level: Level, shape: Shape) -> None:
        self.wire, self.shape, self.findings = level.wire, shape, level.findings
        self.at, self.ends, self.owners = level.starts.copy(), level.ends, level.owners
        self.pieces: list[list[Piece]] = [[] for _ in shape.fields]
        self.slots = self._slots(self.at, self.ends)
        lists = sum(field.is_repeated for field in self.shape.fields)
        self._to_scan = lists * int((self.ends - self.at).sum())  # each list is looked for once

    def run(self) -> None:
        """Read everything."""
        if not len(self.at):
            return
        last, repeats = -1, 0
        for _ in range(_MAX_STEPS):
            slot = int(self.slots.min())
            if slot == self.shape.end:
                return
            repeats = repeats + 1 if slot == last else 0
            last = slot
            here = self.slots == slot
            index = None if here.all() else np.flatnonzero(here)
            if repeats >= _MANY_STEPS.start and self._is_far(slot, repeats, int(here.sum())):
                self._leap(slot, np.flatnonzero(here))
                last = -1
            else:
                self._step(slot, index)
        self._leave(np.flatnonzero(self.slots != self.shape.end))

    def _is_far(self, slot: int, repeats: int, rows: int) -> bool:
        """Say whether *slot* is that of lists which are likely to go on for longer than steps are worth."""
        slots, fields = self.shape.slots, self.shape.fields
        if slot >= len(slots) or not fields[slots[slot].field].is_repeated:
            return False
        return repeats >= min(rows // _ROWS_PER_STEP, _MANY_STEPS.stop)

    def _step(self, slot: int, index: Ints | None) -> None:
        """Read the field at *slot* in the rows *index*, or in all."""
        at = self.at if index is None else self.at[index]
        ends = self.ends if index is None else self.ends[index]
        every = np.arange(len(self.at)) if index is None else index
        if slot == self.shape.odd:
            self._leave(every, "The payload has a tag that begins no field.")
            return
        if slot == self.shape.unknown:
            self.findings.unknown[self.owners[every]] = True
            if self.shape.is_entry:  # the library counts all of such an entry as unknown
                self.findings.tell(self.owners[every])
            after = self._past_unknown(at)
            name = "an unknown field"
        else:
            found = self.shape.slots[slot]
            starts, after, values = self._values(found.wire, at + found.width)
            name = repr(self.shape.fields[found.field].path)
        good = (after <= ends) & (after > at)
        if not good.all():
            self._leave(every[~good], f"The payload ends inside {name}.")
            index, after, ends = every[good], after[good], ends[good]
        if slot != self.shape.unknown:
            if len(after) < len(starts):
                starts, values = starts[good], None if values is None else values[good]
            piece = Piece(index, starts, after - starts, values)
            self.pieces[found.field].append(piece)
        if index is None:
            self.at, self.slots = after, self._slots(after, ends)
        else:
            self.at[index], self.slots[index] = after, self._slots(after, ends)

    def _values(self, kind: int, at: Ints) -> tuple[Ints, Ints, Unsigned | None]:
        """Return where values begin and end, and what varints say; one that is broken ends at 0."""
        if kind in _FIXED_BYTES:
            return at, at + _FIXED_BYTES[kind], None
        values, widths = self.wire.varints(at)
        if kind == VARINT:
            return at, np.where(widths > 0, at + widths, 0), values
        starts = at + widths
        fits = (widths > 0) & (widths <= _MAX_LENGTH_WIDTH) & (values <= len(self.wire.buffer))
        return starts, np.where(fits, starts + values.astype(np.int64), 0), None

    def _past_unknown(self, at: Ints) -> Ints:
        """Return where unknown fields end."""
        tags, widths = self.wire.varints(at)
        kinds, after = tags & np.uint64(7), np.zeros(len(at), np.int64)
        for kind in (VARINT, FIXED64, LENGTH, FIXED32):
            index = np.flatnonzero(kinds == kind)
            if len(index):
                after[index] = self._values(kind, (at + widths)[index])[1]
        return after

    def _leave(self, rows: Ints, reason: str = "") -> None:
        """End the walk of *rows*, whose payloads the library has to read."""
        self.findings.tell(self.owners[rows], reason)
        self.slots[rows] = self.shape.end

    def _slots(self, at: Ints, ends: Ints) -> npt.NDArray[np.uint16]:
        """Return the slot of the tag at each place."""
        shape, buffer = self.shape, self.wire.buffer
        slots = shape.by_byte[buffer[np.minimum(at, len(buffer) - 1)]]
        slots[at >= ends] = shape.end
        long = np.flatnonzero(slots == shape.long)
        if len(long):
            slots[long] = self._long_slots(at[long])
        return slots

    def _long_slots(self, at: Ints) -> npt.NDArray[np.uint16]:
        """Return the slots of tags of several bytes."""
        shape = self.shape
        tags, widths = self.wire.varints(at)
        slots = np.full(len(at), shape.unknown, np.uint16)
        is_plain = np.isin(tags & np.uint64(7), (VARINT, FIXED64, LENGTH, FIXED32))
        lowest = np.uint64(1) << (7 * (widths - 1)).clip(0).astype(np.uint64)
        is_shortest = (widths > 1) & (widths <= _MAX_LENGTH_WIDTH) & (tags >= lowest)
        slots[~(is_plain & is_shortest & (tags < np.uint64(1 << 32)))] = shape.odd
        known = shape.long_tags
        if len(known):
            found = np.searchsorted(known, tags).clip(max=len(known) - 1)
            hit = (known[found] == tags) & is_shortest
            slots[hit] = (found + len(shape.slots) - len(known))[hit]
        return slots

    def _leap(self, slot: int, rows: Ints) -> None:
        """Read all elements that follow each other from where *rows* stand."""
        found = self.shape.slots[slot]
        rows = rows[np.argsort(self.at[rows], kind="stable")]
        firsts, ends = self.at[rows], self.ends[rows]
        self._to_scan -= int((ends - firsts).sum())
        if self._to_scan < 0:  # lists that take turns
            self._leave(rows)
            return
        at = np.concatenate(list(self._candidates(found.tag, found.width, firsts, ends)))
        owner = np.searchsorted(firsts, at, "right") - 1
        starts, after, values = self._values(found.wire, at + found.width)
        good = (after > at) & (after <= ends[owner])
        at, owner, starts, after = at[good], owner[good], starts[good], after[good]
        count = len(at)
        following = np.searchsorted(at, after)
        hit = at[np.minimum(following, count - 1)] == after if count else np.zeros(0, np.bool_)
        hit &= after < ends[owner]
        jump = np.append(np.where(hit, following, count), count)
        begin = np.searchsorted(at, firsts)
        begin = begin[at[np.minimum(begin, count - 1)] == firsts] if count else begin[:0]
        chosen = _reached(begin, jump)
        last = np.full(len(rows), -1)
        last[owner[chosen]] = chosen  # the last of each row wins
        is_moved = last >= 0
        self._leave(
            rows[~is_moved], f"The payload ends inside {self.shape.fields[found.field].path!r}."
        )
        picked = None if values is None else values[good][chosen]
        piece = Piece(rows[owner[chosen]], starts[chosen], (after - starts)[chosen], picked)
        self.pieces[found.field].append(piece)
        rows, places = rows[is_moved], after[last[is_moved]]
        self.at[rows] = places
        self.slots[rows] = self._slots(places, self.ends[rows])

    def _candidates(self, tag: int, width: int, firsts: Ints, ends: Ints) -> Iterator[Ints]:
        """Yield the places where *tag* may stand, in ascending ranges that do not overlap."""
        written = bytes(
            (tag >> 7 * k & 0x7F) | (0x80 if k < width - 1 else 0) for k in range(width)
        )
        for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
            part = self.wire.buffer[first:end]
            here = part[: max(0, len(part) - width + 1)] == written[0]
            for k in range(1, width):
                here &= part[k : len(here) + k] == written[k]
            yield np.flatnonzero(here) + first


def _reached(begin: Ints, jump: Ints) -> Ints:
    """Return what is reached from *begin* by any number of jumps; the last place leads to itself."""
    reached = np.zeros(len(jump), np.bool_)
    reached[begin] = True
    reached[-1] = True
    before, total = 0, int(reached.sum())
    while total > before:  # each round doubles the distance
        reached[jump[reached]] = True
        jump = jump[jump]
        before, total = total, int(reached.sum())
    return np.flatnonzero(reached[:-1])
