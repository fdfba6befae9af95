from pathlib import Path

CSV = "time,rpm,oil temp (C),mode\n1767225600.0,900,60,N\n1767225600.5,3100,80,2\n"


def test_a_suggestion_can_be_used_as_it_is(cli):
    """What `suggest` prints is a mapping that fits, keeps every column, and is what `check` calls fine."""
    Path("engine.csv").write_text(CSV)
    code, out, _ = cli("mapping", "suggest", "engine.csv", "--no-split")
    Path("engine.toml").write_text(out)
    checked = cli("mapping", "check", "engine.toml", "engine.csv", "--no-split")
    plan = cli("plan", "engine.csv", "--no-split", "--mapping", "engine.toml")[1]

    assert (0, 0) == (code, checked[0])
    assert "engine.toml: 1 rule, 1 type." in checked[1]
    assert 'oil_temp_c = "`oil temp (C)`"' in out
    assert "engine.toml, line 4" in plan
    assert "/engine/rest" not in plan


def test_what_fits_a_type_already_is_left_to_it(demo_file, cli):
    """Channels that become a type of the platform are named in a comment only."""
    out = cli("mapping", "suggest", demo_file)[1]

    assert '# "/imu/data" becomes imu as it is (sensor_msgs/msg/Imu).' in out
    assert "[[map]]" not in out


def test_rules_that_speak_of_nothing_are_named(demo_file, cli):
    """`check` tells which rule has no channel in the recordings, and what does not fit."""
    Path("m.toml").write_text(
        '[[map]]\ntopic = "/nothing"\n\n[[map]]\ntopic = "/imu/data"\nwhere = "acc > 1"\n'
    )
    code, out, err = cli("mapping", "check", "m.toml", demo_file)

    assert 1 == code
    assert "m.toml, line 1: no channel is called '/nothing' here." in out
    assert "there is no column 'acc'" in err
    assert "Settle it with a change of m.toml, line 4." in err


def test_a_file_that_cannot_be_read_is_wrong_usage(cli):
    """The line and what was expected are told, for every command that takes the file."""
    Path("m.toml").write_text('[[map]]\ntopics = "/a"\n')
    code, _, err = cli("mapping", "check", "m.toml")
    planned = cli("plan", "x.mcap", "--mapping", "m.toml")

    assert (2, 2) == (code, planned[0])
    assert "m.toml, line 2: 'topics' is no key of [[map]]. Did you mean 'topic'?" in err
    assert err == planned[2]
