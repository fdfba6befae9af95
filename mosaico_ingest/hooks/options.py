"""
Options of source formats and mappers: attrs classes that become flags and config keys.

Must not know: where the values were written. Next: `host`.
"""

import difflib
from collections.abc import Mapping

import attrs
import cattrs

from mosaico_ingest.errors import UsageError

__all__ = ["make_options"]


def make_options(kind: type | None, values: object, owner: str) -> object:
    """
    Make the options object of one contribution.

    Args:
        kind: Its attrs class, None if it has no options.
        values: An instance, a mapping of field names to values, or None for the defaults.
        owner: Name of the contribution, for messages.

    Raises:
        UsageError: A name that is no option, or a value of the wrong kind.
    """
    if kind is None:
        if isinstance(values, Mapping) and values:
            msg = f"{owner!r} has no options, got {sorted(values)}. Remove them."
            raise UsageError(msg)
        return None
    if isinstance(values, kind):
        return values
    if values is not None and not isinstance(values, Mapping):
        msg = f"Options of {owner!r} are {values!r}. Expected a table of names and values."
        raise UsageError(msg)
    table = dict(values or {})
    known = [field.name for field in attrs.fields(kind)]
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known)}."
            msg = f"{owner!r} has no option {name!r}. {hint}"
            raise UsageError(msg)
    try:
        return cattrs.structure(table, kind)
    except Exception as error:
        causes = cattrs.transform_error(error, path=owner)
        msg = f"Options of {owner!r} are wrong: {'; '.join(causes)}. Correct them."
        raise UsageError(msg) from error
