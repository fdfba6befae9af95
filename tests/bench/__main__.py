"""
Runs the benchmarks.

    python -m tests.bench stages            # read, decode, map, send, store: which one limits
    python -m tests.bench peers             # `run` against the public SDK's injector, into the same server
    python -m tests.bench memory            # peak memory of `run` on a large recording
    python -m tests.bench queries           # queries over 1,000 sequences of 20 topics
    python -m tests.bench sources           # each source against the reader that one would pick today
    python -m tests.bench decoders          # payloads to columns, against parsing message by message
    python -m tests.bench mappers           # ROS messages to rows, each type against rosbags and the SDK
    python -m tests.bench foxglove          # Foxglove's schemas to rows, in each encoding
    python -m tests.bench control           # latency of control calls while four topics stream
"""

import argparse
import platform
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.bench import (
    control,
    decoders,
    foxglove,
    mappers,
    memory,
    peers,
    queries,
    sources,
    stages,
)

SUITES = {
    "stages": stages.run,
    "peers": peers.run,
    "memory": memory.run,
    "queries": queries.run,
    "sources": sources.run,
    "decoders": decoders.run,
    "mappers": mappers.run,
    "foxglove": foxglove.run,
    "control": control.run,
}


def main() -> None:
    """Run the suites that are asked for and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], default=[])
    parser.add_argument("--dir", type=Path, help="where recordings are generated and kept")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each measurement")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size for `memory`")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, pyarrow {pa.__version__}, "
        f"numpy {np.__version__}, {platform.machine()}\n"
    )
    with tempfile.TemporaryDirectory(prefix="mi-bench-") as scratch:
        folder = options.dir or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.suites or SUITES:
            print(f"## {name}\n")
            SUITES[name](folder, options)
            print()


if __name__ == "__main__":
    main()
