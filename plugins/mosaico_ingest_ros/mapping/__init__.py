"""
ROS messages as ontology types: a table of rules, each a recipe of columns for one message shape.

Must not know: encodings, files. Next: `mapper`, `rule`, `recipes`, `shapes`, `points`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import Mapper

__all__ = ["mappers"]


def mappers() -> Sequence[Mapper]:
    """Return the mappers of ROS messages."""
    from mosaico_ingest_ros.mapping.mapper import RosMapper
    from mosaico_ingest_ros.mapping.points import PointsMapper
    from mosaico_ingest_ros.mapping.quantities import DECODED

    return (RosMapper(), *(PointsMapper(tag) for tag in DECODED))
