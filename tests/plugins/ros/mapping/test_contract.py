"""The ROS mapper keeps the promises of mappers, for every type that it knows."""

from collections.abc import Mapping, Sequence

import pytest
from mosaico_ingest_ontology import mosaico_ontologies
from mosaico_ingest_ros.mapping import mappers
from mosaico_ingest_ros.mapping.geometry import TF_MESSAGES
from mosaico_ingest_ros.mapping.mapper import RosOptions
from mosaico_ingest_ros.mapping.rules import RULES

from mosaico_ingest.plugin import Mapper, Ontology
from mosaico_ingest.testing.mapper import MapperContract, MapperSample


class TestRosMapper(MapperContract):
    """The contract, on generated messages."""

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The ROS mapper."""
        mapper, *_ = mappers()
        return mapper

    @pytest.fixture
    def ontologies(self) -> Sequence[Ontology]:
        """The platform's types."""
        return mosaico_ontologies()

    @pytest.fixture
    def samples(self, world) -> Mapping[str, MapperSample]:
        """Three messages of every type, and transforms in both forms."""
        known = world.store.types
        samples = {
            base: self._sample(world, base)
            for base in RULES
            if base.replace("/", "/msg/", 1) in known
        }
        for base in TF_MESSAGES:
            samples[f"{base} as rows"] = self._transforms(world, base, RosOptions(), as_rows=True)
            samples[f"{base} as messages"] = self._transforms(
                world, base, RosOptions(tf="message"), as_rows=False
            )
        return samples

    def _sample(self, world, base: str) -> MapperSample:
        data = world.columns(base, world.messages(base, 3, seed=11))
        return MapperSample(
            channel=world.channel(base),
            data=data,
            has_header=bool({"header", "stamp"} & set(data.schema.names)),
        )

    def _transforms(self, world, base: str, options: RosOptions, *, as_rows: bool) -> MapperSample:
        messages = world.messages(base, 5, seed=11)
        return MapperSample(
            channel=world.channel(base),
            data=world.columns(base, messages),
            options=options,
            rows_of=[len(m.transforms) for m in messages] if as_rows else None,
            has_header=as_rows,
        )
