from pathlib import Path

import pytest

from mosaico_ingest.cli.config import Config, load_config
from mosaico_ingest.errors import UsageError

KEYS = {"store", "topics", "on_error", "metadata"}


def write(text, name="mosaico-ingest.toml"):
    """Write a config file into the current folder."""
    Path(name).write_text(text)
    return Path(name)


def test_no_file_is_no_settings():
    """Without a config file nothing is set."""
    assert Config() == load_config(None, KEYS)


def test_file_of_the_folder_is_found():
    """The current folder's file gives settings, the choice of plugins and their options."""
    write(
        '[run]\non-error = "delete"\ntopics = ["/a"]\n'
        '[plugins]\ndisable = ["rosbag"]\n[plugins.ros]\ntf = "message"\n'
    )
    config = load_config(None, KEYS)

    assert {"on_error": "delete", "topics": ["/a"]} == config.run
    assert {"disable": ["rosbag"]} == config.selection
    assert {"ros": {"tf": "message"}} == config.options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nstor = 1", "Unknown key 'stor' of .run. .*Did you mean 'store'"),
        ("[run]\nonerror = 1", "Did you mean 'on-error'"),
        ("[rum]\n", "Unknown section .rum. .*Did you mean 'run'"),
        ("[run]\nzzzzzz = 1", "Known: metadata, on-error, store, topics"),
        ("[plugins]\ndisabled = true", "Unknown key 'disabled' .*Did you mean 'disable'"),
        ("run = 3", "Expected a table"),
        ("[run", "no valid TOML"),
    ],
)
def test_mistakes_are_named(text, message):
    """A key that nothing understands is refused with the nearest that is understood."""
    with pytest.raises(UsageError, match=message):
        load_config(write(text), KEYS)


def test_named_file_must_exist():
    """A file that is asked for and missing is an error, not an empty one."""
    with pytest.raises(UsageError, match="does not exist"):
        load_config(Path("other.toml"), KEYS)


def test_bytes_that_are_no_text_are_refused():
    """A file in another encoding is an error of one line."""
    Path("mosaico-ingest.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="no valid TOML"):
        load_config(None, KEYS)
