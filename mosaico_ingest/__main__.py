"""`python -m mosaico_ingest` is `mosaico-ingest`."""

import sys

from mosaico_ingest.cli import main

sys.exit(main())
