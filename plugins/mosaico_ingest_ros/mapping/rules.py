"""
All rules, by the type of the message; several for one type are tried in order.

Next: `geometry`, `navigation`, `sensors`.
"""

from collections.abc import Mapping

from mosaico_ingest_ros.mapping.geometry import GEOMETRY
from mosaico_ingest_ros.mapping.navigation import NAVIGATION
from mosaico_ingest_ros.mapping.rule import Rule
from mosaico_ingest_ros.mapping.sensors import SENSORS, VALUES

__all__ = ["RULES"]

RULES: Mapping[str, tuple[Rule, ...]] = {
    **{name: (rule,) for name, rule in GEOMETRY.items()},
    **NAVIGATION,
    **SENSORS,
    **VALUES,
}
