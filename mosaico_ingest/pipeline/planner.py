"""
Plans recordings: opens each, lets decoders and mappers claim its channels, names what will be stored.

Everything that could stop a run is found here, before any network.

Must not know: client, server, threads. Next: `codec`, then `flow`.
"""

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from glob import has_magic

import attrs

from mosaico_ingest.errors import MosaicoError, PlanError, UsageError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.plan import (
    Conflict,
    Fit,
    PlannedRecording,
    RecordingPlan,
    SkippedChannel,
    TopicPlan,
)
from mosaico_ingest.model.recording import RecordingInfo
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.attachments import plan_attachments
from mosaico_ingest.pipeline.claiming import plan_channel
from mosaico_ingest.pipeline.finding import Found
from mosaico_ingest.pipeline.naming import Subject, sequence_names, topic_names
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.packing import PACKED_SUFFIXES
from mosaico_ingest.pipeline.sampling import sampled

__all__ = ["plan_recording", "plan_recordings"]

_MOST_CONFLICTS = 3  # that an error tells


def plan_recordings(
    found: Sequence[Found], host: Host, settings: Settings, opener: Opener
) -> list[PlannedRecording]:
    """
    Plan every recording; what cannot be planned says why, the others go on.

    Args:
        opener: Opens each for its table of contents.

    Raises:
        UsageError: A setting is wrong: a name template, an option, a `--map` or `--time` of no channel.
    """
    infos: list[RecordingInfo | None] = []
    errors: list[str] = []
    for item in found:
        info, error = opener.read_info(item)
        infos.append(info)
        errors.append(error)
    subjects = [
        Subject(
            path=item.path.with_name(item.name) if item.name else item.path,
            suffixes=_endings(host.registry.sources[item.source].value.suffixes),
            start_ns=info.start_ns,
        )
        for item, info in zip(found, infos, strict=True)
        if info
    ]
    names = iter(sequence_names(subjects, settings.name))
    _check_names(settings, [info for info in infos if info])
    planned: list[PlannedRecording] = []
    owners: dict[str, str] = {}
    for item, info, error in zip(found, infos, errors, strict=True):
        if info is None:
            planned.append(PlannedRecording(path=item.path, error=error))
            continue
        name = next(names)
        first = owners.setdefault(name, str(item.path))
        try:
            if first != str(item.path):
                msg = (
                    f"{str(item.path)!r} and {first!r} would both become sequence {name!r}. "
                    "Put {name} or {parent} into --name."
                )
                raise PlanError(msg)
            seen = sampled(
                info,
                [
                    channel
                    for channel in info.channels
                    if _is_wanted(channel.topic, settings.topics)
                ],
                host.registry,
                partial(opener.open, item.path, item.source, item.parts, info),
            )
            plan = plan_recording(seen, item.source, name, host, settings)
            plan = host.refine(attrs.evolve(plan, parts=item.parts))
            planned.append(PlannedRecording(path=item.path, plan=plan, error=_refusal(plan)))
        except UsageError:
            raise
        except MosaicoError as failure:
            planned.append(PlannedRecording(path=item.path, error=str(failure)))
    return planned


def plan_recording(
    info: RecordingInfo, source: str, sequence: str, host: Host, settings: Settings
) -> RecordingPlan:
    """Plan one recording, given its table of contents."""
    names = topic_names([channel.topic for channel in info.channels])
    topics: list[TopicPlan] = []
    skipped: list[SkippedChannel] = []
    conflicts: list[Conflict] = []
    for channel, name in zip(info.channels, names, strict=True):
        if not _is_wanted(channel.topic, settings.topics):
            reason = "not selected by --topics"
            skipped.append(SkippedChannel(channel=channel, reason=reason, deliberate=True))
            continue
        for outcome in plan_channel(channel, name, host, settings):
            if isinstance(outcome, Conflict):
                conflicts.append(outcome)
            elif settings.skip_unmapped and outcome.fit is Fit.FALLBACK:
                reason = f"no mapping for {channel.type_name or 'its type'} (--skip-unmapped)"
                skipped.append(SkippedChannel(channel=channel, reason=reason, deliberate=True))
            else:
                topics.append(outcome)
    conflicts += _same_names(topics)
    return RecordingPlan(
        info=info,
        source=source,
        sequence=sequence,
        topics=tuple(topics),
        skipped=tuple(skipped),
        conflicts=tuple(conflicts),
        attachments=plan_attachments(info, names) if settings.attachments else None,
        metadata=dict(settings.metadata),
    )


def _same_names(topics: Sequence[TopicPlan]) -> list[Conflict]:
    """Tell of topics that rules gave the same name."""
    channels: dict[str, list[str]] = {}
    for topic in topics:
        channels.setdefault(topic.name, []).append(topic.channel.topic)
    return [
        Conflict(
            what=f"Channels {' and '.join(map(repr, found))} would both become topic {name!r}.",
            candidates=tuple(found),
            remedy="{name} in the rule's name",
        )
        for name, found in channels.items()
        if len(found) > 1
    ]


def _endings(suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return the file name endings that say nothing about a recording: also those of packed files."""
    both = [suffix + packed for suffix in suffixes for packed in PACKED_SUFFIXES]
    return (*suffixes, *both, *PACKED_SUFFIXES)


def _refusal(plan: RecordingPlan) -> str:
    """Return why *plan* cannot run, empty if it can."""
    if plan.conflicts:
        told = [conflict.sentence for conflict in plan.conflicts[:_MOST_CONFLICTS]]
        more = len(plan.conflicts) - len(told)
        return " ".join([*told, f"And {more} more: `plan` lists them all."] if more else told)
    if not plan.info.channels and not plan.attachments:
        why = "; ".join(damage.reason for damage in plan.info.damage) or "it declares no channel"
        return f"{str(plan.info.path)!r} has nothing to store: {why}."
    if plan.info.channels and not plan.topics:
        reasons = sorted({channel.reason for channel in plan.skipped})
        return f"Every channel of {str(plan.info.path)!r} is skipped: {'; '.join(reasons)}."
    return ""


def _is_wanted(topic: str, patterns: Sequence[str]) -> bool:
    """Apply ordered globs; the last one that matches decides."""
    if not patterns:
        return True
    wanted = patterns[0].startswith("!")
    for pattern in patterns:
        if fnmatchcase(topic, pattern.removeprefix("!")):
            wanted = not pattern.startswith("!")
    return wanted


def _check_names(settings: Settings, infos: Sequence[RecordingInfo]) -> None:
    """Refuse a `--map` or `--time` that names a channel which there is not; a glob may match none."""
    channels = {channel.topic for info in infos for channel in info.channels}
    named = [("--map", topic) for topic in settings.map]
    named += [("--time", topic) for topic in settings.clocks if not has_magic(topic)]
    for flag, topic in named:
        if infos and topic not in channels:
            near = difflib.get_close_matches(topic, channels, 1)
            hint = f"Did you mean {near[0]!r}?" if near else "`inspect` lists the channels."
            msg = f"{flag} names the channel {topic!r}, which no recording has. {hint}"
            raise UsageError(msg)
