import json


def test_all_is_well(demo_store, cli):
    """With a good store everything is well, in a table and with code 0."""
    code, out, err = cli("doctor", "--store", demo_store)

    assert (0, "") == (code, err)
    assert out.endswith("All is well.\n")
    assert "generation 0.5 is known" in out
    assert "plugin mcap" in out


def test_json_of_a_failure(cli):
    """A server that is not there is told in JSON, with code 1; the plugins are looked at all the same."""
    code, out, err = cli("doctor", "--server", "grpc://127.0.0.1:1", "--json")
    told = json.loads(out)

    assert (1, "", False) == (code, err, told["ok"])
    assert ["server"] == [check["name"] for check in told["checks"] if not check["ok"]]
    assert "plugin mcap" in {check["name"] for check in told["checks"]}


def test_table_of_a_failure(tmp_path, cli):
    """A store that cannot be used is a row that says FAILED, and a sum."""
    (tmp_path / "file").touch()
    code, out, _ = cli("doctor", "--store", tmp_path / "file", "-p", "mcap")

    assert 1 == code
    assert "FAILED" in out
    assert "\n1 of " in out
    assert out.endswith(" checks failed.\n")
