"""Generated ROS messages of both generations, and the mapper applied to them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
from mosaico_ingest_ontology import mosaico_ontologies
from mosaico_ingest_ros.mapping import mappers
from rosbags.typesys import Stores

from mosaico_ingest.plugin import Channel, Claim, MapRequest, Ontology, TimePolicy, Times

pytest.register_assert_rewrite("mosaico_ingest.testing.mapper")
sys.path.insert(0, str(Path(__file__).parent))  # for ros_messages and ros_one_by_one

from ros_messages import RosWorld, make_world  # noqa: E402 - found on the path above


@attrs.frozen(kw_only=True)
class Mapped:
    """What the mapper made of columns."""

    claim: Claim
    ontology: Ontology
    batch: pa.RecordBatch

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return self.batch.to_pylist()


@pytest.fixture(scope="session", params=["ros1", "ros2"])
def world(request) -> RosWorld:
    """ROS Noetic, then a distribution of ROS 2."""
    if request.param == "ros1":
        return make_world(Stores.ROS1_NOETIC, is_ros1=True)
    return make_world(Stores.ROS2_JAZZY, is_ros1=False)


@pytest.fixture(scope="session")
def ros2() -> RosWorld:
    """A distribution of ROS 2."""
    return make_world(Stores.ROS2_JAZZY, is_ros1=False)


@pytest.fixture(scope="session")
def apply_mapper() -> Callable[..., Mapped]:
    """Map columns of a channel; the result is validated."""
    mapper, *_ = mappers()
    types = {ontology.tag: ontology for ontology in mosaico_ontologies()}

    def run(
        channel: Channel,
        data: pa.RecordBatch,
        times: Times | None = None,
        *,
        time: TimePolicy = TimePolicy.Header,
        options: object = None,
    ) -> Mapped:
        times = times or Times(log_ns=pa.array(range(data.num_rows), pa.int64()))
        claim = mapper.claim(channel, data.schema, options)
        assert claim is not None
        ontology = types[claim.tag]
        request = MapRequest(
            channel=channel, columns=data.schema, ontology=ontology, time=time, options=options
        )
        batch = mapper.compile(request)(data, times)
        batch.validate(full=True)
        return Mapped(claim=claim, ontology=ontology, batch=batch)

    return run
