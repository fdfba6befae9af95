"""Foxglove's schemas in each encoding, and the mapper applied to them."""

import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pyarrow as pa
import pytest
from mosaico_ingest_foxglove.mapper import FoxgloveMapper
from mosaico_ingest_ontology import mosaico_ontologies

from mosaico_ingest.plugin import Channel, Claim, MapRequest, TimePolicy, Times

pytest.register_assert_rewrite("mosaico_ingest.testing.mapper")
sys.path.insert(0, str(Path(__file__).parent))  # for foxglove_messages and foxglove_one_by_one

from foxglove_messages import DRESSES, Dress, make_dress  # noqa: E402 - found on the path above


@pytest.fixture(scope="session", params=sorted(DRESSES))
def dress(request) -> Dress:
    """Each encoding in turn."""
    return make_dress(request.param)


@pytest.fixture(scope="session", params=["json", "protobuf"])
def loose(request) -> Dress:
    """The encodings whose messages may leave values out."""
    return make_dress(request.param)


@attrs.frozen
class Mapped:
    """What the mapper made of columns."""

    claim: Claim
    batch: pa.RecordBatch


@pytest.fixture(scope="session")
def apply_mapper() -> Callable[..., Mapped]:
    """Map columns of a channel; the result is validated."""
    types = {ontology.tag: ontology for ontology in mosaico_ontologies()}

    def run(channel: Channel, data: pa.RecordBatch, options: object = None) -> Mapped:
        mapper = FoxgloveMapper()
        claim = mapper.claim(channel, data.schema, options)
        assert claim is not None, data.schema
        request = MapRequest(
            channel=channel,
            columns=data.schema,
            ontology=types[claim.tag],
            time=TimePolicy.Header,
            options=options,
        )
        batch = mapper.compile(request)(data, Times(log_ns=pa.array(range(data.num_rows))))
        batch.validate(full=True)
        return Mapped(claim, batch)

    return run
