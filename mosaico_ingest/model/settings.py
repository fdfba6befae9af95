"""
What a caller may choose about a run; the CLI's flags and the config file end here.

Must not know: where a value came from. Next: `events`.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import attrs

from mosaico_ingest.enum import SessionLevelErrorPolicy, TimePolicy, TopicLevelErrorPolicy
from mosaico_ingest.model.rule import Rule

__all__ = ["Settings", "chosen"]

_MIB = 1024 * 1024
_NOT_TOLD = frozenset({"metadata"})  # it stands in the sequence's metadata itself


@attrs.frozen(kw_only=True)
class Settings:
    """
    The settings of one run.

    Args:
        name: Template of the sequence name: `{name}` (file or directory name), `{parent}`, `{date}`.
            Empty means `{name}`, with parent directories put before it where two recordings clash.
        topics: Ordered globs on channel topics; `!` excludes, the last match decides; empty keeps all.
        rules: What a mapping file wants of certain channels.
        map: Topic name to ontology tag or mapper name, for channels that several mappers want.
        metadata: User metadata that every sequence gets.
        source: Source format to use for every file, empty to detect.
        temp: Folder for readable copies of packed files, None for the system's place.
        max_expansion: How many times its packed size a file may unpack to.
        group: Whether numbered parts, and folders that are one recording, become one sequence.
        follow_links: Whether links that lead out of a folder are followed.
        max_files: How many files a folder may hold, with all that is below it.
        on_error: What happens to a recording that fails.
        topic_on_error: What a failing topic does to its recording.
        time: Which clock becomes `timestamp_ns`.
        clocks: Another clock for channels, by glob: a policy's name, or the path of a field with its
            unit (`status.uptime:ms`). The last match decides.
        attachments: Whether files inside a recording are stored with it.
        skip_unmapped: Whether channels that only the fallback mapper wants are skipped.
        strict: Whether damage, rejects and plugin faults end a recording.
        again: Whether a recording that is stored already is stored once more, under a free name.
        lanes: Flight connections, 0 to choose.
        encoders: Encoder threads, 0 to choose.
        budget_bytes: Memory that batches in flight may hold.
        batch_bytes: Size from which a source hands over a batch of payloads.
        options: Plugin options by the name of the source format or mapper, attrs instances or mappings.
    """

    name: str = ""
    topics: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    map: Mapping[str, str] = attrs.field(factory=dict)
    metadata: Mapping[str, object] = attrs.field(factory=dict)
    source: str = ""
    temp: Path | None = None
    max_expansion: int = 1000
    group: bool = True
    follow_links: bool = False
    max_files: int = 1_000_000
    on_error: SessionLevelErrorPolicy = SessionLevelErrorPolicy.Report
    topic_on_error: TopicLevelErrorPolicy = TopicLevelErrorPolicy.Finalize
    time: TimePolicy = TimePolicy.Header
    clocks: Mapping[str, str] = attrs.field(factory=dict)
    attachments: bool = True
    skip_unmapped: bool = False
    strict: bool = False
    again: bool = False
    lanes: int = 0
    encoders: int = 0
    budget_bytes: int = 256 * _MIB
    batch_bytes: int = 2 * _MIB
    options: Mapping[str, object] = attrs.field(factory=dict)


def chosen(settings: Settings) -> dict[str, object]:
    """Return what differs from the defaults as JSON values, for a sequence's metadata."""
    default = Settings()
    return {
        field.name: _plain(getattr(settings, field.name))
        for field in attrs.fields(Settings)
        if getattr(settings, field.name) != getattr(default, field.name)
        and field.name not in _NOT_TOLD
    }


def _plain(value: object) -> object:
    """Return *value* as JSON has it: enums by value, options as tables, anything else as text."""
    kind = type(value)
    if attrs.has(kind):
        return {field.name: _plain(getattr(value, field.name)) for field in attrs.fields(kind)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
