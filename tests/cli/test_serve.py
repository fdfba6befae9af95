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
