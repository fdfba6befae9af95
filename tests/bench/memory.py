"""Peak memory of `mosaico-ingest run` and of its server, on a recording far larger than the budget."""

import argparse
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from mosaico_ingest.testing import recordings
from tests.bench.measuring import table

_MIB = 1024 * 1024


def run(folder: Path, options: argparse.Namespace) -> None:
    """Watch the resident set of both processes."""
    count = int(options.gigabytes * 1e9 / (16 * 65536))
    path = folder / f"large-{options.gigabytes:g}.mcap"
    if not path.exists():
        recordings.write_pointclouds(path, count, compression="none")
    store = folder / "memory-store"
    shutil.rmtree(store, ignore_errors=True)
    peaks: dict[str, int] = {}
    began = time.perf_counter()
    command = [sys.executable, "-m", "mosaico_ingest", "run", str(path), "--store", str(store)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            for role, one in [("run", process), *(("server", c) for c in _children(process))]:
                try:
                    peaks[role] = max(peaks.get(role, 0), one.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    ended.set()
    watcher.join()
    seconds = time.perf_counter() - began
    shutil.rmtree(store, ignore_errors=True)
    size = path.stat().st_size
    table(
        ["recording", "exit code", "seconds", "MB/s", "peak of `run`", "peak of its server"],
        [
            [
                f"{size / 1e9:.2f} GB",
                code,
                f"{seconds:.1f}",
                f"{size / seconds / 1e6:.0f}",
                f"{peaks.get('run', 0) / _MIB:.0f} MiB",
                f"{peaks.get('server', 0) / _MIB:.0f} MiB",
            ]
        ],
    )


def _children(process: psutil.Popen) -> list[psutil.Process]:
    """Return the process's children, if it is still there."""
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []
