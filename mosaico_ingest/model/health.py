"""
How regular the messages of a topic are, in a few numbers.

Must not know: how they are found. Next: `report`.
"""

import attrs

__all__ = ["TopicHealth"]


@attrs.frozen(kw_only=True)
class TopicHealth:
    """
    The health of one topic; intervals are those between the `timestamp_ns` of neighbouring rows.

    Args:
        name: Topic on the server.
        rows: Rows seen.
        interval_ns: Median interval, None for fewer than two rows.
        jitter_ns: How far the 99th percentile of the intervals lies above their median.
        gaps: Intervals of more than three times the median.
        longest_gap_ns, longest_gap_at_ns: The longest interval, and when it began.
        out_of_order: Rows that are older than one stored before them.
        jumps: Steps of more than 5 s against the recorder's clock, or of more than 1 s back of that clock.
        largest_bytes: Payload of the largest message, 0 where messages have no payload of their own.
    """

    name: str
    rows: int
    interval_ns: int | None = None
    jitter_ns: int | None = None
    gaps: int = 0
    longest_gap_ns: int = 0
    longest_gap_at_ns: int | None = None
    out_of_order: int = 0
    jumps: int = 0
    largest_bytes: int = 0
