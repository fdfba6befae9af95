"""
Ways to run the jobs of a run: here, one after the other.

Must not know: what a job does. Next: `mosaico_ingest.run`.
"""

from collections.abc import Callable, Sequence

from mosaico_ingest.hooks.contracts import Engine
from mosaico_ingest.model.plan import PlannedRecording
from mosaico_ingest.model.report import RecordingReport

__all__ = ["LocalEngine"]


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
