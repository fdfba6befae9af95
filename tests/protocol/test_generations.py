"""Generations differ where clients do."""

import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.protocol.generations import GENERATIONS, find_generation


def test_session_reply():
    """Clients from 0.5 on want the session's locator, older ones cannot bear it."""
    with_locator = [name for name, found in GENERATIONS.items() if found.session_has_locator]

    assert ["0.5", "0.6", "0.7"] == with_locator


def test_version():
    """A server reports the version of the generation it speaks."""
    version = find_generation("0.6").version

    assert ("0.6.0", 0, 6, 0, "") == (
        version.version,
        version.semver.major,
        version.semver.minor,
        version.semver.patch,
        version.semver.pre,
    )


def test_unknown_generation():
    """An unknown generation is refused with the known ones."""
    with pytest.raises(UsageError, match=r"'0\.9'.*0\.3, 0\.4, 0\.5"):
        find_generation("0.9")
