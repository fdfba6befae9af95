"""
Opens a recording with the source format that claims it, to read it or for its table of contents alone.

Must not know: what is done with it. Next: `planner`.
"""

from mosaico_ingest.errors import MosaicoError, PluginError, UsageError
from mosaico_ingest.hooks.contracts import Recording
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.recording import RecordingInfo
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import SourceFile
from mosaico_ingest.pipeline.finding import Found

__all__ = ["open_recording", "read_info"]


def open_recording(
    file: SourceFile, source: str, registry: Registry, settings: Settings
) -> Recording:
    """
    Open *file* with the source format called *source*.

    Raises:
        UsageError: An option of the format is wrong.
        SourceError: The recording cannot be read at all.
        PluginError: The plugin broke.
    """
    registered = registry.sources[source]
    options = make_options(registered.value.options, settings.options.get(source), source)
    try:
        return registered.value.open(file, options)
    except MosaicoError:
        raise
    except Exception as error:
        msg = f"Source {source!r} of {registered.origin} failed to open {str(file.path)!r}: {error!r}."
        raise PluginError(msg, plugin=registered.plugin.name, stage="open") from error


def read_info(
    found: Found, registry: Registry, settings: Settings
) -> tuple[RecordingInfo | None, str]:
    """
    Open what was found for its table of contents; say in one line why it cannot be.

    Raises:
        UsageError: An option of the format is wrong.
    """
    if found.file is None:
        return None, found.error
    try:
        with open_recording(found.file, found.source, registry, settings) as recording:
            return recording.info, ""
    except UsageError:
        raise
    except MosaicoError as error:
        return None, str(error)
