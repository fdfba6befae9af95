"""
What a log says once: formats, information, parameters, and what is subscribed under which number.

Must not know: times, damage. Next: `contents`.
"""

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import Attachment, MetadataRecord
from mosaico_ingest_ulog.records import Kind

__all__ = ["Facts", "Subscription"]

Bytes = npt.NDArray[np.uint8]

_MAX_BYTES = 32 * 1024 * 1024
_NUMBERS = {
    "int8_t": "i1",
    "uint8_t": "u1",
    "bool": "u1",
    "int16_t": "i2",
    "uint16_t": "u2",
    "int32_t": "i4",
    "uint32_t": "u4",
    "int64_t": "i8",
    "uint64_t": "u8",
    "float": "f4",
    "double": "f8",
}
_DEFAULTS = ((1, "system_defaults"), (2, "setup_defaults"))


@attrs.frozen
class Subscription:
    """From here on, messages numbered *msg_id* are of the format *name*, of its instance *multi_id*."""

    msg_id: int
    name: str
    multi_id: int


class Facts:
    """Collects the records that are no messages."""

    def __init__(self) -> None:
        self.formats: dict[str, str] = {}
        self.unusable = 0
        self._bytes = 0
        self._tables: dict[str, dict[str, str]] = {}
        self._texts: dict[str, list[list[str]]] = {}
        self._files: dict[str, list[bytes]] = {}

    def add(self, kind: int, content: Bytes) -> Subscription | None:
        """Take one record; return what it subscribes, if it does."""
        data = content.tobytes()
        if kind == Kind.SUBSCRIBE:
            return Subscription(int.from_bytes(data[1:3], "little"), _text(data[3:]), data[0])
        self._bytes += len(data)
        if self._bytes > _MAX_BYTES or not self._keep(kind, data):
            self.unusable += 1
        return None

    def metadata(self) -> tuple[MetadataRecord, ...]:
        """Return tables of texts: information, parameters at the start, and their defaults."""
        tables = {name: dict(table) for name, table in self._tables.items()}
        for key, values in self._texts.items():
            tables.setdefault("information", {})[key] = "\n".join(
                "".join(parts) for parts in values
            )
        return tuple(MetadataRecord(name=name, values=values) for name, values in tables.items())

    def attachments(self) -> tuple[Attachment, ...]:
        """Return the files that travel among the information."""
        return tuple(
            Attachment(
                name=name, media_type="application/octet-stream", size_bytes=sum(map(len, parts))
            )
            for name, parts in self._files.items()
        )

    def attachment(self, index: int) -> list[bytes]:
        """Return the bytes of a file, in the parts that it was logged in."""
        return list(self._files.values())[index]

    def _keep(self, kind: int, data: bytes) -> bool:
        """Keep a record; say whether it made sense."""
        if kind == Kind.FORMAT:
            name, colon, fields = _text(data).partition(":")
            if colon:
                self.formats[name] = fields
            return bool(colon)
        lead = 1 if kind in (Kind.INFO_PART, Kind.DEFAULT) else 0
        if len(data) <= lead:
            return False
        key_end = lead + 1 + data[lead]
        type_name, space, key = _text(data[lead + 1 : key_end]).partition(" ")
        if not space or key_end > len(data):
            return False
        value = data[key_end:]
        if kind == Kind.INFO_PART:
            self._add_part(type_name, key, value, is_continued=bool(data[0]))
            return True
        if kind == Kind.DEFAULT:
            for bit, table in _DEFAULTS:
                if data[0] & bit:
                    self._table(table)[key] = _value(type_name, value)
        elif type_name.startswith("uint8_t["):
            self._files[key] = [value]
        else:
            table = "parameters" if kind == Kind.PARAMETER else "information"
            self._table(table)[key] = _value(type_name, value)
        return True

    def _add_part(self, type_name: str, key: str, value: bytes, *, is_continued: bool) -> None:
        """Take one of several values of *key*, or the next part of the last one."""
        if type_name.startswith("uint8_t["):
            if is_continued and key in self._files:
                self._files[key].append(value)
            else:
                number = sum(name.partition("#")[0] == key for name in self._files) + 1
                self._files[key if number == 1 else f"{key}#{number}"] = [value]
            return
        values = self._texts.setdefault(key, [])
        if is_continued and values:
            values[-1].append(_value(type_name, value))
        else:
            values.append([_value(type_name, value)])

    def _table(self, name: str) -> dict[str, str]:
        return self._tables.setdefault(name, {})


def _value(type_name: str, value: bytes) -> str:
    """Return a value as text: numbers as such, texts up to their first zero, others in hexadecimal."""
    kind = _NUMBERS.get(type_name)
    if kind and len(value) == np.dtype(kind).itemsize:
        number = np.frombuffer(value, f"<{kind}")[0]
        return str(bool(number)) if type_name == "bool" else str(number)
    return _text(value.split(b"\0")[0]) if type_name.startswith("char") else value.hex()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
