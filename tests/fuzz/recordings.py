"""
Recordings that are cut, overwritten, or have bits turned over, read to their end.

Whatever happens to the bytes, opening raises `SourceError` or nothing, reading ends, memory stays flat,
and every message comes that the format still delimits before and behind the damage; `subjects` says which.
"""

import random
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mcap.writer import IndexType

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import LOG_TIME, PAYLOAD, PUBLISH_TIME, Damage

from . import bags, packed, tables, videos
from .outcome import LEAST_CASES, Outcome
from .subjects import Message, Range, Subject, as_message

_SECONDS = 20  # for one case, which takes milliseconds
_MEMORY_BYTES = 512 << 20  # over what the process needed before the first case

_BARE = {
    "index_types": IndexType.NONE,
    "use_statistics": False,
    "use_summary_offsets": False,
    "repeat_channels": False,
    "repeat_schemas": False,
}
_SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "mcap zstd": partial(bags.mcap, name="zstd"),
    "mcap none": partial(bags.compressed, compression="none"),
    "mcap lz4": partial(bags.compressed, compression="lz4"),
    "mcap without summary": partial(bags.mcap, name="bare", **_BARE),
    "mcap without chunks": partial(bags.mcap, name="unchunked", use_chunking=False),
    "mcap in gzip": partial(packed.packed_mcap, suffix=".gz"),
    "mcap in zstd": partial(packed.packed_mcap, suffix=".zst"),
    "bag": partial(bags.ros1, compression="none"),
    "bag bz2": partial(bags.ros1, compression="bz2"),
    "bag lz4": partial(bags.ros1, compression="lz4"),
    "db3": bags.db3,
    "metadata.yaml of a db3": bags.bag_folder,
    "csv": partial(tables.delimited, suffix=".csv", delimiter=","),
    "tsv": partial(tables.delimited, suffix=".tsv", delimiter="\t"),
    "csv of several kinds": tables.long_form,
    "json lines": tables.json_lines,
    "parquet": tables.parquet,
    "arrow file": partial(tables.arrow, is_file=True),
    "arrow stream": partial(tables.arrow, is_file=False),
    "mp4": videos.mp4,
    "mp4 in fragments": videos.fragmented_mp4,
    "matroska": videos.matroska,
    "mpeg-ts": videos.transport_stream,
    "raw h264": videos.raw_h264,
    "image of a folder": partial(videos.images, damage_list=False),
    "list of images": partial(videos.images, damage_list=True),
}


def run(rng: random.Random, seconds: float, folder: Path) -> Outcome:
    """Damage one kind after the other until the time is over."""
    outcome = Outcome()
    subjects = {name: make(folder) for name, make in _SUBJECTS.items()}
    for name, subject in subjects.items():
        if _read(subject, subject.within or subject.path) != subject.whole:
            outcome.add(name, "the undamaged recording is not read as it was written")
    allowed = _peak_bytes() + _MEMORY_BYTES
    ends = time.monotonic() + seconds
    while not outcome.is_full and (outcome.cases < LEAST_CASES or time.monotonic() < ends):
        name = rng.choice(list(subjects))
        subject = subjects[name]
        data = bytearray(subject.path.read_bytes())
        damaged, told = _damage(rng, data)
        bad = _written(folder / "bad", subject, data)
        outcome.cases += 1
        case = f"{name}: {told}"
        try:
            with _ended_in_time():
                given = _read(subject, bad)
        except SourceError as error:
            given = set()
            # Who cannot even be opened has lost its beginning.
            if subject.expected(damaged, bytes(data)) and not any(
                start < 64 for start, _ in damaged
            ):
                outcome.add(case, f"refused, though messages are left: {error}")
            continue
        except Exception as error:  # noqa: BLE001 - any other error is what is looked for
            outcome.add(case, f"{type(error).__name__}: {error}")
            continue
        if missing := subject.expected(damaged, bytes(data)) - given:
            outcome.add(case, f"{len(missing)} messages of undamaged parts are missing")
        is_checked = all(
            any(start <= a and b <= end for start, end in subject.checked) for a, b in damaged
        )
        strange = given - subject.whole
        if is_checked and len(strange) > (0 if damaged else subject.open_ends):
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


def _written(folder: Path, subject: Subject, data: bytes) -> Path:
    """Write *data* in the place of the file of *subject*, and return what is to be opened."""
    shutil.rmtree(folder, ignore_errors=True)
    if subject.within is None:
        folder.mkdir()
        bad = folder / subject.path.name
        bad.write_bytes(data)
        return bad
    shutil.copytree(subject.within, folder)
    (folder / subject.path.relative_to(subject.within)).write_bytes(data)
    return folder


def _read(subject: Subject, path: Path) -> set[Message]:
    """Return every message that comes: its payload or columns, and its time where that matters."""
    given: set[Message] = set()
    with subject.open(path) as recording:
        for item in recording.batches([c.id for c in recording.info.channels], 1 << 16):
            if isinstance(item, Damage):
                continue
            data = item.data
            names = [PAYLOAD] if PAYLOAD in data.schema.names else data.schema.names[1:]
            columns = [data.column(name).to_pylist() for name in names if name != PUBLISH_TIME]
            if subject.is_timed:
                columns.insert(0, data.column(LOG_TIME).to_pylist())
            given.update(subject.same(as_message(row)) for row in zip(*columns, strict=True))
    return given


def _peak_bytes() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
