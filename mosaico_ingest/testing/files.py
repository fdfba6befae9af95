"""
Recordings as files: copies that a test may damage, and what a process leaves behind.

Must not know: formats. Next: `source`.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["contents", "copy_recording", "open_files", "spread"]


def copy_recording(path: Path, folder: Path) -> Path:
    """Return a writable copy of *path* in a fresh folder of its own."""
    home = folder / "copy"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    if path.is_dir():
        shutil.copytree(path, home / path.name, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(path, home / path.name)
    return home / path.name


def contents(folder: Path) -> dict[Path, bytes]:
    """Return all files below *folder*."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spread(n: int, picks: int) -> Sequence[int]:
    """Return at most *picks* numbers below *n*: both ends, and places in between that are not round."""
    if n <= picks:
        return range(n)
    return sorted({0, n - 1, *((k * n + n // 3) // picks for k in range(picks - 2))})


def open_files() -> int:
    """Return how many files this process has open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
