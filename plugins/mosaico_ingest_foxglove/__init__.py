"""
Plugin for Foxglove's schemas: a mapper to ontology types, whatever encoding the messages have.

Must not know: how messages are decoded. Next: `mapper`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import Mapper, hookimpl

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the mapper of Foxglove's schemas."""
    from mosaico_ingest_foxglove.mapper import FoxgloveMapper

    return (FoxgloveMapper(),)
