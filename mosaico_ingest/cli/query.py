"""
The command `query`.

Must not know: how a query is answered. Next: `expression`.
"""

import functools
from typing import TYPE_CHECKING

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand, configured_host
from mosaico_ingest.cli.options import json_flag, target_flags
from mosaico_ingest.cli.output import print_json, print_result
from mosaico_ingest.cli.target import chosen_target

if TYPE_CHECKING:
    from mosaico_ingest.hooks.host import Host

__all__ = ["query_command"]


@click.command("query", cls=ConfiguredCommand)
@click.argument("expression", metavar="[EXPR]", default="")
@target_flags
@json_flag
@click.pass_context
def query_command(ctx: click.Context, /, expression: str, json: bool, **_: object) -> None:
    """
    Find topics by names, metadata and rows, and when their rows match.

    EXPR joins conditions with `and`: FIELD > VALUE, and alike < >= <= = != ~ (has the text), FIELD between A
    and B, FIELD in [A, B], FIELD exists, FIELD missing. A field is TAG.FIELD of the rows of a type, or
    name, created or metadata.KEY after sequence. or topic., or topic.ontology, or topic.format. Without EXPR
    all topics are found.

    Examples:
      mosaico-ingest query 'imu.acceleration.x > 5 and sequence.name ~ drive'
      mosaico-ingest query 'topic.ontology in [imu, gps] and sequence.metadata.site = north' --json
      mosaico-ingest query 'sequence.created >= 2026-01-02'
    """
    from mosaico_ingest.cli.expression import parse_expression
    from mosaico_ingest.client.query import make_query
    from mosaico_ingest.reports.found import found_blocks, found_to_json

    @functools.cache
    def host() -> "Host":
        return configured_host(ctx)

    conditions = parse_expression(expression)
    # A field that its type does not have is found before any server is asked.
    make_query(conditions, lambda tag: host().ontology(tag), time_ranges=True)
    with chosen_target(ctx).connect() as client:
        result = client.query(*conditions)
    if json:
        print_json(found_to_json(result))
    else:
        print_result(found_blocks(result))
