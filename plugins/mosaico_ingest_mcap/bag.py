"""
The directory of a ROS 2 bag: which files are its parts, in which order, and what its metadata.yaml claims.

The data are believed, never the metadata: it may be wrong, stale, empty or missing.

Must not know: MCAP. Next: `recording`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from mosaico_ingest.plugin import Damage, RecordingInfo, SourceFile

__all__ = ["Bag", "read_bag"]

_MAX_YAML_BYTES = 4 * 1024 * 1024
_NUMBER = re.compile(r"(\d+)(?=\.mcap$)", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Bag:
    """
    A bag directory.

    Args:
        parts: Its files, in reading order.
        claims: What metadata.yaml says: a name for people, and its number.
        topics: Messages per topic, as metadata.yaml says.
        damage: Parts that are missing.
        findings: What is odd about the directory.
    """

    parts: tuple[Path, ...]
    claims: Mapping[str, int] = attrs.field(factory=dict)
    topics: Mapping[str, int] = attrs.field(factory=dict)
    damage: tuple[Damage, ...] = ()
    findings: tuple[str, ...] = ()

    def differences(self, info: RecordingInfo) -> tuple[str, ...]:
        """Tell where metadata.yaml and the data disagree."""
        facts = {"messages": info.messages, "start (ns)": info.start_ns}
        if info.start_ns is not None and info.end_ns is not None:
            facts["duration (ns)"] = info.end_ns - info.start_ns
        found = [
            f"metadata.yaml says {name}: {claim}, the data say {facts[name]}."
            for name, claim in self.claims.items()
            if facts.get(name) is not None and claim != facts[name]
        ]
        counts: dict[str, int] = {}
        for channel in info.channels:
            counts[channel.topic] = counts.get(channel.topic, 0) + (channel.messages or 0)
        found += [
            f"metadata.yaml says {claim} messages on {topic}, the data have {counts.get(topic, 0)}."
            for topic, claim in self.topics.items()
            if claim != counts.get(topic, 0)
        ]
        return tuple(found)


def read_bag(file: SourceFile) -> Bag:
    """Look at a directory that `sniff` has claimed."""
    names = sorted((n for n in file.entries if n.lower().endswith(".mcap")), key=_by_number)
    described, findings = _describe(file.path / "metadata.yaml")
    listed = described.get("relative_file_paths")
    listed = [Path(str(name)).name for name in listed] if isinstance(listed, list) else []
    ordered = [name for name in dict.fromkeys(listed) if name in names]
    unlisted = [name for name in names if name not in ordered]
    missing = [name for name in listed if name not in names]
    damage: list[Damage] = []
    if listed and unlisted:
        findings.append(f"metadata.yaml does not list {', '.join(unlisted)}; it was read as well.")
    if len(missing) > len(unlisted):
        damage = [
            Damage(reason=f"Part {name!r} of the bag is missing.", path=file.path / name)
            for name in missing
        ]
    elif missing:
        findings.append(f"metadata.yaml lists {', '.join(missing)}, which is not there.")
    return Bag(
        parts=tuple(file.path / name for name in [*ordered, *unlisted]),
        claims=_claims(described),
        topics=_topics(described),
        damage=tuple(damage),
        findings=tuple(findings),
    )


def _by_number(name: str) -> tuple[str, int]:
    """Sort key: `bag_2.mcap` comes before `bag_10.mcap`."""
    number = _NUMBER.search(name)
    return (name[: number.start()], int(number[1])) if number else (name, -1)


def _describe(path: Path) -> tuple[Mapping[str, object], list[str]]:
    """Return the information in metadata.yaml, empty with a finding where there is none to be had."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_YAML_BYTES + 1)
    except FileNotFoundError:
        return {}, ["metadata.yaml is missing; the files themselves were asked."]
    except OSError as err:
        return {}, [f"metadata.yaml cannot be read: {err.strerror}."]
    try:
        if fault := _hostile(text):
            return {}, [f"metadata.yaml {fault}; it was not used."]
        tree = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as err:
        first = str(err).splitlines()[0] if str(err) else type(err).__name__
        return {}, [f"metadata.yaml is not valid YAML ({first}); it was not used."]
    described = tree.get("rosbag2_bagfile_information") if isinstance(tree, dict) else None
    if not isinstance(described, dict):
        return {}, ["metadata.yaml does not describe a bag; it was not used."]
    return described, []


def _hostile(text: bytes) -> str:
    """Say why YAML text is not to be loaded: a few aliases can stand for more than any memory holds."""
    from ruamel.yaml import YAML
    from ruamel.yaml.tokens import AliasToken

    if len(text) > _MAX_YAML_BYTES:
        return f"is larger than {_MAX_YAML_BYTES} bytes"
    tokens = YAML(typ="safe", pure=True).scan(text) if b"*" in text else ()
    has_aliases = any(isinstance(token, AliasToken) for token in tokens)
    return "uses aliases, as no recorder does" if has_aliases else ""


def _claims(described: Mapping[str, object]) -> dict[str, int]:
    """Return the numbers about the whole bag."""
    found = {
        "messages": described.get("message_count"),
        "start (ns)": _inner(described.get("starting_time"), "nanoseconds_since_epoch"),
        "duration (ns)": _inner(described.get("duration"), "nanoseconds"),
    }
    return {name: value for name, value in found.items() if isinstance(value, int)}


def _topics(described: Mapping[str, object]) -> dict[str, int]:
    """Return messages per topic."""
    topics = described.get("topics_with_message_count")
    found: dict[str, int] = {}
    for entry in topics if isinstance(topics, list) else ():
        name = _inner(_inner(entry, "topic_metadata"), "name")
        count = _inner(entry, "message_count")
        if isinstance(name, str) and isinstance(count, int):
            found[name] = found.get(name, 0) + count
    return found


def _inner(value: object, key: str) -> object:
    """Return `value[key]` where *value* is a mapping that has it."""
    return value.get(key) if isinstance(value, dict) else None
