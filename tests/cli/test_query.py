import json


def test_query_shows_topics_and_times(demo_store, cli):
    """Each topic that matches is a row, with the times of its first and last matching row."""
    code, out, err = cli(
        "query", "imu.acceleration.z > 9 and sequence.name ~ em", "--store", demo_store
    )

    assert (0, "") == (code, err)
    assert ["demo", "/imu/data", "imu", "2025-01-01"] == out.splitlines()[2].split()[:4]


def test_query_as_json(demo_store, cli):
    """For machines, sequences with their topics; without an expression, all of them."""
    told = json.loads(cli("query", "--store", demo_store, "--json")[1])["sequences"]

    assert ["demo"] == [sequence["name"] for sequence in told]
    assert {"name": "/imu/data", "ontology": "imu", "start_ns": None, "end_ns": None} in told[0][
        "topics"
    ]


def test_nothing_is_no_error(demo_store, cli):
    """A query that finds nothing says so."""
    query = ("query", "topic.name = /nothing", "--store", demo_store)

    assert (0, "Nothing matches.\n", "") == cli(*query)
    assert {"sequences": []} == json.loads(cli(*query, "--json")[1])


def test_fields_are_checked_against_the_installed_types(cli):
    """A field that the type does not have is found before any store is looked for."""
    code, out, err = cli("query", "imu.accel.z > 9")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "no field 'accel.z'. Near are acceleration.z" in err


def test_mistakes_are_one_line(cli):
    """An expression that cannot be read is one line on stderr."""
    code, out, err = cli("query", "imu.x >")

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "Cannot read the query at its end. Expected a value." in err
