"""
Plans the topics of one channel: asks decoders and mappers, and does what the rules of the user say.

Must not know: recordings, sequences. Next: `codec`.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import attrs
import pyarrow as pa

from mosaico_ingest.errors import DecodeError, ExpressionError, PlanError, PluginError
from mosaico_ingest.expressions.evaluation import compile_expression
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.model.clock import Clock
from mosaico_ingest.model.plan import Claim, Conflict, TopicPlan
from mosaico_ingest.model.recording import Channel
from mosaico_ingest.model.rule import Rule
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import Match
from mosaico_ingest.pipeline.clocks import choose_clock, field_clock
from mosaico_ingest.pipeline.codec import PAYLOAD_COLUMNS, without_clocks
from mosaico_ingest.pipeline.selecting import checked_where
from mosaico_ingest.protocol.names import suggest_topic

__all__ = ["plan_channel"]

_MAX_DEFINITION_BYTES = 256 * 1024
_NO_RULE = Rule(topic="*", keeps_rest=False)
T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False)
class _Decoded:
    """A channel with the decoder that was found for it, and the columns that it gives."""

    channel: Channel
    decoder: str
    columns: pa.Schema
    note: str


def plan_channel(
    channel: Channel, name: str, host: Host, settings: Settings
) -> Iterator[TopicPlan | Conflict]:
    """
    Plan the topics of one channel: one, unless rules of the user make several of it.

    Args:
        name: Of the topic on the server, where no rule says another.
    """
    decoder, columns, note = _find_decoder(channel, host, settings)
    if isinstance(columns, Conflict):
        yield columns
        return
    decoded = _Decoded(channel=channel, decoder=decoder, columns=columns, note=note)
    rules = [rule for rule in settings.rules if rule.matches(channel)]
    used: set[str] = set()
    for rule in rules or [_NO_RULE]:
        try:
            topic, claim = _plan_topic(decoded, _name(name, rule, rules), host, settings, rule)
        except (PlanError, ExpressionError) as error:
            remedy = f"a change of {rule.origin}" if rule.origin else "another --time"
            yield Conflict(what=str(error), candidates=(), remedy=remedy)
            used.update(columns.names)
        else:
            yield topic
            uses = claim.uses if claim else None
            used.update(columns.names if uses is None else uses)
    rest = tuple(column for column in columns.names if column not in used)
    if rest and any(rule.keeps_rest for rule in rules):
        yield _plan_rest(decoded, f"{name}/rest", rest, host, settings)


def _name(name: str, rule: Rule, rules: Sequence[Rule]) -> str:
    """Return the topic that *rule* makes; several that say no name add what they make."""
    if rule.name:
        return suggest_topic(rule.name.replace("{name}", name))
    unnamed = [other for other in rules if not other.name]
    own = rule.tag or rule.wanted
    return suggest_topic(f"{name}/{own}") if len(unnamed) > 1 and own else name


def _plan_rest(
    decoded: _Decoded, name: str, rest: tuple[str, ...], host: Host, settings: Settings
) -> TopicPlan | Conflict:
    """Plan the topic of the columns that no rule uses."""
    kept = attrs.evolve(decoded, columns=pa.schema([decoded.columns.field(c) for c in rest]))
    topic, _ = _plan_topic(kept, name, host, settings, attrs.evolve(_NO_RULE, wanted="fallback"))
    if isinstance(topic, Conflict):
        return topic
    ontology = attrs.evolve(topic.ontology, tag=f"{topic.ontology.tag}_rest")
    return attrs.evolve(topic, ontology=ontology, columns=rest)


def _plan_topic(
    decoded: _Decoded, name: str, host: Host, settings: Settings, rule: Rule
) -> tuple[TopicPlan | Conflict, Claim | None]:
    """
    Find the mapper of one topic.

    Raises:
        PlanError: The channel has no such time, or the rule does not fit its columns.
        ExpressionError: An expression of the rule does not fit them.
    """
    channel, columns = decoded.channel, decoded.columns
    clock = choose_clock(channel.topic, settings.time, settings.clocks)
    if rule.clock:
        clock = Clock.parse(rule.clock)
    if clock.field:
        field_clock(columns, clock, channel.topic)
    checked_where(rule.selection, columns)
    for text in rule.metadata_of.values():
        compile_expression(text, columns)
    wanted = rule.wanted or settings.map.get(channel.topic, "")
    claims, faults = _claims(channel, columns, host, settings, wanted)
    notes = [decoded.note, *faults] if decoded.note else faults
    if wanted:
        claims = [(name, claim) for name, claim in claims if wanted in (name, claim.tag)]
    winners = _best(claims, lambda claim: claim.fit)
    if len(winners) != 1:
        conflict = _mapper_conflict(channel, wanted, [mapper for mapper, _ in winners])
        return conflict, None
    mapper, claim = winners[0]
    ontology = claim.ontology or host.ontology(claim.tag)
    if ontology is None:
        msg = f"Mapper {mapper!r} offers ontology {claim.tag!r}, which no plugin brings."
        raise PluginError(msg, plugin=mapper, stage="claim")
    split_by = rule.split_by or claim.split_by
    for column in split_by:
        if column not in ontology.schema.names:
            msg = f"`split_by` names {column!r}, which {claim.tag!r} has not: {ontology.schema.names}."
            raise PlanError(msg)
    source = _provenance(channel, decoded.decoder, mapper, clock, notes=notes, losses=claim.losses)
    topic = TopicPlan(
        channel=channel,
        name=name,
        ontology=ontology,
        decoder=decoded.decoder,
        mapper=mapper,
        fit=claim.fit,
        reason=claim.reason,
        losses=claim.losses,
        split_by=split_by,
        clock=clock,
        offset_ns=rule.offset_ns,
        selection=rule.selection,
        metadata={**rule.metadata, "source": source},
        metadata_of=rule.metadata_of,
        note="; ".join(notes),
    )
    return topic, claim


def _claims(
    channel: Channel, columns: pa.Schema, host: Host, settings: Settings, wanted: str
) -> tuple[list[tuple[str, Claim]], list[str]]:
    """Return what each mapper offers for *channel*, and which mappers failed to say."""
    claims: list[tuple[str, Claim]] = []
    faults: list[str] = []
    mappers = host.registry.mappers
    # The mapper of a rule is for that rule alone; one that is asked for by name is asked alone.
    asked = {wanted} if wanted in mappers else set(mappers) - {r.wanted for r in settings.rules}
    for name, mapper in mappers.items():
        if name not in asked:
            continue
        options = make_options(mapper.value.options, settings.options.get(name), name)
        try:
            claim = mapper.value.claim(channel, columns, options)
        except PlanError:
            raise  # it is the mapper that a rule asks for, and says what is wrong with the rule
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
        return "", without_clocks(channel.columns), ""
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


def _provenance(
    channel: Channel,
    decoder: str,
    mapper: str,
    clock: Clock,
    *,
    notes: Sequence[str],
    losses: Sequence[str],
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
    if losses:
        facts["not_kept"] = list(losses)
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
