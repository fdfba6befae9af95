import json

import click
import pytest

from mosaico_ingest.cli.keys import keys_command
from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.protocol.apikeys import ApiKey
from mosaico_ingest.run import serve
from mosaico_ingest.server.security import Security


@pytest.mark.parametrize("name", ["create", "list", "revoke"])
def test_every_command_explains_itself(name, cli):
    """Each command's help has an example and a sentence for every flag."""
    code, out, _ = cli("keys", name, "--help")
    command = keys_command.commands[name]
    flags = [p for p in command.params if isinstance(p, click.Option)]

    assert 0 == code
    assert f"\n    mosaico-ingest keys {name}" in out
    assert [] == [flag.name for flag in flags if not (flag.help or "").endswith((".", "]"))]


def test_life_of_a_key(cli, empty_folder):
    """A key is made in a store that is new, shows in the list without its secret, and is revoked."""
    code, out, err = cli("keys", "create", "manage", "--description", "mine")
    key = ApiKey.parse(out.strip())
    listed = cli("keys", "list")[1]
    revoked = cli("keys", "revoke", key.fingerprint)
    empty = cli("keys", "list")

    assert (0, True) == (code, (empty_folder / "mosaico-store").is_dir())
    assert f"only its fingerprint, {key.fingerprint}, can be shown again" in err
    assert [key.fingerprint, "manage", "never", "mine"] == [
        word for word in listed.split() if word in (key.fingerprint, "manage", "never", "mine")
    ]
    assert key.payload not in listed + err
    assert (0, f"Revoked {key.fingerprint}.\n", "") == revoked
    assert (0, "There are no API keys.\n", "") == empty


def test_json(cli):
    """With --json the key, and the list, are one object each."""
    made = json.loads(cli("keys", "create", "read", "--days", "1", "--json")[1])
    (listed,) = json.loads(cli("keys", "list", "--json")[1])["keys"]

    assert ApiKey.parse(made["api_key"]).fingerprint == made["fingerprint"] == listed["fingerprint"]
    assert 86_400_000_000_000 == pytest.approx(made["expires_ns"] - listed["created_ns"], abs=60e9)
    assert ("read", "", False) == (listed["permission"], listed["description"], listed["expired"])


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["create", "all"], 2, "'all' is not one of 'read', 'write', 'delete', 'manage'"),
        (["create", "read", "--days", "0"], 2, "0 is not in the range"),
        (["list", "--store", "none"], 1, "There is no store at 'none'"),
        (["revoke", "00000000"], 2, "There is no API key 00000000"),
        (["revoke", "msco_x_y"], 1, "named by its fingerprint, eight digits of 0-9 and a-f."),
        (["create", "read", "--store", "file/x"], 1, "Cannot make the store 'file/x'"),
    ],
)
def test_refusals_are_one_line(args, code, message, cli, empty_folder):
    """What cannot be done is one line that says why."""
    (empty_folder / "file").touch()
    cli("keys", "create", "manage")
    got, out, err = cli("keys", *args)

    assert (code, "", 1) == (got, out, err.count("\n"))
    assert message in err


def test_keys_of_a_server(cli, tmp_path, monkeypatch):
    """The keys of a running server are managed over the wire, with a key that may; its store is held."""
    token = cli("keys", "create", "manage", "--store", tmp_path / "store")[1].strip()
    with serve(tmp_path / "store", security=Security(require_api_key=True)) as server:
        refused = cli("keys", "list", "--server", server.url)
        held = cli("keys", "list", "--store", tmp_path / "store")
        monkeypatch.setenv("MOSAICO_API_KEY", token)
        made = cli("keys", "create", "read", "--server", server.url)[1].strip()
        with MosaicoClient.connect(server.url, api_key=made) as client:
            names = client.list_sequences()
        monkeypatch.setenv("MOSAICO_API_KEY", made)
        weak = cli("keys", "list", "--server", server.url)

    assert [] == names
    assert (1, True) == (refused[0], "Missing API key" in refused[2])
    assert (1, True) == (weak[0], "not enough permissions" in weak[2])
    assert (1, True) == (held[0], "held by another server" in held[2])
