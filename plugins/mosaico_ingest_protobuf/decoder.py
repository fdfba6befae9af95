"""
The decoder `protobuf`: its claim, and how what the library has read joins the rest of a batch.

Must not know: how fields are found. Next: `walk`.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from mosaico_ingest.plugin import Channel, Decode, Decoded, Match, Payloads, Reject, Strength
from mosaico_ingest_protobuf.columns import read_level
from mosaico_ingest_protobuf.definitions import Definition, compile_definition
from mosaico_ingest_protobuf.library import read_messages, refuses
from mosaico_ingest_protobuf.walk import Findings, Level
from mosaico_ingest_protobuf.wire import Ints, Wire

__all__ = ["ProtobufDecoder"]

_MAX_BATCH_BYTES = 2**31 - 1  # `binary`, `string` and `list` count with 32 bits

_UNKNOWN = "fields that the definition does not know are left out"


class ProtobufDecoder:
    """Protocol Buffers with the descriptors that the recording carries."""

    name = "protobuf"
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim `protobuf` with descriptors and a message name."""
        if channel.message_encoding != "protobuf" or channel.schema_encoding != "protobuf":
            return None
        if not channel.definition or not channel.type_name:
            return None
        return Match(Strength.STRUCTURE, "protobuf with its descriptors")

    def compile(self, channel: Channel) -> Decode:
        """Compile the descriptors."""
        return _Decode(compile_definition(channel.definition, channel.type_name.lstrip(".")))


class _Decode:
    """Payloads of one channel to columns; holds nothing that changes."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        # Other things that the library has to read are rare in any type.
        self.note = "groups are read message by message" if definition.shape.has_groups else ""
        self.schema = pa.schema(list(definition.shape.type))

    def __call__(self, payload: pa.Array) -> Decoded:
        """Decode a column of payloads."""
        payloads, definition = Payloads.from_column(payload), self._definition
        n, every = len(payloads), np.arange(len(payloads))
        findings = Findings.of(n)
        starts, ends = payloads.starts, payloads.starts + payloads.lengths
        beyond = np.cumsum(payloads.lengths) > _MAX_BATCH_BYTES
        if beyond.any():
            ends = np.where(beyond, starts, ends)
            findings.refuse(every[beyond], "A batch of payloads has more than 2 GiB.")
        level = Level(Wire(payloads.buffer), starts, ends, every, findings)
        column = read_level(level, definition.shape)
        rejects = _Rejects(findings)
        otherwise = f"The payload is no valid {definition.shape.name}."
        rejects.add(np.flatnonzero(findings.refused), otherwise)
        taken = ~findings.refused & ~findings.odd
        unsure = np.flatnonzero(findings.unsure & taken)
        refused = unsure[[refuses(definition, value) for value in _payloads(payloads, unsure)]]
        taken[refused] = False
        rejects.add(refused, otherwise)
        unknown = int((findings.unknown & taken).sum())
        if taken.all():
            return Decoded(data=pa.RecordBatch.from_struct_array(column), findings=_told(unknown))
        odd = np.flatnonzero(findings.odd & ~findings.refused)
        reading = read_messages(definition, _payloads(payloads, odd))
        is_taken = np.array(reading.is_taken, np.bool_)
        rejects.add(odd[~is_taken], otherwise)
        kept = np.concatenate([np.flatnonzero(taken), odd[is_taken]])
        order = np.argsort(kept)
        column = pa.concat_arrays([column.take(pa.array(np.flatnonzero(taken))), reading.column])
        data = pa.RecordBatch.from_struct_array(column.take(pa.array(order)))
        return Decoded(
            data=data,
            kept=None if len(kept) == n else kept[order],
            rejects=rejects.result(),
            findings=_told(unknown + sum(reading.has_unknown)),
        )


def _told(unknown: int) -> dict[str, int]:
    """Return what to tell of *unknown* messages."""
    return {_UNKNOWN: unknown} if unknown else {}


def _payloads(payloads: Payloads, rows: Ints) -> list[bytes]:
    """Return the payloads of a few rows."""
    memory = payloads.buffer.data
    part = payloads.take(rows)
    pairs = zip(part.starts.tolist(), part.lengths.tolist(), strict=True)
    return [bytes(memory[start : start + size]) for start, size in pairs]


class _Rejects:
    """Messages that are given up, by reason; the first that the walk has found for one counts."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._rows: dict[str, list[Ints]] = {}

    def add(self, rows: Ints, otherwise: str) -> None:
        """Give up *rows*, for what was noticed about them, or *otherwise*."""
        for reason, found in self._findings.reasons.items():
            if len(rows):
                is_said = np.isin(rows, np.concatenate(found))
                self._note(rows[is_said], reason)
                rows = rows[~is_said]
        self._note(rows, otherwise)

    def _note(self, rows: Ints, reason: str) -> None:
        if len(rows):
            self._rows.setdefault(reason, []).append(rows)

    def result(self) -> tuple[Reject, ...]:
        """Return them grouped by reason."""
        return tuple(
            Reject(np.sort(np.concatenate(rows)), reason) for reason, rows in self._rows.items()
        )
