"""
What flags may hold besides numbers and texts: sizes, instants and pairs.

Must not know: which flags there are.
"""

import json
from pathlib import Path
from typing import Any

import click

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.errors import UsageError
from mosaico_ingest.server.addresses import is_bucket
from mosaico_ingest.units import parse_bytes, parse_time_ns

__all__ = ["BYTES", "CLOCK", "INSTANT", "METADATA", "STORE", "TOPIC_MAP"]


class _Bytes(click.ParamType):  # type: ignore[type-arg] # generic from click 8.5 on
    """A size such as `256MiB`, or a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the size."""
        if isinstance(value, int):
            return value
        try:
            return parse_bytes(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


class _Instant(click.ParamType):  # type: ignore[type-arg] # generic from click 8.5 on
    """An instant such as `2026-01-02T10:00:00Z`, or nanoseconds since the Unix epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the instant."""
        if isinstance(value, int):
            return value
        try:
            return parse_time_ns(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


class _Store(click.ParamType):  # type: ignore[type-arg] # generic from click 8.5 on
    """A folder, or the address of a bucket."""

    name = "store"

    def convert(self, value: Any, *_: object) -> str | Path:
        """Tell the two apart."""
        return str(value) if is_bucket(value) else Path(value)


class _Pair(click.ParamType):  # type: ignore[type-arg] # generic from click 8.5 on
    """
    A name and a value, `NAME=VALUE`; as a pair already where a config file gives it.

    Args:
        form: How the help shows it.
        is_json: Whether `NAME:=VALUE` gives a JSON value.
    """

    def __init__(self, form: str, *, is_json: bool) -> None:
        self.name = form
        self._is_json = is_json

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Read the pair."""
        if isinstance(value, tuple):
            return value[0], self._checked(value[1], param, ctx)
        name, equals, text = str(value).partition("=")
        if self._is_json and name.endswith(":"):
            return name[:-1], self._json(name[:-1], text, param, ctx)
        if not equals or not name:
            self.fail(f"{value!r} is no pair. Expected {self.name}.", param, ctx)
        return name, text

    def _checked(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what a config file can say and JSON cannot, such as a date."""
        try:
            json.dumps(value)
        except TypeError:
            self.fail(f"{value!r} has no form in JSON. Put it in quotes.", param, ctx)
        return value

    def _json(
        self, name: str, text: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Read a JSON value."""
        try:
            return json.loads(text)
        except ValueError:
            self.fail(f"{text!r} is no JSON. For a plain text, write {name}={text}.", param, ctx)


class _Clock(click.ParamType):  # type: ignore[type-arg] # generic from click 8.5 on
    """A clock: a policy's name, for all channels, or `GLOB=CLOCK` for some."""

    name = "clock"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Read a pair of glob and clock; the glob is empty for all channels."""
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        pattern, equals, clock = str(value).rpartition("=")
        words = [policy.value for policy in TimePolicy]
        if not clock or (clock not in words and not (equals and pattern)):
            self.fail(
                f"{value!r} is no clock. Expected one of {', '.join(words)}, or TOPIC=CLOCK, "
                "where CLOCK may also be FIELD or FIELD:UNIT.",
                param,
                ctx,
            )
        return pattern, clock


BYTES = _Bytes()
STORE = _Store()
CLOCK = _Clock()
INSTANT = _Instant()
METADATA = _Pair("KEY=VALUE", is_json=True)
TOPIC_MAP = _Pair("TOPIC=NAME", is_json=False)
