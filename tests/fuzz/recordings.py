"""
Recordings that are cut, overwritten, or have bits turned over, read to their end.

Whatever happens to the bytes, opening raises `SourceError` or nothing, reading ends, memory stays flat,
and every message of a part that was left alone comes. What the parts of a file are (chunks, records,
pages) is found here without the readers under test.
"""

import random
import resource
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from mcap.writer import CompressionType, IndexType, Writer
from mosaico_ingest_mcap import McapFormat

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage, SourceFormat
from mosaico_ingest.testing.source import source_file

from .outcome import Outcome

_MESSAGES = 600
_SECONDS = 20  # for one case, which takes milliseconds
_MEMORY_BYTES = 512 << 20  # over what the process needed before the first case
_RESYNC = 5  # records in a row that a walk without chunks needs to find its way again

Range = tuple[int, int]
Message = tuple[int, bytes]


@attrs.frozen(kw_only=True)
class Subject:
    """
    One kind of recording.

    Args:
        form: What reads it.
        path: The undamaged file.
        parts: Byte range of each part, with its messages; damage outside of them costs no message.
        vital: Ranges whose damage may cost anything.
        checked: Ranges whose checksums keep messages that were changed from being given.
        run: Parts in a row that must be undamaged to be found again after damage.
    """

    form: SourceFormat
    path: Path
    parts: list[tuple[Range, list[Message]]]
    vital: tuple[Range, ...]
    checked: tuple[Range, ...]
    run: int = 1

    def expected(self, damaged: list[Range], data: bytes) -> set[Message]:
        """Return the messages that must come if *damaged* are, and *data* is what is left."""
        size = len(data)
        if self.run > 1:
            damaged = [*damaged, *self._swallowed(damaged, data)]
        if any(_touch(one, other) for one in damaged for other in self.vital):
            return set()
        good = [
            end <= size and not any(_touch((start, end), one) for one in damaged)
            for (start, end), _ in self.parts
        ]
        found: set[Message] = set()
        at = 0
        while at < len(good):
            end = at
            while end < len(good) and good[end]:
                end += 1
            if end - at >= self.run or at == 0:
                found.update(m for _, messages in self.parts[at:end] for m in messages)
            at = max(end, at + 1)
        return found

    def _swallowed(self, damaged: list[Range], data: bytes) -> Iterator[Range]:
        """Yield what records whose length was changed claim for themselves."""
        for (start, _), _ in self.parts:
            if any(_touch((start + 1, start + 9), one) for one in damaged) and start + 9 < len(
                data
            ):
                yield start, start + 9 + int.from_bytes(data[start + 1 : start + 9], "little")


def run(rng: random.Random, seconds: float, folder: Path) -> Outcome:
    """Damage one kind after the other until the time is over."""
    outcome = Outcome()
    subjects = {name: make(folder) for name, make in _SUBJECTS.items()}
    for subject in subjects.values():
        _read(subject.form, subject.path)
    allowed = _peak_bytes() + _MEMORY_BYTES
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not outcome.is_full:
        name = rng.choice(list(subjects))
        subject = subjects[name]
        data = bytearray(subject.path.read_bytes())
        damaged, told = _damage(rng, data)
        bad = folder / f"bad{subject.path.suffix}"
        bad.write_bytes(data)
        outcome.cases += 1
        case = f"{name}: {told}"
        try:
            with _ended_in_time():
                given = _read(subject.form, bad)
        except SourceError:
            given = set()
            # Who cannot even be opened has lost its beginning.
            if subject.expected(damaged, bytes(data)) and not any(
                start < 64 for start, _ in damaged
            ):
                outcome.add(case, "refused, though messages are left")
            continue
        except Exception as error:  # noqa: BLE001 - any other error is what is looked for
            outcome.add(case, f"{type(error).__name__}: {error}")
            continue
        if missing := subject.expected(damaged, bytes(data)) - given:
            outcome.add(case, f"{len(missing)} messages of undamaged parts are missing")
        whole = {message for _, messages in subject.parts for message in messages}
        is_checked = all(
            any(start <= a and b <= end for start, end in subject.checked) for a, b in damaged
        )
        if is_checked and (strange := given - whole):
            outcome.add(case, f"{len(strange)} messages were given that nobody wrote")
        if _peak_bytes() > allowed:
            outcome.add(case, f"the process has grown to {_peak_bytes() >> 20} MiB")
            break
    return outcome


def _damage(rng: random.Random, data: bytearray) -> tuple[list[Range], str]:
    """Change *data*, and return which bytes are not what they were."""
    kind = rng.choice(["cut", "bits", "bits", "bits", "run"])
    if kind == "cut":
        size = rng.randrange(len(data))
        del data[size:]
        return [], f"cut at byte {size}"
    if kind == "run":
        start = rng.randrange(len(data))
        end = min(len(data), start + rng.choice([1, 16, 300, 5000]))
        data[start:end] = rng.choice([bytes(end - start), rng.randbytes(end - start)])
        return [(start, end)], f"bytes {start} to {end} overwritten"
    places = [(rng.randrange(len(data)), rng.randrange(8)) for _ in range(rng.choice([1, 1, 2, 9]))]
    for at, bit in places:
        data[at] ^= 1 << bit
    return [(at, at + 1) for at, _ in places], f"bits turned over at (byte, bit) {places}"


@contextmanager
def _ended_in_time() -> Iterator[None]:
    """Raise `TimeoutError` in a block that does not end."""

    def too_long(*_: object) -> None:
        msg = f"did not end in {_SECONDS} s"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _read(form: SourceFormat, path: Path) -> set[Message]:
    """Return time and payload of every message that comes."""
    given: set[Message] = set()
    with form.open(source_file(path), None) as recording:
        for item in recording.batches([c.id for c in recording.info.channels], 1 << 16):
            if not isinstance(item, Damage):
                times, payloads = item.data.column("log_time_ns"), item.data.column("payload")
                given.update(zip(times.to_pylist(), payloads.to_pylist(), strict=True))
    return given


def _peak_bytes() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _touch(one: Range, other: Range) -> bool:
    """Tell whether two ranges share a byte."""
    return one[0] < other[1] and other[0] < one[1]


def _messages() -> list[Message]:
    """Return the messages of every recording: numbered, of 20 to 400 bytes, half of them random."""
    noise = random.Random(6)
    return [
        (
            10**18 + 1000 * k,
            b"\0\1\0\0%08d" % k + noise.randbytes(noise.randrange(8, 190)) * 2,
        )
        for k in range(_MESSAGES)
    ]


def _mcap(folder: Path, name: str, **options: object) -> Subject:
    """Write an MCAP, and find its chunks, or its messages where it has none."""
    path = folder / f"{name}.mcap"
    written = _messages()
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=8000, **options)
        writer.start()
        channel = writer.register_channel("/a", "x", 0)
        for k, (time_ns, payload) in enumerate(written):
            writer.add_message(channel, time_ns, payload, time_ns, sequence=k)
        writer.finish()
    data = path.read_bytes()
    parts: list[tuple[Range, list[Message]]] = []
    checked: list[Range] = []
    left = iter(written)
    at = 8
    while at < len(data) - 8:
        op, length = struct.unpack_from("<BQ", data, at)
        end = at + 9 + length
        if op == 5:
            parts.append(((at, end), [next(left)]))
        elif op == 6:
            start_ns, end_ns = struct.unpack_from("<QQ", data, at + 9)
            checked.append((at + 9 + 40, end))
            parts.append(((at, end), [m for m in written if start_ns <= m[0] <= end_ns]))
        elif op == 7:  # the index of the chunk before it
            (start, _), messages = parts[-1]
            parts[-1] = (start, end), messages
        at = end
    assert sum(len(messages) for _, messages in parts) == len(written)
    is_chunked = bool(options.get("use_chunking", True))
    first = parts[0][0][0]
    return Subject(
        form=McapFormat(),
        path=path,
        parts=parts,
        # Without a summary, nothing but its own length tells where the header ends.
        vital=(
            (0, 8)
            if "use_chunking" not in options and "index_types" not in options
            else (0, first),
        ),
        checked=tuple(checked),
        run=1 if is_chunked else _RESYNC,
    )


def _ros1(folder: Path, compression: str) -> Subject:
    """Write a ROS 1 bag, and find its chunks."""
    from mosaico_ingest_rosbag.formats import Ros1Bag
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_typestore

    path = folder / f"{compression}.bag"
    written = _messages()
    writer = Writer(path)
    writer.chunk_threshold = 8000
    if compression != "none":
        writer.set_compression(Writer.CompressionFormat[compression.upper()])
    with writer:
        types = get_typestore(Stores.ROS1_NOETIC)
        connection = writer.add_connection("/a", "std_msgs/msg/String", typestore=types)
        for time_ns, payload in written:
            writer.write(connection, time_ns, payload)
    data = path.read_bytes()
    parts: list[tuple[Range, list[Message]]] = []
    checked: list[Range] = []
    at = 13
    while at < len(data):
        (header_bytes,) = struct.unpack_from("<I", data, at)
        header = data[at + 4 : at + 4 + header_bytes]
        (data_bytes,) = struct.unpack_from("<I", data, at + 4 + header_bytes)
        end = at + 8 + header_bytes + data_bytes
        if b"op=\x05" in header:
            parts.append(((at, end), []))
            if compression == "bz2":
                checked.append((end - data_bytes, end))
        elif b"op=\x04" in header:  # the index of the chunk before it
            entries = struct.iter_unpack("<III", data[end - data_bytes : end])
            times = {s * 10**9 + rest for s, rest, _ in entries}
            parts[-1] = (parts[-1][0][0], end), [m for m in written if m[0] in times]
        at = end
    assert sum(len(messages) for _, messages in parts) == len(written)
    return Subject(form=Ros1Bag(), path=path, parts=parts, vital=((0, 13),), checked=tuple(checked))


def _db3(folder: Path) -> Subject:
    """Write a ROS 2 bag in SQLite, and find the pages that its messages are on."""
    from mosaico_ingest_rosbag.formats import Ros2Db3
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    written = _messages()
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(folder / "db3", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/a", "std_msgs/msg/String", typestore=types)
        for time_ns, payload in written:
            writer.write(connection, time_ns, payload)
    path = folder / "db3" / "db3.db3"
    data = path.read_bytes()
    page_bytes = int.from_bytes(data[16:18], "big")
    pages: dict[int, list[Message]] = {}
    for message in written:
        assert len(message[1]) < page_bytes // 2
        pages.setdefault(data.index(message[1]) // page_bytes, []).append(message)
    others = set(range(len(data) // page_bytes)) - pages.keys()
    return Subject(
        form=Ros2Db3(),
        path=path,
        parts=[((p * page_bytes, (p + 1) * page_bytes), pages[p]) for p in sorted(pages)],
        vital=tuple((p * page_bytes, (p + 1) * page_bytes) for p in others),
        checked=(),
    )


_BARE = {
    "index_types": IndexType.NONE,
    "use_statistics": False,
    "use_summary_offsets": False,
    "repeat_channels": False,
    "repeat_schemas": False,
}
_SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "mcap zstd": lambda folder: _mcap(folder, "zstd"),
    "mcap none": lambda folder: _with_compression(folder, "none"),
    "mcap lz4": lambda folder: _with_compression(folder, "lz4"),
    "mcap without summary": lambda folder: _mcap(folder, "bare", **_BARE),
    "mcap without chunks": lambda folder: _mcap(folder, "unchunked", use_chunking=False),
    "bag": lambda folder: _ros1(folder, "none"),
    "bag bz2": lambda folder: _ros1(folder, "bz2"),
    "bag lz4": lambda folder: _ros1(folder, "lz4"),
    "db3": _db3,
}


def _with_compression(folder: Path, compression: str) -> Subject:
    """Write an MCAP of another compression."""
    return _mcap(folder, compression, compression=CompressionType[compression.upper()])
