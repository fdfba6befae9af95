import pytest

from mosaico_ingest.server.matching import TextMatch
from mosaico_ingest.server.metadata import values_at

NAMES, GLOBS = TextMatch(with_globs=False), TextMatch(with_globs=True)
METADATA = {
    "cameras": [{"rate": 10, "lens": {"f": 1.4}}, {"rate": 20}],
    "imu": {"rate": 100, "cameras": ["x"]},
    "*": {"rate": 1},
}


@pytest.mark.parametrize(
    ("path", "names", "globs"),
    [
        ("imu.rate", [100], [100]),
        ("cameras.1.rate", [20], [20]),
        ("cameras.2.rate", [], []),
        ("cameras[1].rate", [], [20]),
        ("cameras[*].rate", [], [10, 20]),
        ("cameras.[*].rate", [], [10, 20]),
        ("*.rate", [1], [100, 1]),
        ("**.rate", [], [10, 20, 100, 1]),
        ("**.f", [], [1.4]),
        ("*.cameras[0]", [], ["x"]),
        ("imu[*]", [], []),
    ],
)
def test_paths(path, names, globs):
    """Wildcards are names in the generations without them."""
    assert names == values_at(METADATA, path, NAMES)
    assert globs == values_at(METADATA, path, GLOBS)


def test_many_wildcards_take_no_longer_than_few():
    """A value is looked at once per step, by however many ways it can be reached."""
    nested = {}
    for _ in range(200):
        nested = {"a": nested, "b": 1}

    assert [1] == values_at(nested, ".".join(["**"] * 50 + ["b"]), GLOBS)
