from pathlib import Path

import click
import pytest

from mosaico_ingest.cli.options import settings_of
from mosaico_ingest.cli.run import run_command
from mosaico_ingest.cli.sequences import info_command
from mosaico_ingest.cli.target import Target, chosen_target
from mosaico_ingest.enum import SessionLevelErrorPolicy, TimePolicy, TopicLevelErrorPolicy
from mosaico_ingest.errors import UsageError
from mosaico_ingest.model.settings import Settings


def parsed(*args):
    """Parse a command line of `run`."""
    return run_command.make_context("run", ["x.mcap", *args])


def write(text):
    """Write the config file of the current folder."""
    Path("mosaico-ingest.toml").write_text(text)


def test_no_flag_gives_the_defaults_of_the_library():
    """The command line and the library agree on what nobody chose."""
    assert Settings() == settings_of(parsed())


def test_every_flag_arrives():
    """Each flag sets its setting, one of plugins for all that mean the same by it."""
    settings = settings_of(
        parsed(
            *("--name", "{date}", "--topics", "/a/*", "--topics", "!/a/b", "--map", "/imu=imu"),
            *("--metadata", "site=north", "--metadata", "run:=7", "--on-error", "delete"),
            *("--topic-on-error", "raise", "--time", "log", "--strict", "--lanes", "3"),
            *("--encoders", "2", "--budget", "1GiB", "--again", "--skip-unmapped"),
            *("--source", "mcap", "--tf", "message"),
        )
    )

    assert (
        Settings(
            name="{date}",
            topics=("/a/*", "!/a/b"),
            map={"/imu": "imu"},
            metadata={"site": "north", "run": 7},
            on_error=SessionLevelErrorPolicy.Delete,
            topic_on_error=TopicLevelErrorPolicy.Raise,
            time=TimePolicy.Log,
            strict=True,
            lanes=3,
            encoders=2,
            budget_bytes=1 << 30,
            again=True,
            skip_unmapped=True,
            source="mcap",
            options={name: {"tf": "message"} for name in ("foxglove", "ros")},
        )
        == settings
    )


def test_file_sets_what_flags_do_not():
    """The config file's values count where no flag is given, and a flag replaces them."""
    write(
        '[run]\nlanes = 5\nencoders = 7\ntopics = ["/a", "!/b"]\nstrict = true\nbudget = "1MB"\n'
        'metadata = { site = "north", run = 7 }\nmap = { "/imu" = "imu" }\n'
        '[plugins.ros]\ntf = "message"\n'
    )
    settings = settings_of(parsed("--encoders", "2"))

    assert (
        Settings(
            lanes=5,
            encoders=2,
            topics=("/a", "!/b"),
            strict=True,
            budget_bytes=1_000_000,
            metadata={"site": "north", "run": 7},
            map={"/imu": "imu"},
            options={"ros": {"tf": "message"}},
        )
        == settings
    )


def test_flag_of_a_plugin_wins_over_the_file():
    """A plugin's option given as a flag replaces that of the file."""
    write('[plugins.ros]\ntf = "message"\n')

    options = settings_of(parsed("--tf", "rows")).options

    assert {"tf": "rows"} == options["ros"]


def test_single_text_is_a_list_of_one():
    """A text where a list is expected is one value, not its letters."""
    write('[run]\ntopics = "/imu"\n')

    assert ("/imu",) == settings_of(parsed()).topics


def test_list_where_one_value_is_expected_is_refused():
    """A list for a setting of one value is an error that names the setting."""
    write('[run]\nname = ["a"]\n')

    with pytest.raises(UsageError, match=r"'name' of .run. .*Expected one value"):
        parsed()


def test_wrong_kind_in_the_file_is_refused():
    """A value that the flag would not take is not taken from the file either."""
    write('[run]\nlanes = "two"\n')

    with pytest.raises(click.UsageError, match="two"):
        parsed()


def test_metadata_of_the_file_must_be_json():
    """A value that the platform cannot hold, such as TOML's dates, is refused before anything is sent."""
    write("[run]\nmetadata = { day = 2025-01-01 }\n")

    with pytest.raises(click.BadParameter, match="Put it in quotes"):
        parsed()


def test_file_fills_no_argument():
    """A setting of the file is for flags: it does not stand for a name that was forgotten."""
    write('[run]\nname = "x_{name}"\n')

    with pytest.raises(click.MissingParameter):
        info_command.make_context("info", [])


def test_table_of_an_unknown_plugin_is_refused():
    """Options for a name that no plugin has are an error with the nearest name."""
    write('[plugins.rso]\ntf = "message"\n')

    with pytest.raises(UsageError, match="Did you mean 'ros'"):
        settings_of(parsed())


def test_table_of_a_disabled_plugin_does_no_harm():
    """Options of a plugin that is not loaded may stay in the file."""
    write('[plugins]\ndisable = ["ros"]\n[plugins.ros]\ntf = "message"\n')

    assert {} == settings_of(parsed()).options


@pytest.mark.parametrize(
    ("args", "env", "file", "expected"),
    [
        ((), None, "", Target(store=Path("mosaico-store"))),
        (("--store", "a"), None, "", Target(store=Path("a"))),
        (("--server", "grpc://a"), None, "", Target(server="grpc://a")),
        ((), "grpc://b", "", Target(server="grpc://b")),
        (("--server", "grpc://a"), "grpc://b", "", Target(server="grpc://a")),
        (("--store", "a"), "grpc://b", "", Target(store=Path("a"))),
        ((), "grpc://b", '[run]\nstore = "c"', Target(server="grpc://b")),
        ((), None, '[run]\nserver = "grpc://c"', Target(server="grpc://c")),
        (("--store", "a"), None, '[run]\nserver = "grpc://c"', Target(store=Path("a"))),
    ],
)
def test_nearest_target_wins(args, env, file, expected, monkeypatch):
    """A flag wins over the environment, and that over the file, also between server and store."""
    if env:
        monkeypatch.setenv("MOSAICO_DAEMON_URL", env)
    write(file)

    assert expected == chosen_target(parsed(*args))


def test_two_targets_at_once_are_refused():
    """A server and a store in one breath are a contradiction."""
    with pytest.raises(UsageError, match="Name one of them"):
        chosen_target(parsed("--server", "grpc://a", "--store", "b"))
