import signal

import pytest

from mosaico_ingest.client import MosaicoClient


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_until_a_signal(number, program, demo_store):
    """Serve prints the address in one line, answers there, and ends with code 0 at a signal."""
    process = program("serve", "--store", demo_store, "--port", "0")
    line = process.stdout.readline()
    url = line.split(" on ")[1].split(";")[0]
    with MosaicoClient.connect(url) as client:
        names = client.list_sequences()
    process.send_signal(number)
    out, err = process.communicate()

    assert (0, "", "", ["demo"]) == (process.returncode, out, err, names)


def test_port_that_is_taken_is_one_line(program, demo_store, tmp_path, cli):
    """A port that another server has is one line that says so."""
    process = program("serve", "--store", demo_store, "--port", "0")
    port = process.stdout.readline().split(":")[-1].split(";")[0]
    code, out, err = cli("serve", "--store", tmp_path / "other", "--port", port)

    assert (True, "", 1) == (code in (1, 2), out, err.count("\n"))
    assert port in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--host", "0.0.0.0"), "Refusing to listen on 0.0.0.0 without API keys"),
        (("--host", "0.0.0.0", "--require-api-key"), "without TLS (--tls-cert, --tls-key)"),
        (
            ("--require-api-key",),
            "has none that is good. Make one: mosaico-ingest keys create manage",
        ),
        (("--tls-cert", "c.pem"), "Give both --tls-cert and --tls-key."),
        (("--tls-cert", "c.pem", "--tls-key", "k.pem"), "Cannot read the certificate"),
    ],
)
def test_refusals_are_one_line(args, message, cli):
    """A server that is open to others, or shut to all, does not start: one line says what is missing."""
    code, out, err = cli("serve", "--store", "store", "--port", "0", *args)

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert message in err


def test_keys_and_tls(program, demo_store, certificate, cli):
    """With keys and TLS, serve prints an address that a client with the key and the certificate can use."""
    token = cli("keys", "create", "read", "--store", demo_store)[1].strip()
    files = "--tls-cert", certificate[0], "--tls-key", certificate[1]
    process = program("serve", "--store", demo_store, "--port", "0", "--require-api-key", *files)
    url = process.stdout.readline().split(" on ")[1].split(";")[0]
    with MosaicoClient.connect(url, api_key=token, tls=certificate[0]) as client:
        names = client.list_sequences()

    assert (True, ["demo"]) == (url.startswith("grpc+tls://"), names)


def test_insecure_is_a_decision(program, demo_store):
    """With --insecure a server without keys and TLS lets other machines in."""
    options = "--host", "0.0.0.0", "--insecure"
    process = program("serve", "--store", demo_store, "--port", "0", *options)
    port = int(process.stdout.readline().split(":")[-1].split(";")[0])
    with MosaicoClient.connect("127.0.0.1", port) as client:
        assert ["demo"] == client.list_sequences()


def test_rebuild(sqlite_catalog, program, demo_store, cli):
    """A store whose catalog is gone is refused with the way out, which tells what came back."""
    for path in demo_store.glob("catalog*"):
        path.unlink()
    code, out, refusal = cli("ls", "--store", demo_store)
    process = program("serve", "--store", demo_store, "--port", "0", "--rebuild")
    url = process.stdout.readline().split(" on ")[1].split(";")[0]
    with MosaicoClient.connect(url) as client:
        names = client.list_sequences()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()

    assert (1, "", 1) == (code, out, refusal.count("\n"))
    assert "mosaico-ingest serve --rebuild" in refusal
    assert (0, ["demo"]) == (process.returncode, names)
    assert err.startswith("The catalog was made anew: 1 sequence, 1 session, 5 topics, 5 chunks.")
    assert "API keys and notifications are not kept" in err
