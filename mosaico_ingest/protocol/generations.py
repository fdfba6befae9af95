"""
The generations of the protocol that differ on the wire, as values.

Nothing in a request tells a client of 0.4 from one of 0.5, so a server is told whom it serves.

Must not know: servers and clients. Next: `mosaico_ingest.server.service`.
"""

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from mosaico_ingest.errors import UsageError
from mosaico_ingest.protocol.messages import SemVer, ServerVersion

__all__ = ["DEFAULT_GENERATION", "GENERATIONS", "Generation", "find_generation"]


@attrs.frozen(kw_only=True)
class Generation:
    """
    What the clients of one generation expect where they differ.

    Args:
        name: `0.3` to `0.7`.
        session_has_locator: Whether `session_create` is answered with uuid and locator, else uuid only.
        deletes_missing: Whether deleting a sequence that is not there succeeds; clients of 0.3 delete twice.
        matches_globs: Whether `$match` in a query is a pattern for the whole text, else a part of it; and
            whether a path into metadata may have wildcards.
        counts_windows: Whether, asked about a window, it is told how many rows lie in it.
    """

    name: str
    session_has_locator: bool = True
    deletes_missing: bool = False
    matches_globs: bool = False
    counts_windows: bool = False

    @property
    def version(self) -> ServerVersion:
        """What a server of this generation answers to `version`."""
        major, minor = (int(part) for part in self.name.split("."))
        return ServerVersion(
            version=f"{self.name}.0", semver=SemVer(major=major, minor=minor, patch=0)
        )


DEFAULT_GENERATION = "0.5"
GENERATIONS: Mapping[str, Generation] = MappingProxyType(
    {
        generation.name: generation
        for generation in (
            Generation(name="0.3", session_has_locator=False, deletes_missing=True),
            Generation(name="0.4", session_has_locator=False),
            Generation(name="0.5"),
            Generation(name="0.6", matches_globs=True),
            Generation(name="0.7", matches_globs=True, counts_windows=True),
        )
    }
)


def find_generation(name: str) -> Generation:
    """
    Return the generation called *name*.

    Raises:
        UsageError: There is none.
    """
    found = GENERATIONS.get(name)
    if found is None:
        msg = f"Unknown protocol generation {name!r}. Expected one of {', '.join(GENERATIONS)}."
        raise UsageError(msg)
    return found
