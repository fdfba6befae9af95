"""
Ways to run the jobs of a run: here, one after the other.

Must not know: what a job does. Next: `mosaico_ingest.run`.
"""

from collections.abc import Callable, Mapping, Sequence

from mosaico_ingest.errors import UsageError
from mosaico_ingest.hooks.contracts import Engine
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.model.plan import PlannedRecording
from mosaico_ingest.model.report import RecordingReport

__all__ = ["LocalEngine", "find_engine"]


def find_engine(name: str, engines: Mapping[str, Registered[Engine]]) -> Engine:
    """
    Return the engine called *name*: one that a plugin brings, or `local`.

    Raises:
        UsageError: No plugin brings an engine of that name.
    """
    if name == LocalEngine.name:
        return LocalEngine()
    if name not in engines:
        known = ", ".join(sorted([LocalEngine.name, *engines]))
        msg = f"No engine is called {name!r}. Installed engines: {known}."
        raise UsageError(msg)
    return engines[name].value


class LocalEngine(Engine):
    """Runs jobs in this process, one at a time: a recording alone fills the machine's pipeline."""

    name = "local"

    def run(
        self,
        jobs: Sequence[PlannedRecording],
        work: Callable[[int, PlannedRecording], RecordingReport],
    ) -> Sequence[RecordingReport]:
        """Run *work* on every job, in order."""
        return [work(index, job) for index, job in enumerate(jobs)]
