"""Clocks, tables and recordings that the benchmarks share."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mosaico_ingest.testing import recordings

__all__ = ["RECORDINGS", "best", "recording", "table"]

RECORDINGS: dict[str, Callable[[Path], int]] = {
    "imu": lambda path: recordings.write_imu(path, 200_000),
    "imu-none": lambda path: recordings.write_imu(path, 200_000, compression="none"),
    "pointclouds": lambda path: recordings.write_pointclouds(path, 600),
    "mix": lambda path: recordings.write_mix(path, 60),
}


def recording(folder: Path, name: str) -> Path:
    """Return a generated recording, made once per folder."""
    path = folder / f"{name}.mcap"
    if not path.exists():
        part = path.with_suffix(".part")
        RECORDINGS[name](part)
        part.rename(path)
    return path


def best(call: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Return the median and the least seconds of *repeat* calls, after one that warms up."""
    call()
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), min(seconds)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
