"""
The decoders `cdr` and `ros1`: claims, encapsulation headers, and what becomes of payloads that are broken.

Must not know: how steps are read. Next: `definitions`.
"""

import itertools
from collections.abc import Sequence

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.plugin import Channel, Decode, Decoded, Match, Payloads, Reject, Strength
from mosaico_ingest_ros.decoding.columns import read_parts
from mosaico_ingest_ros.decoding.cursor import Cursor
from mosaico_ingest_ros.decoding.definitions import compile_channel
from mosaico_ingest_ros.decoding.layout import Program, Struct
from mosaico_ingest_ros.decoding.rows import Fault, Ints, Rows

__all__ = ["CdrDecoder", "Ros1Decoder"]

_HEADER_BYTES = 4  # representation and options; alignment counts from behind them
_MAX_PADDING = 3  # CDR payloads may be filled up to a multiple of four
_ATTEMPTS = 8  # decodes without the rows found broken so far, before a batch is halved
_BIG, _LITTLE = 0, 1
_REFUSED = {"PL_CDR": (2, 3), "XCDR2": (6, 7, 8, 9, 10, 11)}  # other representations, by kind


class CdrDecoder:
    """CDR payloads of ROS 2 and DDS recordings, defined by `.msg` or IDL texts."""

    name = "cdr"
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim `cdr` with a definition, or with a name that ROS might know."""
        if channel.message_encoding != "cdr":
            return None
        if not channel.definition.strip():
            is_ros = channel.type_name.count("/") in {1, 2}
            return Match(Strength.SUFFIX, "CDR of a ROS type by name") if is_ros else None
        if channel.schema_encoding not in {"ros2msg", "ros2idl", "omgidl"}:
            return None
        return Match(Strength.STRUCTURE, f"CDR with a {channel.schema_encoding} definition")

    def compile(self, channel: Channel) -> Decode:
        """Compile the definition."""
        return _Decode(compile_channel(channel, cdr=True), is_cdr=True)


class Ros1Decoder:
    """Payloads of ROS 1 recordings."""

    name = "ros1"
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim `ros1` with a definition, or with a name that ROS might know."""
        if channel.message_encoding != "ros1" or channel.schema_encoding not in {"ros1msg", ""}:
            return None
        if channel.definition.strip():
            return Match(Strength.STRUCTURE, "ROS 1 serialisation with its definition")
        is_ros = "/" in channel.type_name
        return Match(Strength.SUFFIX, "ROS 1 type by name") if is_ros else None

    def compile(self, channel: Channel) -> Decode:
        """Compile the definition."""
        return _Decode(compile_channel(channel, cdr=False), is_cdr=False)


class _Decode:
    """Payloads of one channel to columns; holds nothing that changes."""

    note = ""  # every shape is read in vectors, none message by message

    def __init__(self, program: Program, *, is_cdr: bool) -> None:
        assert isinstance(program.tree, Struct)
        self._program, self._tree, self._is_cdr = program, program.tree, is_cdr
        self.schema = pa.schema(list(program.tree.type))

    def __call__(self, payload: pa.Array) -> Decoded:
        """Decode a column of payloads."""
        payloads = Payloads.from_column(payload)
        run = _Run(self._program, self._tree, self._is_cdr)
        if len(payloads):
            if self._is_cdr:
                run.cdr(payloads)
            else:
                rows = Rows(payloads.buffer, payloads.starts, payloads.lengths)
                run.decode(rows, np.arange(len(payloads)), is_big=False)
        return run.result(len(payloads))


@attrs.define(eq=False)
class _Run:
    """
    The decoding of one batch.

    Args:
        program, tree: What a message looks like.
        is_cdr: Whether payloads may end with padding.
        pieces: Columns decoded so far, with the number of each row in the batch.
        rejects: Rows given up so far, by reason.
    """

    program: Program
    tree: Struct
    is_cdr: bool
    pieces: list[tuple[Ints, pa.StructArray]] = attrs.field(factory=list)
    rejects: dict[str, list[Ints]] = attrs.field(factory=dict)

    def cdr(self, payloads: Payloads) -> None:
        """Decode payloads behind an encapsulation header; both byte orders may be mixed."""
        every = np.arange(len(payloads))
        has_header = payloads.lengths >= _HEADER_BYTES
        if not has_header.all():
            self._reject(every[~has_header], "The payload is shorter than its CDR header.")
            every = every[has_header]
        starts, sizes = payloads.starts[every], payloads.lengths[every]
        bodies = Rows(payloads.buffer, starts + _HEADER_BYTES, sizes - _HEADER_BYTES)
        kinds = payloads.buffer[starts].astype(np.uint16) << 8 | payloads.buffer[starts + 1]
        if (kinds == _LITTLE).all():
            self.decode(bodies, every, is_big=False)
            return
        for kind in (_LITTLE, _BIG):
            index = np.flatnonzero(kinds == kind)
            self.decode(bodies.messages(index), every[index], is_big=kind == _BIG)
        for name, numbers in _REFUSED.items():
            reason = f"The CDR representation {name} cannot be decoded."
            self._reject(every[np.isin(kinds, numbers)], reason)
        known = [_LITTLE, _BIG, *itertools.chain(*_REFUSED.values())]
        unknown = every[~np.isin(kinds, known)]
        self._reject(unknown, "The payload does not begin with a CDR header.")

    def decode(self, rows: Rows, index: Ints, *, is_big: bool) -> None:
        """Decode *rows*, which have the numbers *index* in the batch; broken ones are left out."""
        for _ in range(_ATTEMPTS):
            if not len(index):
                return
            try:
                self.pieces.append((index, self._columns(rows, is_big)))
            except Fault as fault:
                self._reject(index[fault.messages], fault.reason)
                good = np.delete(np.arange(len(index)), fault.messages)
                rows, index = rows.messages(good), index[good]
            else:
                return
        for half in np.array_split(np.arange(len(index)), 2):
            self.decode(rows.messages(half), index[half], is_big=is_big)

    def _columns(self, rows: Rows, is_big: bool) -> pa.StructArray:
        """Decode rows that must all be good."""
        cursor = Cursor(rows, self.program.max_align, is_big)
        column = self.tree.column(read_parts(cursor, self.program), len(rows))
        rest = cursor.rows.sizes - cursor.at
        bad = rest > (_MAX_PADDING if self.is_cdr else 0)
        if bad.any():
            raise rows.fault(bad, "The payload goes on behind the last field of the definition.")
        return column

    def _reject(self, index: Ints, reason: str) -> None:
        """Note rows that are given up."""
        if len(index):
            self.rejects.setdefault(reason, []).append(index)

    def result(self, messages: int) -> Decoded:
        """Put everything together, in stored order."""
        rejects = tuple(
            Reject(np.sort(np.concatenate(rows)), reason) for reason, rows in self.rejects.items()
        )
        if len(self.pieces) == 1:
            kept, column = self.pieces[0]
        elif self.pieces:
            kept = np.concatenate([index for index, _ in self.pieces])
            order = np.argsort(kept)
            column = pa.concat_arrays([piece for _, piece in self.pieces]).take(pa.array(order))
            kept = kept[order]
        else:
            kept, column = np.empty(0, np.int64), pa.array([], self.tree.type)
        data = pa.RecordBatch.from_struct_array(column)
        return Decoded(data=data, kept=kept if len(kept) < messages else None, rejects=rejects)
