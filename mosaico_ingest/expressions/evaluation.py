"""
Expressions on the columns that there are: checked before a run, then applied to batch after batch by Arrow.

Must not know: files, topics. Next: `mosaico_ingest.pipeline.codec`.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import ExpressionError
from mosaico_ingest.expressions.functions import CONSTANTS, FUNCTIONS, UNITS, convert_unit
from mosaico_ingest.expressions.syntax import Call, Index, Literal, Name, Node, Operation, parse

__all__ = ["Expression", "compile_expression"]

Column = Any
"""An Arrow array, or a scalar that stands for one."""

_ARITHMETIC = {
    "+": "add_checked",
    "-": "subtract_checked",
    "*": "multiply_checked",
    "**": "power",
    "neg": "negate_checked",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "and": "and_kleene",
    "or": "or_kleene",
    "not": "invert",
    "is null": "is_null",
    "is not null": "is_valid",
}


@attrs.frozen(eq=False)
class Expression:
    """
    An expression that fits certain columns.

    Args:
        text: As it was written.
        type: What it gives.
        paths: The columns, and members of columns, whose whole value goes into it.

    Thread: any, several at once.
    """

    text: str
    type: pa.DataType
    paths: frozenset[tuple[str, ...]]
    _apply: Callable[[pa.RecordBatch], Column] = attrs.field(repr=False)

    def __call__(self, data: pa.RecordBatch) -> pa.Array:
        """
        Evaluate every row.

        Raises:
            ExpressionError: A value cannot be worked with, such as an integer that overflows.
        """
        values = self._apply(data)
        if isinstance(values, pa.Scalar):
            return pa.repeat(values, data.num_rows)
        return values


def compile_expression(text: str, columns: pa.Schema) -> Expression:
    """
    Prepare *text* for batches of *columns*.

    Raises:
        ExpressionError: It cannot be read, names something unknown, or its types do not go together.

    Example:
        >>> batch = pa.record_batch({"a": [1, None, 3]})
        >>> compile_expression("a * 2 > 2", batch.schema)(batch).to_pylist()
        [False, None, True]
    """
    compiler = _Compiler(text, columns)
    apply = compiler.compile(parse(text))
    nothing = pa.RecordBatch.from_arrays([pa.array([], f.type) for f in columns], schema=columns)
    return Expression(text, apply(nothing).type, frozenset(compiler.paths), apply)


class _Compiler:
    """Turns the tree of one expression into a function of batches."""

    def __init__(self, text: str, columns: pa.Schema) -> None:
        self._text = text
        self._columns = columns
        self.paths: set[tuple[str, ...]] = set()

    def compile(self, node: Node) -> Callable[[pa.RecordBatch], Column]:
        """Return the function of *node*."""
        if isinstance(node, Literal):
            scalar = pa.scalar(node.value)
            return lambda _: scalar
        if isinstance(node, Name):
            return self._name(node)
        if isinstance(node, Index):
            return self._index(node)
        if isinstance(node, Call):
            return self._call(node)
        assert isinstance(node, Operation)
        return self._operation(node)

    def _name(self, node: Name) -> Callable[[pa.RecordBatch], Column]:
        """Take a column, or a member of one; a column's name may contain the dots itself."""
        names = self._columns.names
        for length in range(len(node.parts), 0, -1):
            column = ".".join(node.parts[:length])
            if names.count(column) == 1:
                return self._member(node, column, node.parts[length:])
        if len(node.parts) == 1 and node.parts[0] in CONSTANTS:
            constant = pa.scalar(CONSTANTS[node.parts[0]])
            return lambda _: constant
        raise self._error(node, f"there is no column {'.'.join(node.parts)!r}{self._near(node)}")

    def _member(
        self, node: Name, column: str, parts: Sequence[str]
    ) -> Callable[[pa.RecordBatch], Column]:
        """Take a member of a column."""
        kind = self._columns.field(column).type
        for part in parts:
            if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
                raise self._error(node, f"{column!r} has no member {part!r}{self._near(node)}")
            kind = kind.field(kind.get_field_index(part)).type
        self.paths.add((column, *parts))
        path = list(parts)
        if path:
            return lambda data: pc.struct_field(data.column(column), path)
        return lambda data: data.column(column)

    def _index(self, node: Index) -> Callable[[pa.RecordBatch], Column]:
        """Take an element; null where a list is shorter."""
        whole = set(self.paths)
        value, index = self.compile(node.value), node.index
        self.paths = whole  # of a list, an element is not the whole

        def apply(data: pa.RecordBatch) -> Column:
            lists = value(data)
            kind = lists.type
            if pa.types.is_fixed_size_list(kind):
                if index >= kind.list_size:
                    raise self._error(node, f"the list has {kind.list_size} elements")
                return pc.list_element(lists, index)
            if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
                raise self._error(node, f"{kind} is no list")
            # A slice of fixed size has a null where the list is too short.
            one = pc.list_slice(lists, index, index + 1, return_fixed_size_list=True)
            return pc.list_element(one, 0)

        return apply

    def _call(self, node: Call) -> Callable[[pa.RecordBatch], Column]:
        """Apply a function."""
        if node.name == "si":
            return self._unit(node)
        if node.name not in FUNCTIONS:
            near = difflib.get_close_matches(node.name, FUNCTIONS, 2)
            known = near or [*FUNCTIONS, "si"]
            raise self._error(
                node, f"there is no function {node.name!r}; known: {', '.join(known)}"
            )
        function = FUNCTIONS[node.name]
        least, most = function.arity
        if len(node.arguments) < least or (most is not None and len(node.arguments) > most):
            wanted = str(least) if least == most else f"at least {least}"
            raise self._error(
                node, f"{node.name} takes {wanted} arguments, not {len(node.arguments)}"
            )
        return self._applied(node, function.apply, [self.compile(a) for a in node.arguments])

    def _unit(self, node: Call) -> Callable[[pa.RecordBatch], Column]:
        """Convert from a unit that is named by a text."""
        unit = node.arguments[1] if len(node.arguments) == 2 else None
        if not isinstance(unit, Literal) or not isinstance(unit.value, str):
            raise self._error(
                node, "si takes a value and the name of its unit, as in si(speed, 'km/h')"
            )
        name = unit.value
        if name not in UNITS:
            near = difflib.get_close_matches(name, UNITS, 3) or list(UNITS)
            raise self._error(unit, f"there is no unit {name!r}; known: {', '.join(near)}")
        value = self.compile(node.arguments[0])
        return self._applied(node, lambda values: convert_unit(values, name), [value])

    def _operation(self, node: Operation) -> Callable[[pa.RecordBatch], Column]:
        """Apply an operator."""
        operands = [self.compile(operand) for operand in node.operands]
        if node.sign == "in":
            choices = pa.array([c.value for c in node.operands[1:] if isinstance(c, Literal)])
            return self._applied(node, lambda values: _is_in(values, choices), operands[:1])
        if node.sign == "/":
            return self._applied(node, _divide, operands)
        name = _ARITHMETIC[node.sign]
        return self._applied(node, lambda *values: pc.call_function(name, list(values)), operands)

    def _applied(
        self,
        node: Node,
        function: Callable[..., Column],
        operands: Sequence[Callable[[pa.RecordBatch], Column]],
    ) -> Callable[[pa.RecordBatch], Column]:
        """Apply *function* to what the operands give, with errors that say where."""

        def apply(data: pa.RecordBatch) -> Column:
            values = [operand(data) for operand in operands]
            try:
                return function(*values)
            except (pa.ArrowException, TypeError) as error:
                kinds = ", ".join(str(value.type) for value in values)
                told = str(error).partition("\n")[0].rstrip(".")
                if isinstance(error, pa.ArrowNotImplementedError | TypeError):
                    told = "this cannot be done"
                raise self._error(node, f"{told} with {kinds}") from error

        return apply

    def _near(self, node: Name) -> str:
        """Name the columns that are spelt alike."""
        known = list(_paths("", pa.struct(self._columns)))
        near = difflib.get_close_matches(".".join(node.parts), known, 3, 0.5)
        return f"; near are {', '.join(near)}" if near else f"; there are {', '.join(known[:20])}"

    def _error(self, node: Node, what: str) -> ExpressionError:
        return ExpressionError(self._text, node.at, what)


def _paths(before: str, kind: pa.StructType) -> Iterator[str]:
    """Yield the dotted names of all fields."""
    for field in kind:
        yield f"{before}{field.name}"
        if pa.types.is_struct(field.type):
            yield from _paths(f"{before}{field.name}.", field.type)


def _divide(left: Column, right: Column) -> Column:
    """Divide as people do: never as integers, and by zero as IEEE 754 says."""
    return pc.divide(
        pc.cast(left, pa.float64(), safe=False), pc.cast(right, pa.float64(), safe=False)
    )


def _is_in(values: Column, choices: pa.Array) -> Column:
    """Say whether each value is one of *choices*; null for null."""
    if isinstance(values, pa.Scalar):
        values = pa.array([values.as_py()], values.type)
        return _is_in(values, choices)[0]
    found = pc.is_in(values, pc.cast(choices, values.type, safe=False))
    return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))
