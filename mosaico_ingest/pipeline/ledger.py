"""
The bookkeeping of one topic while its messages pass: nothing may vanish between reading and storing.

Must not know: threads, sinks. Next: `flow`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from mosaico_ingest.model.batch import Receipt
from mosaico_ingest.model.plan import SkippedChannel, TopicPlan
from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import DAMAGED, TopicReport

__all__ = ["Ledger", "skipped_report"]


@attrs.define(kw_only=True)
class Ledger:
    """
    Counts of one topic, in messages.

    Args:
        plan: The topic.
        failure: Why the topic takes no more messages, empty while it does.
    """

    plan: TopicPlan
    read: int = 0
    stored: int = 0
    rejected: int = 0
    skipped: int = 0
    lost: int = 0
    rows: int = 0
    nbytes: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = attrs.field(factory=Counter)
    failure: str = ""

    @property
    def told(self) -> int:
        """Messages whose fate is known."""
        return self.stored + self.rejected + self.skipped + self.lost

    def store(self, receipt: Receipt) -> None:
        """Count a batch that the sink took."""
        self.stored += receipt.messages
        self.rows += receipt.rows
        self.nbytes += receipt.nbytes
        self.seconds += receipt.seconds
        self.reject(receipt.refused)

    def reject(self, reasons: Mapping[str, int]) -> None:
        """Count messages that could not be decoded, or that the sink refused."""
        self.rejected += sum(reasons.values())
        self.reasons.update(reasons)

    def lose(self, messages: int, reason: str) -> None:
        """Count messages that were read and will not be stored."""
        if messages:
            self.lost += messages
            self.reasons[reason] += messages

    def skip(self, reasons: Mapping[str, int]) -> None:
        """Count messages that a rule does not want."""
        self.skipped += sum(reasons.values())
        self.reasons.update(reasons)

    def unstore(self, reason: str) -> None:
        """Count all that was stored as lost: the topic itself is gone."""
        self.lose(self.stored, reason)
        self.stored = self.rows = 0

    def close(self, damage: Iterable[Damage], unread: str) -> TopicReport:
        """
        Balance the counts.

        Args:
            damage: What could not be read.
            unread: Why declared messages were not read, if no damage tells.
        """
        channel = self.plan.channel
        broken = sum(item.lost.get(channel.id, 0) for item in damage)
        declared = max(channel.messages or 0, self.read + broken)
        missing = declared - self.read
        if missing:
            told = min(broken, missing)
            self.lose(told, DAMAGED)
            self.lose(missing - told, unread)
        return TopicReport(
            name=self.plan.name,
            channel=channel.topic,
            type=channel.type_name,
            ontology=self.plan.ontology.tag,
            declared=declared,
            stored=self.stored,
            rejected=self.rejected,
            skipped=self.skipped,
            lost=self.lost,
            rows=self.rows,
            nbytes=self.nbytes,
            seconds=self.seconds,
            reasons=dict(self.reasons),
        )


def skipped_report(skipped: SkippedChannel) -> TopicReport:
    """Account for a channel that was not read at all."""
    count = skipped.channel.messages or 0
    return TopicReport(
        name="",
        channel=skipped.channel.topic,
        type=skipped.channel.type_name,
        ontology="",
        declared=count,
        stored=0,
        skipped=count,
        reasons={skipped.reason: count},
    )
