"""What a target of the fuzzing gives back."""

import attrs

__all__ = ["LEAST_CASES", "Outcome"]

LEAST_CASES = 30
"""How many cases are tried however slow the machine is."""

MOST_FINDINGS = 20


@attrs.define
class Outcome:
    """How many *cases* were tried, and what was wrong, a text each, with what is needed to see it again."""

    cases: int = 0
    findings: list[str] = attrs.field(factory=list)

    def add(self, case: str, wrong: str) -> None:
        """Note what was *wrong* about a *case*."""
        self.findings.append(f"{wrong}\n    {case[:2000]}")

    @property
    def is_full(self) -> bool:
        """Whether there is enough to look at."""
        return len(self.findings) >= MOST_FINDINGS
