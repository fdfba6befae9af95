"""
Plans recordings: opens each, lets decoders and mappers claim its channels, names what will be stored.

Everything that could stop a run is found here, before any network.

Must not know: client, server, threads. Next: `codec`, then `flow`.
"""

import base64
import difflib
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

import attrs
import pyarrow as pa

from mosaico_ingest.errors import DecodeError, MosaicoError, PlanError, PluginError, UsageError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.model.batch import LOG_TIME, PUBLISH_TIME
from mosaico_ingest.model.clock import Clock
from mosaico_ingest.model.plan import (
    Claim,
    Conflict,
    Fit,
    PlannedRecording,
    RecordingPlan,
    SkippedChannel,
    TopicPlan,
)
from mosaico_ingest.model.recording import Channel, RecordingInfo
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import Match
from mosaico_ingest.pipeline.attachments import plan_attachments
from mosaico_ingest.pipeline.clocks import choose_clock, field_clock
from mosaico_ingest.pipeline.codec import PAYLOAD_COLUMNS
from mosaico_ingest.pipeline.finding import Found
from mosaico_ingest.pipeline.naming import Subject, sequence_names, topic_names
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.packing import PACKED_SUFFIXES

__all__ = ["plan_recording", "plan_recordings"]

_MAX_DEFINITION_BYTES = 256 * 1024
T = TypeVar("T")


def plan_recordings(
    found: Sequence[Found], host: Host, settings: Settings, opener: Opener
) -> list[PlannedRecording]:
    """
    Plan every recording; what cannot be planned says why, the others go on.

    Args:
        opener: Opens each for its table of contents.

    Raises:
        UsageError: A setting is wrong: a name template, an option, a `--map` of no channel.
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
    _check_map(settings.map, [info for info in infos if info])
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
            plan = plan_recording(info, item.source, name, host, settings)
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
        outcome = _plan_channel(channel, name, host, settings)
        if isinstance(outcome, Conflict):
            conflicts.append(outcome)
        elif settings.skip_unmapped and outcome.fit is Fit.FALLBACK:
            reason = f"no mapping for {channel.type_name or 'its type'} (--skip-unmapped)"
            skipped.append(SkippedChannel(channel=channel, reason=reason, deliberate=True))
        else:
            topics.append(outcome)
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


def _endings(suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return the file name endings that say nothing about a recording: also those of packed files."""
    both = [suffix + packed for suffix in suffixes for packed in PACKED_SUFFIXES]
    return (*suffixes, *both, *PACKED_SUFFIXES)


def _refusal(plan: RecordingPlan) -> str:
    """Return why *plan* cannot run, empty if it can."""
    if plan.conflicts:
        return " ".join(
            f"{conflict.what} Settle it with {conflict.remedy}." for conflict in plan.conflicts
        )
    if not plan.info.channels and not plan.attachments:
        why = "; ".join(damage.reason for damage in plan.info.damage) or "it declares no channel"
        return f"{str(plan.info.path)!r} has nothing to store: {why}."
    if plan.info.channels and not plan.topics:
        reasons = sorted({channel.reason for channel in plan.skipped})
        return f"Every channel of {str(plan.info.path)!r} is skipped: {'; '.join(reasons)}."
    return ""


def _plan_channel(
    channel: Channel, name: str, host: Host, settings: Settings
) -> TopicPlan | Conflict:
    """Find the decoder and the mapper of one channel."""
    decoder, columns, note = _find_decoder(channel, host, settings)
    if isinstance(columns, Conflict):
        return columns
    clock = choose_clock(channel.topic, settings.time, settings.clocks)
    if clock.field:
        try:
            field_clock(columns, clock, channel.topic)
        except PlanError as error:
            remedy = f"--time '{channel.topic}=FIELD', or =log"
            return Conflict(what=str(error), candidates=(), remedy=remedy)
    wanted = settings.map.get(channel.topic, "")
    claims, faults = _claims(channel, columns, host, settings)
    notes = [note, *faults] if note else faults
    if wanted:
        claims = [(name, claim) for name, claim in claims if wanted in (name, claim.tag)]
    winners = _best(claims, lambda claim: claim.fit)
    if len(winners) != 1:
        return _mapper_conflict(channel, wanted, [mapper_name for mapper_name, _ in winners])
    mapper_name, claim = winners[0]
    ontology = claim.ontology or host.ontology(claim.tag)
    if ontology is None:
        msg = f"Mapper {mapper_name!r} offers ontology {claim.tag!r}, which no plugin brings."
        raise PluginError(msg, plugin=mapper_name, stage="claim")
    return TopicPlan(
        channel=channel,
        name=name,
        ontology=ontology,
        decoder=decoder,
        mapper=mapper_name,
        fit=claim.fit,
        reason=claim.reason,
        losses=claim.losses,
        split_by=claim.split_by,
        clock=clock,
        metadata={"source": _provenance(channel, decoder, mapper_name, clock, notes)},
        note="; ".join(notes),
    )


def _claims(
    channel: Channel, columns: pa.Schema, host: Host, settings: Settings
) -> tuple[list[tuple[str, Claim]], list[str]]:
    """Return what each mapper offers for *channel*, and which mappers failed to say."""
    claims: list[tuple[str, Claim]] = []
    faults: list[str] = []
    for name, mapper in host.registry.mappers.items():
        options = make_options(mapper.value.options, settings.options.get(name), name)
        try:
            claim = mapper.value.claim(channel, columns, options)
        except Exception as error:
            msg = f"mapper {name!r} of {mapper.origin} failed: {error!r}"
            if settings.strict:
                raise PluginError(msg, plugin=name, stage="claim") from error
            faults.append(msg)
        else:
            if claim:
                claims.append((name, claim))
    return claims, faults


def _find_decoder(
    channel: Channel, host: Host, settings: Settings
) -> tuple[str, "pa.Schema | Conflict", str]:
    """Return the decoder's name, the columns it gives, and what the user should know of it."""
    if channel.columns is not None:
        clocks = (LOG_TIME, PUBLISH_TIME)
        return "", pa.schema([f for f in channel.columns if f.name not in clocks]), ""
    claims: list[tuple[str, Match]] = []
    for name, decoder in host.registry.decoders.items():
        try:
            match = decoder.value.claim(channel)
        except Exception as error:
            msg = f"Decoder {name!r} of {decoder.origin} failed on {channel.topic!r}: {error!r}."
            raise PluginError(msg, plugin=name, stage="claim") from error
        if match:
            claims.append((name, match))
    winners = _best(claims, lambda match: match.strength)
    if not winners:
        encoding = channel.message_encoding or "unknown"
        return "", PAYLOAD_COLUMNS, f"kept as bytes: no decoder for encoding {encoding!r}"
    if len(winners) > 1:
        names = tuple(name for name, _ in winners)
        what = f"Decoders {' and '.join(names)} both claim channel {channel.topic!r}."
        return "", Conflict(what=what, candidates=names, remedy=f"-p no:{names[1]}"), ""
    name = winners[0][0]
    try:
        decode = host.registry.decoders[name].value.compile(channel)
        columns, note = decode.schema, decode.note
    except Exception as error:
        if settings.strict:
            msg = f"Decoder {name!r} failed on {channel.topic!r}: {error}"
            raise PluginError(msg, plugin=name, stage="compile") from error
        reason = str(error) if isinstance(error, DecodeError) else f"{name!r} failed: {error!r}"
        return "", PAYLOAD_COLUMNS, f"kept as bytes: {reason}"
    return name, columns, note


def _best(claims: Sequence[tuple[str, T]], rank: Callable[[T], int]) -> list[tuple[str, T]]:
    """Return the claims of the highest rank, by name."""
    top = max((rank(claim) for _, claim in claims), default=0)
    return sorted((c for c in claims if rank(c[1]) == top), key=lambda c: c[0])


def _mapper_conflict(channel: Channel, wanted: str, names: Sequence[str]) -> Conflict:
    """Say that no mapper, or that several want a channel."""
    if names:
        what = f"Mappers {' and '.join(names)} both fit channel {channel.topic!r}."
        remedy = f"--map {channel.topic}={names[0]}"
    elif wanted:
        what = f"No mapper makes {wanted!r} of channel {channel.topic!r} ({channel.type_name})."
        remedy = "another --map, or none (`plan` shows what fits)"
    else:
        what = f"No mapper takes channel {channel.topic!r} ({channel.type_name})."
        remedy = "the plugin 'ontology', whose fallback keeps anything, or --topics '!NAME'"
    return Conflict(what=what, candidates=tuple(names), remedy=remedy)


def _is_wanted(topic: str, patterns: Sequence[str]) -> bool:
    """Apply ordered globs; the last one that matches decides."""
    if not patterns:
        return True
    wanted = patterns[0].startswith("!")
    for pattern in patterns:
        if fnmatchcase(topic, pattern.removeprefix("!")):
            wanted = not pattern.startswith("!")
    return wanted


def _check_map(chosen: Mapping[str, str], infos: Sequence[RecordingInfo]) -> None:
    """Refuse a `--map` that speaks of no channel at all."""
    channels = {channel.topic for info in infos for channel in info.channels}
    for topic in chosen:
        if infos and topic not in channels:
            near = difflib.get_close_matches(topic, channels, 1)
            hint = f"Did you mean {near[0]!r}?" if near else "`inspect` lists the channels."
            msg = f"--map names the channel {topic!r}, which no recording has. {hint}"
            raise UsageError(msg)


def _provenance(
    channel: Channel, decoder: str, mapper: str, clock: Clock, notes: Sequence[str]
) -> dict[str, object]:
    """Tell in the topic's metadata where its rows come from, and who made them."""
    facts: dict[str, object] = {
        "channel": channel.topic,
        "type": channel.type_name,
        "message_encoding": channel.message_encoding,
        "schema_encoding": channel.schema_encoding,
        **_definition(channel.definition),
        "decoder": decoder,
        "mapper": mapper,
        "time": str(clock),
    }
    if channel.metadata:
        facts["metadata"] = dict(channel.metadata)
    if notes:
        facts["notes"] = list(notes)
    return facts


def _definition(definition: bytes) -> dict[str, object]:
    """Keep a message definition as text, a binary one in base64."""
    if len(definition) > _MAX_DEFINITION_BYTES:
        return {"definition_bytes": len(definition)}
    try:
        text = definition.decode()
    except UnicodeDecodeError:
        text = ""
    if "\0" in text or (definition and not text):
        return {"definition_base64": base64.b64encode(definition).decode()}
    return {"definition": text}
