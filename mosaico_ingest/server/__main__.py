"""The child process of `mosaico_ingest.server.runner.serve`."""

import sys

from mosaico_ingest.server.runner import run_child

if __name__ == "__main__":
    sys.exit(run_child(sys.argv[1:]))
