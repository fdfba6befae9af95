"""`run` against the public SDK's injector: the same recordings, the same servers, one run."""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import MosaicoClient, ingest, serve
from mosaico_ingest.testing import recordings
from tests.bench.discard import discarding_server
from tests.bench.measuring import recording, table

# The injector needs minutes for what takes us a second: it gets a shorter recording of the same kind.
SHORT = {
    "imu": ("imu-short", lambda path: recordings.write_imu(path, 10_000)),
    "pointclouds": ("pointclouds-short", lambda path: recordings.write_pointclouds(path, 60)),
    "mix": ("mix-short", lambda path: recordings.write_mix(path, 3)),
}
_INJECT = """
import sys, time
from pathlib import Path
from mosaicolabs.ros_bridge.injector import ROSInjectionConfig, RosbagInjector
from rosbags.typesys import Stores
path, name, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
config = ROSInjectionConfig(file_path=path, sequence_name=name, metadata={}, host="127.0.0.1", port=port,
                            ros_distro=Stores.ROS2_HUMBLE, log_level="ERROR")
began = time.perf_counter()
RosbagInjector(config).run()
print("seconds", time.perf_counter() - began)
"""


def run(folder: Path, options: argparse.Namespace) -> None:
    """Measure both, alternating, into both kinds of server."""
    for name, write in SHORT.values():
        if not (folder / f"{name}.mcap").exists():
            write(folder / f"{name}.mcap")
    host = Host.discover()
    rows = []
    for target in ("discards", "embedded"):
        for name, (short, _) in SHORT.items():
            path = recording(folder, name)
            store = folder / "peer-store"
            shutil.rmtree(store, ignore_errors=True)
            server = discarding_server() if target == "discards" else serve(store)
            ours: list[tuple[float, int, int]] = []
            theirs: list[float] = []
            with server, MosaicoClient.connect(server.host, server.port) as client:
                for turn in range(options.repeat):
                    theirs.append(_inject(folder / f"{short}.mcap", f"sdk_{turn}", server.port))
                    for _ in range(2):  # the first warms the page cache
                        began = time.perf_counter()
                        report = ingest(
                            path, client=client, host=host, settings=Settings(again=True)
                        )
                        seconds = time.perf_counter() - began
                    assert report.exit_code == 0, report
                    ours.append((seconds, report.stored, report.nbytes))
            shutil.rmtree(store, ignore_errors=True)
            seconds, messages, nbytes = sorted(ours)[len(ours) // 2]
            their_messages, their_bytes = _size(folder / f"{short}.mcap", host)
            their_seconds = sorted(theirs)[len(theirs) // 2]
            by_message = (messages / seconds) / (their_messages / their_seconds)
            by_bytes = (nbytes / seconds) / (their_bytes / their_seconds)
            rows.append(
                [
                    target,
                    name,
                    f"{messages / seconds:,.0f}/s, {nbytes / seconds / 1e6:,.0f} MB/s",
                    f"{their_messages / their_seconds:,.0f}/s, {their_bytes / their_seconds / 1e6:,.1f} MB/s",
                    f"{by_message:.0f}",
                    f"{by_bytes:.1f}",
                ]
            )
    table(
        ["server", "recording", "`ingest`", "SDK 0.5.0 injector", "ratio, messages", "ratio, MB"],
        rows,
    )


def _inject(path: Path, name: str, port: int) -> float:
    """Let the SDK ingest a recording in a process of its own; its start-up does not count."""
    result = subprocess.run(
        [sys.executable, "-c", _INJECT, str(path), name, str(port)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in result.stdout.splitlines() if line.startswith("seconds ")]
    if not told:
        msg = f"The injector failed: {result.stdout[-500:]}{result.stderr[-1500:]}"
        raise RuntimeError(msg)
    return float(told[-1].split()[1])


def _size(path: Path, host: Host) -> tuple[int, int]:
    """Return messages and Arrow bytes of a recording, as our own mapping has them."""
    from mosaico_ingest.sinks import NullSink

    report = ingest(path, sink=NullSink(), host=host)
    return report.stored, report.nbytes
