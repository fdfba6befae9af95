"""
A folder of images with the times they were taken at, as one recording; images leave as they are stored.

Known layouts: images beside their list (`timestamps.txt`, `times.txt`, `data.csv`), images in `data/` below
it (KITTI, EuRoC), several folders `image_N/` with one `times.txt` (KITTI odometry), and images whose names
are nanoseconds since 1970.

Must not know: video. Next: `stamps`.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import (
    LOG_TIME,
    PAYLOAD,
    Channel,
    Cursor,
    Damage,
    RawBatch,
    RecordingInfo,
    SourceFile,
    format_number_of,
)
from mosaico_ingest_video.clock import to_ns
from mosaico_ingest_video.detection import IMAGE_SUFFIXES
from mosaico_ingest_video.mapper import COLUMNS, NUMBER
from mosaico_ingest_video.options import ImageOptions
from mosaico_ingest_video.stamps import Stamps, beside, parse_rate, parse_start, read_stamps

__all__ = ["ImageRecording", "open_folder"]

_LISTS = ("timestamps.txt", "times.txt", "data.csv")
_MAX_ROWS = 4096
_MAX_IMAGE_BYTES = 1 << 30
_NAMED = 8  # how many files a finding names
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)
_PNG_END = b"IEND\xaeB`\x82"
_TAIL = 64 * 1024


@attrs.frozen(kw_only=True, eq=False)
class _Set:
    """The images of one channel, in the order of their times."""

    channel: Channel
    paths: tuple[Path, ...]
    times_ns: tuple[int, ...]
    first: int


class ImageRecording:
    """
    An opened folder. Positions of cursors count the images of all channels.

    Thread: one.
    """

    def __init__(self, sets: list[_Set], info: RecordingInfo) -> None:
        self._sets = sets
        self.info = info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing stays open between two images."""

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the images of *channels*, and damage for each that is not whole."""
        start = cursor.position if cursor else 0
        for one in self._sets:
            if one.channel.id in channels:
                yield from _read(one, target_bytes, max(start - one.first, 0))


def open_folder(file: SourceFile, options: ImageOptions | None = None) -> ImageRecording:
    """
    Open a folder of images.

    Raises:
        SourceError: It holds no image, or nothing says when its images were taken.
        UsageError: An option cannot be read.
    """
    options = options or ImageOptions()
    folders = _image_folders(file)
    origin_ns = parse_start(options.start, options.timezone) if options.start else 0
    findings: list[str] = []
    damage: list[Damage] = []
    files: list[Path] = []
    sets: list[_Set] = []
    for folder in folders:
        found = _images(folder)
        stamps = _stamps(file.path, folder, found, options)
        if stamps and stamps.path not in files and stamps.path.is_file():
            files.append(stamps.path)
        number = len(sets) + 1
        topic = "/image" if len(folders) == 1 else f"/{folder.name}"
        paths, times, told, lost = _paired(folder, found, stamps, options)
        if not (stamps and stamps.is_absolute):
            times = [time + origin_ns for time in times]
        findings += told
        if lost:
            number_of = format_number_of("image", lost)
            reason = (
                f"{number_of} of {topic} that the list of times names are missing from the folder."
            )
            damage.append(Damage(reason=reason, lost={number: lost}))
        if not (options.start or (stamps and stamps.is_absolute)):
            note = "Nothing says when it was recorded: times begin at 1970. --start sets the beginning."
            findings += [note] if note not in findings else []
        first = sum(len(one.paths) for one in sets)
        channel = Channel(
            id=number,
            topic=topic,
            type_name=f"image/{_kind(paths)}",
            message_encoding="arrow",
            messages=len(paths) + lost,
            start_ns=min(times, default=None),
            end_ns=max(times, default=None),
            metadata={"folder": folder.name, "times": stamps.path.name if stamps else "--fps"},
            columns=COLUMNS,
        )
        sets.append(_Set(channel=channel, paths=tuple(paths), times_ns=tuple(times), first=first))
    files += [path for one in sets for path in one.paths]
    info = RecordingInfo(
        path=file.path,
        format=f"folder of images ({', '.join(sorted({s.channel.type_name[6:] for s in sets}))})",
        files=tuple(files),
        size_bytes=sum(path.stat().st_size for path in files),
        channels=tuple(one.channel for one in sets),
        messages=sum(one.channel.messages or 0 for one in sets),
        start_ns=min(
            (s.channel.start_ns for s in sets if s.channel.start_ns is not None), default=None
        ),
        end_ns=max((s.channel.end_ns for s in sets if s.channel.end_ns is not None), default=None),
        damage=tuple(damage),
        findings=tuple(findings),
    )
    return ImageRecording(sets, info)


def _image_folders(file: SourceFile) -> list[Path]:
    """Return the folders that hold the images."""
    below = [
        file.path / name
        for name in file.entries
        if name == "data" or (name.startswith("image_") and "times.txt" in file.entries)
    ]
    folders = [path for path in below if path.is_dir() and not path.is_symlink() and _images(path)]
    if not folders and any(name.lower().endswith(IMAGE_SUFFIXES) for name in file.entries):
        folders = [file.path]
    if not folders:
        msg = f"{str(file.path)!r} holds no image ({', '.join(IMAGE_SUFFIXES)}). Leave it out."
        raise SourceError(msg, path=file.path)
    return folders


def _images(folder: Path) -> list[str]:
    """Return the names of the images in *folder*; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name.lower().endswith(IMAGE_SUFFIXES)
                and not entry.name.startswith(".")
                and entry.is_file(follow_symlinks=False)
            )
    except OSError as error:
        msg = f"{str(folder)!r} cannot be listed: {error.strerror}. Check its permissions."
        raise SourceError(msg, path=folder) from error


def _stamps(home: Path, folder: Path, names: list[str], options: ImageOptions) -> Stamps | None:
    """
    Return the times of the images: as asked for, else from a list nearby, else from their names.

    Raises:
        SourceError: Nothing tells them, and no rate is given.
    """
    if options.timestamps:
        return read_stamps(beside(options.timestamps, home), options.timezone)
    for place in dict.fromkeys((folder, home, home.parent)):
        for name in _LISTS:
            if (place / name).is_file() and (place != home.parent or name == "times.txt"):
                return read_stamps(place / name, options.timezone)
    stems = [Path(name).stem for name in names]
    if all(stem.isascii() and stem.isdigit() and len(stem) in (18, 19) for stem in stems):
        return Stamps(path=folder, times_ns=tuple(int(stem) for stem in stems), names=tuple(names))
    if options.fps:
        return None
    msg = (
        f"{str(folder)!r} holds {format_number_of('image', len(names))}, and nothing says when they were "
        "taken. Give a list with --timestamps FILE (one time per image), or their rate with --fps."
    )
    raise SourceError(msg, path=folder)


def _paired(
    folder: Path, found: list[str], stamps: Stamps | None, options: ImageOptions
) -> tuple[list[Path], list[int], list[str], int]:
    """Bring images and times together: paths and times in order, findings, and images that are missing."""
    if stamps is None:
        times = to_ns(range(len(found)), 1 / parse_rate(options.fps)).tolist()
        return [folder / name for name in found], times, [], 0
    findings: list[str] = []
    lost = 0
    if not stamps.names:
        _check_count(folder, found, stamps)
        rows = list(zip(stamps.times_ns, found, strict=True))
    else:
        there = set(found)
        listed = [
            (time, Path(name).name)
            for time, name in zip(stamps.times_ns, stamps.names, strict=True)
        ]
        rows = [(time, name) for time, name in listed if name in there]
        lost = len(listed) - len(rows)
        extra = sorted(there - {name for _, name in listed})
        if extra:
            names = ", ".join(extra[:_NAMED]) + (", …" if len(extra) > _NAMED else "")
            count = format_number_of("image", len(extra))
            findings.append(f"{count} without a time in {stamps.path.name!r} left out: {names}.")
    rows.sort()
    return [folder / name for _, name in rows], [time for time, _ in rows], findings, lost


def _check_count(folder: Path, found: list[str], stamps: Stamps) -> None:
    """
    Check that a list without names has a time for each image.

    Raises:
        SourceError: It has fewer or more; which belong together is not known then.
    """
    if len(stamps.times_ns) == len(found):
        return
    msg = (
        f"{str(stamps.path)!r} lists {format_number_of('time', len(stamps.times_ns))}, but "
        f"{str(folder)!r} holds {format_number_of('image', len(found))}. One per image is needed."
    )
    raise SourceError(msg, path=folder)


def _kind(paths: list[Path]) -> str:
    """Return the format of the first image, by its bytes."""
    if not paths:
        return "png"
    try:
        with paths[0].open("rb") as stream:
            head = stream.read(16)
    except OSError:
        head = b""
    by_name = {"jpg": "jpeg", "tif": "tiff"}
    suffix = paths[0].suffix.lower()[1:]
    return next((w for magic, w in _MAGIC if head.startswith(magic)), by_name.get(suffix, suffix))


def _read(one: _Set, target_bytes: int, start: int) -> Iterator[RawBatch | Damage]:
    """Yield the images of one channel from number *start* on."""
    waiting: list[tuple[int, bytes]] = []
    nbytes = seq = 0
    for number in range(start, len(one.paths)):
        data, fault = _image(one.paths[number], one.channel.type_name)
        if fault:
            at = one.times_ns[number]
            yield Damage(
                reason=fault,
                path=one.paths[number],
                time_range_ns=(at, at),
                lost={one.channel.id: 1},
            )
        else:
            waiting.append((number, data))
            nbytes += len(data)
        if waiting and (nbytes >= target_bytes or len(waiting) == _MAX_ROWS):
            yield _batch(one, waiting, seq, number + 1)
            waiting, nbytes, seq = [], 0, seq + 1
    if waiting:
        yield _batch(one, waiting, seq, len(one.paths))


def _batch(one: _Set, waiting: list[tuple[int, bytes]], seq: int, after: int) -> RawBatch:
    """Make a batch of the images in *waiting*; *after* is the number of the next."""
    numbers = [number for number, _ in waiting]
    data = pa.RecordBatch.from_pydict(
        {
            LOG_TIME: pa.array([one.times_ns[number] for number in numbers], pa.int64()),
            NUMBER: pa.array(np.array(numbers, np.uint32)),
            PAYLOAD: pa.array([data for _, data in waiting], pa.binary()),
        }
    )
    cursor = Cursor(one.first + after)
    return RawBatch(channel_id=one.channel.id, seq=seq, data=data, cursor=cursor)


def _image(path: Path, kind: str) -> tuple[bytes, str]:
    """Return the bytes of an image, or why it cannot be stored."""
    name = path.name
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_IMAGE_BYTES + 1)
    except OSError as error:
        return b"", f"The image {name!r} cannot be read: {error.strerror}."
    if len(data) > _MAX_IMAGE_BYTES:
        return b"", f"The image {name!r} is larger than 1 GiB."
    word = next((word for magic, word in _MAGIC if data.startswith(magic)), "")
    if f"image/{word}" != kind:
        return (
            b"",
            f"The image {name!r} is {word or 'no image'}, expected {kind[6:]} as the others.",
        )
    tail = data[-_TAIL:]
    if (word == "png" and _PNG_END not in tail) or (word == "jpeg" and b"\xff\xd9" not in tail[2:]):
        return b"", f"The image {name!r} is cut off after {len(data)} bytes."
    return data, ""
