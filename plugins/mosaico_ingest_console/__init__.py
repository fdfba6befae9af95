"""
Tells on stderr how a run goes: live on a terminal, in plain lines elsewhere, as JSON events for machines.

`--log auto` is live on a terminal and plain elsewhere; `plain`, `json` and `none` mean what they say.

Next: `live`, `plain`, `jsonlines`.
"""

import sys
from collections.abc import Sequence

from mosaico_ingest.errors import UsageError
from mosaico_ingest.plugin import Observer, RunContext, hookimpl

__all__ = ["mosaico_observers"]

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_observers(run: RunContext) -> Sequence[Observer]:
    """Hand in the listener that suits how the user wants progress told."""
    match run.log:
        case "none":
            return []
        case "json":
            from mosaico_ingest_console.jsonlines import JsonLines

            return [JsonLines(sys.stderr)]
        case "auto" if run.is_terminal:
            from mosaico_ingest_console.live import Live

            return [Live(sys.stderr)]
        case "auto" | "plain":
            from mosaico_ingest_console.plain import Plain

            return [Plain(sys.stderr)]
    msg = f"Cannot log as {run.log!r}. Expected auto, plain, json or none."
    raise UsageError(msg)
