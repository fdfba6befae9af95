"""
The ontology of the Mosaico platform, generation 0.5, and the mapper that keeps what no other mapper knows.

Must not know: message formats. Next: `structs`, then `fallback`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import Mapper, Ontology, hookimpl

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_ontologies() -> Sequence[Ontology]:
    """Hand in the 53 types."""
    from mosaico_ingest_ontology.catalogue import ONTOLOGIES

    return ONTOLOGIES


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the fallback."""
    from mosaico_ingest_ontology.fallback import FallbackMapper

    return (FallbackMapper(),)
