"""The mapper of Foxglove's schemas keeps the promises of mappers, in every encoding."""

from collections.abc import Mapping, Sequence

import pytest
from foxglove_messages import make_messages
from mosaico_ingest_foxglove.mapper import FoxgloveMapper, FoxgloveOptions
from mosaico_ingest_foxglove.schemas import RULES
from mosaico_ingest_ontology import mosaico_ontologies

from mosaico_ingest.plugin import Mapper, Ontology
from mosaico_ingest.testing.mapper import MapperContract, MapperSample

LISTS = {"FrameTransforms": "transforms", "LocationFixes": "fixes"}


class TestFoxgloveMapper(MapperContract):
    """The contract, on generated messages."""

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The mapper."""
        return FoxgloveMapper()

    @pytest.fixture
    def ontologies(self) -> Sequence[Ontology]:
        """The platform's types."""
        return mosaico_ontologies()

    @pytest.fixture
    def samples(self, dress) -> Mapping[str, MapperSample]:
        """Five messages of every schema, and transforms as the list of their message."""
        samples = {}
        for schema in dress.mapped(RULES):
            messages = make_messages(schema, 5)
            items = LISTS.get(schema)
            samples[schema] = MapperSample(
                channel=dress.channel(schema),
                data=dress.columns(schema, messages),
                rows_of=[len(message[items]) for message in messages] if items else None,
                has_header="timestamp" in messages[0] or items is not None,
            )
        transforms = samples["FrameTransforms"]
        samples["transforms whole"] = MapperSample(
            channel=transforms.channel,
            data=transforms.data,
            options=FoxgloveOptions(tf="message"),
        )
        return samples
