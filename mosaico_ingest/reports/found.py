"""
What a query found, as a table and as JSON.

Must not know: how it was asked. Next: `stored`.
"""

from collections.abc import Iterator

from mosaico_ingest.client.query import QueryResult
from mosaico_ingest.reports.text import Block, Column, Table
from mosaico_ingest.units import format_time_ns

__all__ = ["found_blocks", "found_to_json"]


def found_blocks(result: QueryResult) -> Iterator[Block]:
    """Yield a row per topic."""
    if not result.topics:
        yield "Nothing matches."
        return
    yield Table(
        columns=(
            Column("sequence"),
            Column("topic"),
            Column("ontology"),
            Column("first match", spare=2),
            Column("last match", spare=1),
        ),
        rows=tuple(
            (
                topic.sequence,
                topic.name,
                topic.ontology_tag,
                _time(topic.start_ns),
                _time(topic.end_ns),
            )
            for topic in result.topics
        ),
    )


def found_to_json(result: QueryResult) -> dict[str, object]:
    """Return the sequences and topics as a JSON object; both times are inside."""
    return {
        "sequences": [
            {
                "name": sequence.name,
                "topics": [
                    {
                        "name": topic.name,
                        "ontology": topic.ontology_tag,
                        "start_ns": topic.start_ns,
                        "end_ns": topic.end_ns,
                    }
                    for topic in sequence.topics
                ],
            }
            for sequence in result
        ]
    }


def _time(time_ns: int | None) -> str:
    return "" if time_ns is None else format_time_ns(time_ns)
