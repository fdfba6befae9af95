"""
The mapper of one rule that says what each field is made of.

Must not know: TOML. Next: `mosaico_ingest.expressions.evaluation`.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import DecodeError, ExpressionError, PlanError
from mosaico_ingest.expressions.evaluation import compile_expression
from mosaico_ingest.hooks.contracts import MapRequest, MapRows
from mosaico_ingest.model.absent import fill_absent
from mosaico_ingest.model.batch import Times
from mosaico_ingest.model.clock import Clock
from mosaico_ingest.model.envelope import envelope, is_header
from mosaico_ingest.model.ontology import ENVELOPE, Ontology
from mosaico_ingest.model.plan import Claim, Fit
from mosaico_ingest.model.recording import Channel
from mosaico_ingest.model.rule import Rule

__all__ = ["FieldsMapper", "Wanted"]

Wanted = Mapping[str, object]
"""Fields to expressions: `{"acceleration": {"x": "ax * 9.80665"}, "covariance": ["c0", "c1"]}`."""

_FREE = ("frame_id", "sequence_id")  # of the envelope
Build = Callable[[pa.RecordBatch], pa.Array]


@attrs.define(kw_only=True, eq=False)
class FieldsMapper:
    """
    Makes the rows of one rule.

    Args:
        name: What `plan` calls it.
        rule: The rule.
        tag: The ontology type that it makes.
        fields: What its fields are made of.
        find: Returns the type called *tag*, None if nothing brings it.
    """

    name: str
    rule: Rule
    tag: str
    fields: Wanted
    find: Callable[[str], Ontology | None]
    options: type | None = None
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:  # noqa: ARG002
        """
        Claim the channels that the rule speaks of.

        Raises:
            PlanError: A field or an expression does not fit; the message says where it stands.
        """
        if not self.rule.matches(channel):
            return None
        ontology = self.find(self.tag)
        if ontology is None:
            msg = f"{self.rule.origin}: no type of the ontology is called {self.tag!r}."
            raise PlanError(msg)
        plan = self._plan(columns, ontology)
        clock = Clock.parse(self.rule.clock).field if self.rule.clock else ""
        plan.taken.add((clock,))
        plan.taken.add(tuple(clock.split(".")))
        return Claim(
            tag=self.tag,
            fit=Fit.EXACT,
            reason=self.rule.origin,
            uses=frozenset(
                field.name
                for field in columns
                if all(_is_covered(leaf, plan.taken) for leaf in _leaves(field))
            ),
        )

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare one topic."""
        plan = self._plan(request.columns, request.ontology)
        schema, time = request.ontology.schema, request.time
        header = _header_of(request.columns)

        def map_rows(data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
            stamped = data.column(header) if header else None
            columns = dict(zip(ENVELOPE.names, envelope(times, time, stamped), strict=True))
            columns |= {name: build(data) for name, build in plan.builders.items()}
            for field in schema:
                if not field.nullable and columns[field.name].null_count:
                    msg = (
                        f"{columns[field.name].null_count} rows have no {field.name!r}, which {self.tag!r} "
                        f"requires. Add a `where` to {self.rule.origin}."
                    )
                    raise DecodeError(msg)
            filled = [fill_absent(columns[field.name], field.type) for field in schema]
            return pa.RecordBatch.from_arrays(filled, schema=schema)

        return map_rows

    def _plan(self, columns: pa.Schema, ontology: Ontology) -> "_Plan":
        """
        Prepare every field.

        Raises:
            PlanError: Something does not fit.
        """
        plan = _Plan(columns=columns, origin=self.rule.origin)
        free = [ENVELOPE.field(name) for name in _FREE]
        known = {field.name: field for field in (*free, *ontology.fields)}
        for name in self.fields:
            if name not in known:
                near = difflib.get_close_matches(name, known, 3) or sorted(known)
                msg = f"{self.rule.origin}: {self.tag!r} has no field {name!r}; known: {', '.join(near)}."
                raise PlanError(msg)
        for field in known.values():
            if field.name in self.fields:
                plan.builders[field.name] = plan.build(field, self.fields[field.name], field.name)
            elif field.name not in _FREE:
                plan.builders[field.name] = plan.absent(field, field.name)
        return plan


@attrs.frozen(kw_only=True, eq=False)
class _Plan:
    """
    What a rule does with certain columns.

    Args:
        builders: What makes each field.
        taken: Columns, and members of them, that go into a field.
    """

    columns: pa.Schema
    origin: str
    builders: dict[str, Build] = attrs.field(factory=dict)
    taken: set[tuple[str, ...]] = attrs.field(factory=set)

    def build(self, field: pa.Field, wanted: object, path: str) -> Build:
        """Prepare a field from what is wanted for it."""
        if isinstance(wanted, dict):
            return self._struct(field, wanted, path)
        if isinstance(wanted, list):
            return self._list(field, wanted, path)
        if isinstance(wanted, bool | int | float):
            wanted = str(wanted).lower() if isinstance(wanted, bool) else repr(wanted)
        if not isinstance(wanted, str):
            msg = f"{self.origin}: {path} is {wanted!r}. Expected an expression, a list or a table."
            raise PlanError(msg)
        return self._expression(field.type, wanted, path)

    def absent(self, field: pa.Field, path: str) -> Build:
        """Prepare a field that nothing is said of."""
        if not field.nullable:
            msg = f"{self.origin}: {path} is required, and nothing says what it is made of."
            raise PlanError(msg)
        return lambda data: pa.nulls(data.num_rows, field.type)

    def _expression(self, kind: pa.DataType, text: str, path: str) -> Build:
        """Prepare a value from an expression."""
        try:
            expression = compile_expression(text, self.columns)
        except ExpressionError as error:
            msg = f"{self.origin}: {path}: {error}"
            raise PlanError(msg) from error
        if not _fits(expression.type, kind):
            msg = f"{self.origin}: {path} is {text!r}, which gives {expression.type}. Expected {kind}."
            raise PlanError(msg)
        self.taken.update(expression.paths)
        return lambda data: expression(data).cast(kind)

    def _struct(self, field: pa.Field, wanted: Mapping[str, object], path: str) -> Build:
        """Prepare a structure from its members."""
        kind = field.type
        if not pa.types.is_struct(kind):
            msg = f"{self.origin}: {path} is {kind}, which has no members."
            raise PlanError(msg)
        members = {member.name: member for member in kind}
        for name in wanted:
            if name not in members:
                near = difflib.get_close_matches(name, members, 3) or sorted(members)
                msg = f"{self.origin}: {path} has no member {name!r}; known: {', '.join(near)}."
                raise PlanError(msg)
        builders = [
            self.build(member, wanted[name], f"{path}.{name}")
            if name in wanted
            else self.absent(member, f"{path}.{name}")
            for name, member in members.items()
        ]

        def build(data: pa.RecordBatch) -> pa.Array:
            columns = [builder(data) for builder in builders]
            # A structure whose required members are null is null itself.
            missing = [
                np.asarray(column.is_null())
                for column, member in zip(columns, kind, strict=True)
                if column.null_count and not member.nullable
            ]
            mask = pa.array(np.logical_or.reduce(missing)) if missing else None
            return pa.StructArray.from_arrays(columns, fields=list(kind), mask=mask)

        return build

    def _list(self, field: pa.Field, wanted: Sequence[object], path: str) -> Build:
        """Prepare a list from an expression for each element."""
        kind = field.type
        is_fixed = pa.types.is_fixed_size_list(kind)
        if not (is_fixed or pa.types.is_list(kind)) or (is_fixed and kind.list_size != len(wanted)):
            msg = f"{self.origin}: {path} is a list of {len(wanted)}. Expected {kind}."
            raise PlanError(msg)
        builders = [
            self.build(kind.value_field, one, f"{path}[{n}]") for n, one in enumerate(wanted)
        ]

        def build(data: pa.RecordBatch) -> pa.Array:
            n, width = data.num_rows, len(builders)
            columns = pa.concat_arrays([builder(data) for builder in builders])
            order = np.arange(n * width).reshape(width, n).T.ravel()
            values = columns.take(pa.array(order))
            if is_fixed:
                return pa.FixedSizeListArray.from_arrays(values, type=kind)
            offsets = pa.array(np.arange(n + 1) * width, pa.int32())
            return pa.ListArray.from_arrays(offsets, values, type=kind)

        return build


def _header_of(columns: pa.Schema) -> str:
    """Return the column that is a header with a stamp, empty if there is none."""
    return next((f.name for f in columns if f.name == "header" and is_header(f.type)), "")


def _fits(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Say whether values can be converted without reading texts as numbers, or writing numbers as texts."""
    if pa.types.is_null(given) or given == wanted:
        return True
    if pa.types.is_primitive(given) != pa.types.is_primitive(wanted):
        return False
    try:
        pa.array([], given).cast(wanted)
    except pa.ArrowException:
        return False
    return True


def _leaves(field: pa.Field, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every value below a field."""
    path = (*before, field.name)
    if pa.types.is_struct(field.type) and field.type.num_fields:
        for member in field.type:
            yield from _leaves(member, path)
    else:
        yield path


def _is_covered(path: tuple[str, ...], taken: Collection[tuple[str, ...]]) -> bool:
    """Say whether a value is among what is taken, by itself or as part of a whole."""
    return any(path[:length] in taken for length in range(1, len(path) + 1))
