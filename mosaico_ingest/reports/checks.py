"""
What `doctor` found, as a table and as JSON.

Must not know: how it was found. Next: `text`.
"""

from collections.abc import Iterator, Sequence

from mosaico_ingest.hooks.specs import CheckResult
from mosaico_ingest.reports.text import Block, Column, Table

__all__ = ["check_blocks", "checks_to_json"]


def check_blocks(checks: Sequence[CheckResult]) -> Iterator[Block]:
    """Yield a row per check, then how many failed."""
    yield Table(
        columns=(Column("check"), Column("state"), Column("detail")),
        rows=tuple((check.name, "ok" if check.ok else "FAILED", check.detail) for check in checks),
    )
    failed = sum(not check.ok for check in checks)
    yield f"{failed} of {len(checks)} checks failed." if failed else "All is well."


def checks_to_json(checks: Sequence[CheckResult]) -> dict[str, object]:
    """Return the checks as a JSON object."""
    return {
        "ok": all(check.ok for check in checks),
        "checks": [
            {"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks
        ],
    }
