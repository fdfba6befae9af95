"""
Where things are and how they move: vectors, poses, transforms, velocities, forces.

Next: `sensors`.
"""

import pyarrow as pa

from mosaico_ingest_ontology.structs import (
    COVARIANCE,
    LIN_ANG,
    POSE,
    TRANSFORM,
    V2,
    V3,
    V4,
    maybe,
    must,
    ontology,
)

__all__ = ["GEOMETRY"]


GEOMETRY = (
    ontology("vector_2_d", V2, "Vector in a plane, in the unit of its quantity."),
    ontology("vector_3_d", V3, "Vector in space, in the unit of its quantity."),
    ontology("vector_4_d", V4, "Vector of four components, in the unit of its quantity."),
    ontology("point_2_d", V2, "Point in a plane (m)."),
    ontology("point_3_d", V3, "Point in space (m)."),
    ontology("quaternion", V4, "Rotation as a unit quaternion x, y, z, w."),
    ontology("pose", POSE, "Position (m) and orientation (unit quaternion)."),
    ontology(
        "transform",
        TRANSFORM,
        "Translation (m) and rotation from frame_id to target_frame_id.",
    ),
    ontology(
        "frame_transform",
        [must("transforms", pa.list_(TRANSFORM))],
        "Transforms sent together; translations in m, parent frames unknown.",
    ),
    ontology("polygon", [must("points", pa.list_(V3))], "Corners of a polygon (m)."),
    ontology("velocity", LIN_ANG, "Linear (m/s) and angular (rad/s) velocity."),
    ontology("acceleration", LIN_ANG, "Linear (m/s²) and angular (rad/s²) acceleration."),
    ontology(
        "motion_state",
        [
            *COVARIANCE,
            must("pose", POSE),
            must("velocity", LIN_ANG),
            must("target_frame_id", pa.string()),
            maybe("acceleration", LIN_ANG),
        ],
        "Pose in frame_id (m), velocity (m/s, rad/s) in target_frame_id, acceleration.",
    ),
    ontology(
        "force_torque",
        [*COVARIANCE, must("force", V3), must("torque", V3)],
        "Force (N) and torque (N m).",
    ),
    ontology(
        "inertia",
        [
            must("mass", pa.float64()),
            must("center_of_mass", V3),
            must("inertia", pa.list_(pa.float64(), 6)),
        ],
        "Mass (kg), centre of mass (m), inertia tensor xx, xy, xz, yy, yz, zz (kg m²).",
    ),
)
