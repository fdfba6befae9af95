"""
Opens recordings for one run, to read them or for their contents alone; packed ones by a readable copy.

Must not know: what is done with them. Next: `copies`, `planner`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from mosaico_ingest.errors import MosaicoError, PluginError, SourceError, UsageError
from mosaico_ingest.hooks.contracts import AttachmentSource, Recording
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.batch import Cursor, RawBatch
from mosaico_ingest.model.plan import RecordingPlan
from mosaico_ingest.model.recording import Damage, RecordingInfo
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import SourceFile
from mosaico_ingest.pipeline.copies import Copies, Copy
from mosaico_ingest.pipeline.finding import Found, look
from mosaico_ingest.pipeline.joining import Joined
from mosaico_ingest.pipeline.packing import is_named_like, packing
from mosaico_ingest.units import format_count

__all__ = ["Opener"]


class Opener:
    """
    Opens recordings with the source formats that claim them.

    Args:
        registry: The formats.
        settings: Their options, and where copies of packed files go.
        is_stopped: Tells when the run shall end.

    Thread: any; leaving the block removes every copy.
    """

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._copies = Copies(settings.temp, settings.max_expansion, is_stopped)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove every copy; may be called twice."""
        self._copies.close()

    def open_planned(self, plan: RecordingPlan) -> Recording:
        """Open a recording to read it; see `open`."""
        return self.open(plan.info.path, plan.source, plan.parts, plan.info)

    def open(
        self,
        path: Path,
        source: str,
        parts: Sequence[Path] = (),
        info: RecordingInfo | None = None,
    ) -> Recording:
        """
        Open the recording *path* with the source format called *source*.

        Args:
            parts: Its files, where the core put several together.
            info: What is known of such a recording.

        Raises:
            UsageError: An option of the format is wrong.
            SourceError: The recording cannot be read at all.
            PluginError: The plugin broke.
        """
        if parts:
            return Joined(path, parts, lambda part: self.open(part, source), info)
        file = look(path)
        kind = packing(file.head)
        if not kind:
            return self._open(file, source)
        copy = self._copies.lend(path, kind, file.head)
        try:
            if copy.fault and not copy.unpacked_bytes:
                msg = f"Nothing of {str(path)!r} can be unpacked: {copy.fault}. Copy it again."
                raise SourceError(msg, path=path)
            return _Unpacked(self._open(look(copy.path), source), copy, self._copies)
        except BaseException as error:
            self._copies.give_back(copy)
            if isinstance(error, SourceError | PluginError):
                raise _told_of(error, copy) from error
            raise

    def read_info(self, found: Found) -> tuple[RecordingInfo | None, str]:
        """
        Open what was found for its table of contents; say in one line why it cannot be.

        Raises:
            UsageError: An option of the format is wrong.
        """
        if found.error:
            return None, found.error
        try:
            with self.open(found.path, found.source, found.parts) as recording:
                info = recording.info
                findings = (*found.findings, *info.findings, *self._unread(found, info))
                return attrs.evolve(info, grouping=found.grouping, findings=findings), ""
        except UsageError:
            raise
        except (MosaicoError, OSError) as error:  # files may vanish while others are being read
            return None, str(error)

    def _unread(self, found: Found, info: RecordingInfo) -> Iterator[str]:
        """Tell of files in a folder that are called like its parts and are none."""
        if found.parts or not found.path.is_dir():
            return
        ends = self._registry.sources[found.source].value.suffixes
        told = {*info.files, *(damage.path for damage in info.damage)}
        there = (path for path in found.path.iterdir() if is_named_like(path.name, ends))
        names = sorted(path.name for path in there if path not in told)
        if names:
            shown = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
            yield f"Not read with the recording in their folder: {shown}. Name what is to be read."

    def _open(self, file: SourceFile, source: str) -> Recording:
        """Open a file that is not packed."""
        registered = self._registry.sources[source]
        options = make_options(registered.value.options, self._settings.options.get(source), source)
        try:
            return registered.value.open(file, options)
        except MosaicoError:
            raise
        except Exception as error:
            msg = f"Source {source!r} of {registered.origin} failed to open {str(file.path)!r}: {error!r}."
            raise PluginError(msg, plugin=registered.plugin.name, stage="open") from error


class _Unpacked:
    """
    A recording that is read from the copy of a packed file, and tells of that file.

    Thread: one.
    """

    def __init__(self, inner: Recording, copy: Copy, copies: Copies) -> None:
        self._inner = inner
        self._copy = copy
        self._copies = copies
        info = inner.info
        damage = [self._damage(item) for item in info.damage]
        if copy.fault:  # what the source found missing is missing for this reason
            damage.insert(
                0,
                Damage(
                    reason=(
                        f"The {copy.kind} packing is damaged ({copy.fault}): the first "
                        f"{format_count(copy.unpacked_bytes)} unpacked bytes are intact."
                    ),
                    byte_range=(copy.fault_at, copy.size_bytes),
                ),
            )
        self.info = attrs.evolve(
            info,
            path=copy.packed,
            packing=copy.kind,
            files=tuple(copy.packed if file == copy.path else file for file in info.files),
            size_bytes=info.size_bytes - copy.unpacked_bytes + copy.size_bytes,
            damage=tuple(damage),
            findings=tuple(_told(text, copy) for text in info.findings),
        )

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*; see `Recording`."""
        try:
            for item in self._inner.batches(channels, target_bytes, cursor):
                yield self._damage(item) if isinstance(item, Damage) else item
        except (SourceError, PluginError) as error:
            raise _told_of(error, self._copy) from error

    def attachment(self, index: int) -> Iterator[bytes]:
        """Yield the bytes of `info.attachments[index]`; see `AttachmentSource`."""
        try:
            if isinstance(self._inner, AttachmentSource):
                yield from self._inner.attachment(index)
        except (SourceError, PluginError) as error:
            raise _told_of(error, self._copy) from error

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._inner.__exit__(kind, error, trace)
        finally:
            self._copies.give_back(self._copy)

    def _damage(self, damage: Damage) -> Damage:
        """Return *damage* with the packed file in place of the copy."""
        reason = _told(damage.reason, self._copy).rstrip(".")
        if damage.byte_range is not None:
            reason = f"{reason} (bytes of the unpacked file)"
        path = None if damage.path == self._copy.path else damage.path
        return attrs.evolve(damage, reason=f"{reason}.", path=path)


def _told(text: str, copy: Copy) -> str:
    """Name the packed file where *text* names its copy."""
    return text.replace(str(copy.path), str(copy.packed))


def _told_of(error: SourceError | PluginError, copy: Copy) -> SourceError | PluginError:
    """Return *error* with the packed file in place of the copy."""
    text = _told(str(error), copy)
    if isinstance(error, PluginError):
        return PluginError(text, plugin=error.plugin, stage=error.stage)
    return SourceError(text, path=copy.packed)
