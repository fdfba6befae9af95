"""Fuzz the targets, one after the other: `python -m tests.fuzz [--seconds 60] [--seed N] [TARGET ...]`."""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from . import recordings, server
from .outcome import Outcome

TARGETS: Mapping[str, Callable[[random.Random, float, Path], Outcome]] = {
    "server": server.run,
    "recordings": recordings.run,
}


def main() -> int:
    """Run, tell, and return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=None, help="the same cases again")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"unknown target {', '.join(sorted(unknown))}")
    seed = random.randrange(2**32) if options.seed is None else options.seed
    found = 0
    for name in options.targets or TARGETS:
        with tempfile.TemporaryDirectory(prefix="mosaico-fuzz-") as folder:
            outcome = TARGETS[name](random.Random(seed), options.seconds, Path(folder))
        print(f"{name}: {outcome.cases} cases, {len(outcome.findings)} findings, --seed {seed}")
        for finding in outcome.findings:
            print(f"  {finding}")
        found += len(outcome.findings)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
