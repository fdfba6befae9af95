"""
Opens a recording with the source format that claims it.

Must not know: what is done with it. Next: `planner`.
"""

from mosaico_ingest.errors import MosaicoError, PluginError
from mosaico_ingest.hooks.contracts import Recording
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import SourceFile

__all__ = ["open_recording"]


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
