"""
All types of the platform's ontology.

Next: `fallback`.
"""

from mosaico_ingest_ontology.geometry import GEOMETRY
from mosaico_ingest_ontology.images import IMAGES
from mosaico_ingest_ontology.newer import NEWER
from mosaico_ingest_ontology.points import POINTS
from mosaico_ingest_ontology.sensors import SENSORS
from mosaico_ingest_ontology.values import VALUES

__all__ = ["ONTOLOGIES", "TAGS"]

ONTOLOGIES = (*GEOMETRY, *SENSORS, *IMAGES, *POINTS, *VALUES, *NEWER)
TAGS = frozenset(ontology.tag for ontology in ONTOLOGIES)
