"""
The file of mappings: what a user wants of certain channels, and types of their own.

::

    [[map]]
    topic = "/vehicle"
    ontology = "imu"

    [map.fields]
    "acceleration.x" = "ax * g0"
    angular_velocity = { x = "si(gx, 'deg/s')", y = "si(gy, 'deg/s')", z = "si(gz, 'deg/s')" }

The same tables may stand in `mosaico-ingest.toml`.

Must not know: how rules are carried out. Next: `mapper`, `mosaico_ingest.model.rule`.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from mosaico_ingest.errors import ExpressionError, UsageError
from mosaico_ingest.expressions.syntax import parse
from mosaico_ingest.hooks.contracts import Mapper
from mosaico_ingest.hooks.specs import hookimpl
from mosaico_ingest.mapping import SECTIONS
from mosaico_ingest.mapping.mapper import FieldsMapper
from mosaico_ingest.mapping.types import make_ontology
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.rule import Rule, Selection
from mosaico_ingest.units import parse_duration_ns, parse_time_ns

__all__ = ["MappingFile", "load_mapping", "read_mapping"]

_KEYS = (
    *("topic", "type", "ontology", "mapper", "name", "time", "offset", "every", "where"),
    *("from", "to", "split_by", "rest", "fields", "metadata"),
)
_BEGIN = re.compile(r"\s*\[\[\s*map\s*\]\]")

FindOntology = Callable[[str], Ontology | None]


@attrs.frozen(kw_only=True, eq=False)
class MappingFile:
    """
    The rules and types of a file. It is a plugin too: hand it to `Host.with_`, and its rules to `Settings`.

    Args:
        path: The file.
        rules: What it wants of channels, in its order.
        mappers: The mappers of the rules that say what fields are made of.
        ontologies: Its own types.
    """

    MOSAICO_API = (1, 0)

    path: Path
    rules: tuple[Rule, ...]
    mappers: tuple[FieldsMapper, ...]
    ontologies: tuple[Ontology, ...]

    @property
    def __name__(self) -> str:
        """What `plugins` calls it."""
        return self.path.name

    @hookimpl
    def mosaico_mappers(self) -> Sequence[Mapper]:
        """Hand in the mappers."""
        return self.mappers

    @hookimpl
    def mosaico_ontologies(self) -> Sequence[Ontology]:
        """Hand in the types."""
        return self.ontologies


def load_mapping(path: Path, find: FindOntology) -> MappingFile:
    """
    Read a mapping file.

    Args:
        find: Returns the type of a tag that is not of the file, None if there is none.

    Raises:
        UsageError: It cannot be read, or says something that nothing understands; with the line.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        msg = f"The mapping file {str(path)!r} cannot be read: {error.strerror}. Check --mapping."
        raise UsageError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"The mapping file {str(path)!r} is no UTF-8 text: {error.reason}. Correct it."
        raise UsageError(msg) from error
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        msg = f"The mapping file {str(path)!r} is no valid TOML: {error}. Correct it."
        raise UsageError(msg) from error
    for name in tables:
        if name not in SECTIONS:
            near = difflib.get_close_matches(name, SECTIONS, 1) or SECTIONS
            msg = f"{str(path)!r} has the section {name!r}. Expected {' or '.join(near)}."
            raise UsageError(msg)
    return read_mapping(path, text, tables, find)


def read_mapping(
    path: Path, text: str, tables: Mapping[str, object], find: FindOntology
) -> MappingFile:
    """
    Make rules, mappers and types of the tables of *path*, whose *text* tells the lines.

    Raises:
        UsageError: Something is said that nothing understands.
    """
    types = tables.get("ontology", {})
    if not isinstance(types, dict):
        msg = f"{path.name}: 'ontology' is {types!r}. Expected tables [ontology.TAG]."
        raise UsageError(msg)
    ontologies = [make_ontology(tag, table, path.name) for tag, table in types.items()]
    own = {ontology.tag: ontology for ontology in ontologies}
    rules = tables.get("map", [])
    if not isinstance(rules, list):
        msg = f"{path.name}: 'map' is {rules!r}. Expected tables [[map]]."
        raise UsageError(msg)
    read: list[Rule] = []
    mappers: list[FieldsMapper] = []
    for lines, table in zip(_blocks(text, len(rules)), rules, strict=True):
        rule = _Rule(path.name, lines, table)
        mapper = rule.mapper(lambda tag: own.get(tag) or find(tag))
        read.append(attrs.evolve(rule.rule(), wanted=mapper.name) if mapper else rule.rule())
        mappers += [mapper] if mapper else []
    return MappingFile(
        path=path, rules=tuple(read), mappers=tuple(mappers), ontologies=tuple(ontologies)
    )


class _Rule:
    """
    One `[[map]]`.

    Args:
        file: Name of the file.
        lines: Its lines by number.
        table: What stands in it.
    """

    def __init__(self, file: str, lines: Mapping[int, str], table: object) -> None:
        self._file = file
        self._lines = lines
        if not isinstance(table, dict):
            msg = f"{file}: [[map]] is {table!r}. Expected a table."
            raise UsageError(msg)
        self._table = table
        for key in table:
            if key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, 1, 0.5)
                hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(_KEYS)}."
                raise self._error(key, f"{key!r} is no key of [[map]]. {hint}")

    def rule(self) -> Rule:
        """Read everything but the fields."""
        if not self._text("topic"):
            raise self._error("topic", 'a topic is missing. Expected topic = "/imu" or a glob.')
        if "ontology" in self._table and "mapper" in self._table:
            raise self._error("mapper", "either 'ontology' or 'mapper' can be asked for.")
        constants, of_fields = self._metadata()
        return Rule(
            topic=self._text("topic"),
            type=self._text("type", "*"),
            wanted=self._text("ontology") or self._text("mapper"),
            tag=self._text("ontology"),
            name=self._text("name"),
            clock=self._text("time"),
            offset_ns=self._parsed("offset", parse_duration_ns) or 0,
            selection=Selection(
                every=self._every(),
                where=self._expression("where"),
                start_ns=self._parsed("from", parse_time_ns),
                end_ns=self._parsed("to", parse_time_ns),
            ),
            split_by=self._split_by(),
            metadata=constants,
            metadata_of=of_fields,
            keeps_rest=self._rest(),
            origin=self._place(""),
        )

    def mapper(self, find: FindOntology) -> FieldsMapper | None:
        """Make the mapper of a rule that says what fields are made of, None for another."""
        if "fields" not in self._table:
            return None
        fields = self._table["fields"]
        tag = self._text("ontology")
        if not isinstance(fields, dict) or not fields:
            raise self._error("fields", f"fields are {fields!r}. Expected a table [map.fields].")
        if not tag:
            raise self._error("ontology", "fields need an ontology type. Expected ontology = TAG.")
        for text in _texts(fields):
            self._checked(text, text)
        return FieldsMapper(
            name=self._place("").replace(", line ", ":"),
            rule=self.rule(),
            tag=tag,
            fields=self._nested(fields),
            find=find,
        )

    def _nested(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Give every field its place in a tree, whether its path is written with dots or as tables."""
        tree: dict[str, object] = {}
        for path, wanted in _paths(fields):
            at = tree
            for parent in path[:-1]:
                below = at.setdefault(parent, {})
                at = below if isinstance(below, dict) else {path[-1]: below}
            if path[-1] in at:
                name = ".".join(path)
                raise self._error(path[-1], f"{name!r} is said twice.")
            at[path[-1]] = wanted
        return tree

    def _metadata(self) -> tuple[dict[str, object], dict[str, str]]:
        """Part metadata into constants and what is taken from the first message."""
        table = self._table.get("metadata", {})
        if not isinstance(table, dict):
            raise self._error("metadata", f"metadata are {table!r}. Expected a table.")
        constants: dict[str, object] = {}
        of_fields: dict[str, str] = {}
        for key, value in table.items():
            if isinstance(value, dict) and list(value) == ["field"]:
                of_fields[key] = self._checked(str(value["field"]), key)
            else:
                constants[key] = value
        return constants, of_fields

    def _every(self) -> int:
        """Read how many messages there are for one that is stored."""
        every = self._table.get("every", 1)
        if not isinstance(every, int) or isinstance(every, bool) or every < 1:
            raise self._error("every", f"every is {every!r}. Expected a number of 1 or more.")
        return every

    def _split_by(self) -> tuple[str, ...]:
        """Read the columns that part rows."""
        value = self._table.get("split_by", [])
        columns = [value] if isinstance(value, str) else value
        if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
            raise self._error("split_by", f"split_by is {value!r}. Expected names of columns.")
        return tuple(columns)

    def _rest(self) -> bool:
        """Read what becomes of columns that no rule uses."""
        rest = self._text("rest", "keep")
        if rest not in ("keep", "drop"):
            raise self._error("rest", f"rest is {rest!r}. Expected 'keep' or 'drop'.")
        return rest == "keep"

    def _text(self, key: str, otherwise: str = "") -> str:
        """Read a text."""
        value = self._table.get(key, otherwise)
        if not isinstance(value, str):
            raise self._error(key, f"{key} is {value!r}. Expected a text.")
        return value

    def _expression(self, key: str) -> str:
        """Read an expression."""
        text = self._text(key)
        return self._checked(text, key) if text else ""

    def _checked(self, text: str, key: str) -> str:
        """Refuse an expression that cannot be read."""
        try:
            parse(text)
        except ExpressionError as error:
            raise self._error(key, str(error)) from error
        return text

    def _parsed(self, key: str, read: Callable[[str], int]) -> int | None:
        """Read a duration or an instant."""
        if key not in self._table:
            return None
        try:
            return read(str(self._table[key]))
        except UsageError as error:
            raise self._error(key, str(error)) from error

    def _place(self, key: str) -> str:
        """Return where *key* stands, or the rule itself."""
        first = min(self._lines, default=0)
        found = (number for number, line in self._lines.items() if key and key in line)
        return f"{self._file}, line {next(found, first)}"

    def _error(self, key: str, what: str) -> UsageError:
        """Make the error about *key*."""
        return UsageError(f"{self._place(key)}: {what}")


def _paths(fields: Mapping[str, object]) -> Iterator[tuple[list[str], object]]:
    """Yield the path of every field that something is said of."""
    for name, wanted in fields.items():
        if isinstance(wanted, dict):
            for path, inner in _paths(wanted):
                yield [*name.split("."), *path], inner
        else:
            yield name.split("."), wanted


def _texts(wanted: object) -> Iterator[str]:
    """Yield every expression in fields."""
    if isinstance(wanted, str):
        yield wanted
    elif isinstance(wanted, dict | list):
        for inner in wanted.values() if isinstance(wanted, dict) else wanted:
            yield from _texts(inner)


def _blocks(text: str, count: int) -> Iterator[Mapping[int, str]]:
    """Yield the lines of each `[[map]]`, by number from 1; without any where they cannot be told apart."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _BEGIN.match(line)]
    if len(starts) != count:
        starts, lines = [0] * count, []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield {number + 1: lines[number] for number in range(start, end)}
