"""
Packed clouds (`PointCloud2`) looked through: the numbers of one field of many messages at once.

How points are packed may change from message to message. Messages that are packed alike form a
`Layout`; their points are laid side by side, once, and each field is then one strided view.

Must not know: ontology types, what fields mean. Next: `points`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.plugin import Payloads
from mosaico_ingest_ros.decoding.rows import gather_ranges
from mosaico_ingest_ros.mapping.shapes import at, elements

__all__ = ["Clouds", "Layout", "PackedField"]

Ints = npt.NDArray[np.int64]

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}


@attrs.frozen
class PackedField:
    """
    One number of each point.

    Args:
        offset: Its first byte in the point.
        dtype: In the byte order of the message.
    """

    offset: int
    dtype: np.dtype


@attrs.frozen(eq=False)
class Layout:
    """
    Messages that are packed alike.

    Args:
        messages: (n,) int64, their places in the batch.
        points: (n,) int64, points of each.
        step: Bytes from one point to the next.
        fields: Numbers of each point, by name in small letters; arrays are not among them.
        data: Their points side by side.
    """

    messages: Ints
    points: Ints
    step: int
    fields: Mapping[str, PackedField]
    data: npt.NDArray[np.uint8]

    def read(self, field: PackedField) -> npt.NDArray[Any]:
        """
        Return a field of all points, as a view.

        Raises:
            DecodeError: It lies beyond the end of a point.
        """
        total = int(self.points.sum())
        if total and field.offset + field.dtype.itemsize > self.step:
            msg = (
                f"A field of a cloud lies at byte {field.offset} of its point, which has "
                f"{self.step}."
            )
            raise DecodeError(msg)
        if not total:
            return np.empty(0, field.dtype)
        return np.ndarray((total,), field.dtype, self.data, field.offset, (self.step,))


@attrs.frozen(eq=False)
class Clouds:
    """
    A batch of messages.

    Args:
        row: The decoded columns.
    """

    row: pa.StructArray

    @cached_property
    def points(self) -> Ints:
        """
        (n,) int64, points of each message.

        Raises:
            DecodeError: A message is shorter than its points.
        """
        height, width, step, pitch = self._sizes
        # In floating point: the product of hostile sizes does not fit 64 bits.
        packed = height.astype(float) * width * step
        padded = np.maximum(height - 1.0, 0) * pitch + width.astype(float) * step
        needed = np.where(self._is_padded, padded, packed)
        short = (needed > self._blobs.lengths) & (packed > 0)
        if short.any():
            k = int(np.flatnonzero(short)[0])
            msg = (
                f"A cloud of {height[k]} x {width[k]} points of {step[k]} bytes has "
                f"{self._blobs.lengths[k]} bytes of data, not {needed[k]:.0f}."
            )
            raise DecodeError(msg)
        # Without bytes there are no points, whatever height and width say.
        points: Ints = np.where(step > 0, height * width, 0)
        return points

    @cached_property
    def layouts(self) -> list[Layout]:
        """The messages by the way in which they are packed."""
        codes = self._codes
        _, firsts = np.unique(codes, return_index=True)
        return [self._layout(int(k), codes == codes[k]) for k in firsts]

    @cached_property
    def _blobs(self) -> Payloads:
        return Payloads.from_column(at(self.row, "data"))

    @cached_property
    def _sizes(self) -> tuple[Ints, Ints, Ints, Ints]:
        height, width, step, pitch = (
            at(self.row, name).cast(pa.int64()).to_numpy()
            for name in ("height", "width", "point_step", "row_step")
        )
        return height, width, step, pitch

    @cached_property
    def _is_padded(self) -> npt.NDArray[np.bool_]:
        """
        Where rows are followed by padding.

        Drivers fill `row_step` carelessly: data of just the size of their points have no padding.
        """
        height, width, step, pitch = self._sizes
        fits = self._blobs.lengths == height.astype(float) * width * step
        padded: npt.NDArray[np.bool_] = (height > 1) & (pitch > width * step) & ~fits
        return padded

    @cached_property
    def _codes(self) -> Ints:
        """(n,) a number for each message, equal where they are packed alike."""
        offsets, fields = elements(at(self.row, "fields"))
        parts = [at(fields, name).cast(pa.string()) for name in ("offset", "datatype", "count")]
        texts = pc.binary_join_element_wise(at(fields, "name").cast(pa.string()), *parts, "\0")
        names = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "\1")
        packing = [at(self.row, name).cast(pa.string()) for name in ("point_step", "is_bigendian")]
        codes = pc.binary_join_element_wise(names, *packing, "\2").dictionary_encode().indices
        numbers: Ints = codes.to_numpy().astype(np.int64)
        return numbers

    def _layout(self, first: int, chosen: npt.NDArray[np.bool_]) -> Layout:
        """Return the layout of the messages in the mask *chosen*, of which *first* is the first."""
        order = ">" if at(self.row, "is_bigendian")[first].as_py() else "<"
        fields: dict[str, PackedField] = {}
        for field in at(self.row, "fields")[first].as_py():
            number = _NUMBERS.get(field["datatype"])
            if number and field["count"] <= 1:  # old drivers write 0 for a single number
                packed = PackedField(field["offset"], np.dtype(order + number))
                fields.setdefault(field["name"].lower(), packed)
        messages = np.flatnonzero(chosen)
        points = self.points[messages]
        step = int(self._sizes[2][first])
        return Layout(messages, points, step, fields, self._side_by_side(messages))

    def _side_by_side(self, messages: Ints) -> npt.NDArray[np.uint8]:
        """Return the points of *messages* without what lies between them; shared where nothing does."""
        height, width, step, pitch = (sizes[messages] for sizes in self._sizes)
        blobs = self._blobs.take(messages)
        padded = self._is_padded[messages] & (self.points[messages] > 0)
        rows = np.where(padded, height, 1)  # now at most the bytes of the message
        lengths = np.repeat(np.where(padded, width, self.points[messages]) * step, rows)
        within = np.arange(len(lengths)) - np.repeat(np.cumsum(rows) - rows, rows)
        starts = np.repeat(blobs.starts, rows) + within * np.repeat(pitch, rows)
        if not lengths.any():
            return np.empty(0, np.uint8)
        ends = starts + lengths
        if (starts[1:] == ends[:-1]).all():
            return blobs.buffer[starts[0] : ends[-1]]
        return gather_ranges(blobs.buffer, starts, lengths)
