import enum
from pathlib import Path
from typing import Literal

import attrs
import click
import pytest

from mosaico_ingest.cli.pluginflags import plugin_flags
from mosaico_ingest.hooks.discovery import Candidate
from mosaico_ingest.hooks.registry import Registered, Registry


class Mode(enum.StrEnum):
    """Two ways."""

    Fast = "fast"
    Exact = "exact"


@attrs.frozen
class Options:
    """Every kind of field."""

    mode: Mode = attrs.field(default=Mode.Fast, metadata={"help": "How."})
    level: Literal["low", "high"] = "low"
    rows: int = 3
    ratio: float | None = None
    folder: Path | None = None
    columns: tuple[str, ...] = ()
    is_wide: bool = False
    table: dict[str, int] = attrs.field(factory=dict)
    name: str = ""


class Thing:
    """A contribution with options."""

    name = "thing"
    options = Options


@pytest.fixture
def flags():
    """The flags of one contribution, in a command that has a --name already."""
    registry = Registry(
        mappers={"thing": Registered(Thing(), Candidate(name="t", distribution="d", version="1"))}
    )
    return plugin_flags(registry, [click.Option(["--name"])])


def parse(flags, *args):
    """Return what the flags keep of a command line."""
    context = click.Command("x", params=list(flags)).make_context("x", list(args))
    return {flag.field: context.meta[flag.meta_key] for flag in flags}


def test_each_field_with_a_plain_type_is_a_flag(flags):
    """Choices, numbers, paths, lists and booleans are flags; a table is for the config file only."""
    assert [
        "--mode",
        "--level",
        "--rows",
        "--ratio",
        "--folder",
        "--columns",
        "--is-wide",
        "--thing-name",
    ] == [flag.opts[0] for flag in flags]


def test_values_have_the_types_of_the_fields(flags):
    """What is typed arrives as the field's type."""
    values = parse(
        flags,
        *("--mode", "exact", "--level", "high", "--rows", "5", "--ratio", "0.5"),
        *("--folder", "x", "--columns", "a", "--columns", "b", "--is-wide", "--thing-name", "n"),
    )

    assert {
        "mode": "exact",
        "level": "high",
        "rows": 5,
        "ratio": 0.5,
        "folder": Path("x"),
        "columns": ("a", "b"),
        "is_wide": True,
        "name": "n",
    } == values


def test_word_that_is_no_choice_is_refused(flags):
    """A choice takes its words only."""
    with pytest.raises(click.BadParameter, match="fast"):
        parse(flags, "--mode", "slow")


def test_help_names_the_owner(flags):
    """The help says what the field says, whose it is, and its default."""
    record = flags[0].get_help_record(click.Context(click.Command("x")))

    assert ("--mode [fast|exact]", "How. (thing)  [default: fast]") == record


def test_a_field_that_two_mean_alike_is_one_flag_for_both():
    """Same name, type and default: one flag sets it for both; another default makes a flag of its own."""

    @attrs.frozen
    class Other:
        rows: int = 3
        level: Literal["low", "high"] = "high"

    class Second:
        name = "second"
        options = Other

    origin = Candidate(name="t", distribution="d", version="1")
    registry = Registry(
        mappers={
            "second": Registered(Second(), origin),
            "thing": Registered(Thing(), origin),
        }
    )

    flags = plugin_flags(registry, [])

    owners = {flag.opts[0]: flag.owners for flag in flags}
    assert ("second", "thing") == owners["--rows"]
    assert ("second",) == owners["--level"]
    assert ("thing",) == owners["--thing-level"]
