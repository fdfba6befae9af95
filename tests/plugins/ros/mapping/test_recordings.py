"""Every message of every ROS recording of public projects is stored with each of its values."""

from collections import Counter

import attrs
import pyarrow as pa
import pytest
from mosaico_ingest_ontology.fallback import FallbackMapper
from mosaico_ingest_ros import mosaico_decoders
from mosaico_ingest_ros.mapping.geometry import TF_MESSAGES
from mosaico_ingest_ros.mapping.mapper import RosMapper
from mosaico_ingest_ros.mapping.rule import base_name
from recorded_channels import Stored, oracle_types
from ros_one_by_one import EXPECTED, envelope_of, transform
from rosbags.typesys.store import Typestore

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.plugin import ENVELOPE, Channel, MapRequest, TimePolicy, Times


def messages_of(stored: Stored) -> list:
    """Return the messages as rosbags reads them."""
    types, name = oracle_types(stored)
    store = Typestore()
    store.register(types)
    read = store.deserialize_ros1 if stored.encoding == "ros1" else store.deserialize_cdr
    return [read(payload, name) for payload in stored.payloads]


def typed_rows(base: str, messages: list) -> list[dict]:
    """Return the rows that typed messages become, computed one by one."""
    if base in TF_MESSAGES:
        return [
            envelope_of(t, n) | transform(t.transform, t.child_frame_id)
            for n, message in enumerate(messages)
            for t in message.transforms
        ]
    _, expected_row = EXPECTED[base]
    return [envelope_of(m, n) | expected_row(m) for n, m in enumerate(messages)]


@pytest.mark.slow
def test_every_message(recorded, kit, apply_mapper):
    """Typed rows are those computed message by message; the fallback's hold what rosbags reads."""
    typed: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for whole in recorded:
        # The same payload again, of which copies of a recording have many, says nothing new.
        stored = attrs.evolve(whole, payloads=[*dict.fromkeys(whole.payloads)])
        channel = Channel(
            id=1,
            topic="/topic",
            type_name=stored.type_name,
            message_encoding=stored.encoding,
            schema_encoding=stored.schema_encoding,
            definition=stored.definition,
        )
        (decoder,) = (d for d in mosaico_decoders() if d.claim(channel))
        try:
            decode = decoder.compile(channel)
        except DecodeError:
            continue  # kept as bytes
        data = decode(pa.array(stored.payloads, pa.binary())).data
        if not stored.payloads or not data.num_columns:
            continue
        base = base_name(stored.type_name)
        times = Times(log_ns=pa.array(range(len(stored.payloads)), pa.int64()))
        messages = messages_of(stored)
        if RosMapper().claim(channel, data.schema, None):
            typed[base] += len(messages)

            found = apply_mapper(channel, data, times).rows
            assert repr(typed_rows(base, messages)) == repr(found), base
        else:
            kept[base] += len(messages)

            oracle = kit.Oracle(*oracle_types(stored))
            expected = kit.expected(oracle, stored.payloads, stored.encoding)
            rows = _fallback_rows(channel, data, times)
            assert _without_names(expected) == _without_names(kit.comparable(rows)), base
    assert sum(typed.values()) > 10_000
    assert {"std_msgs/Float64", "tf2_msgs/TFMessage", "nav_msgs/OccupancyGrid"} < set(typed)
    assert {"rcl_interfaces/Log", "ouster_ros/PacketMsg"} < set(kept)
    assert not set(EXPECTED) & set(kept)


def _fallback_rows(channel: Channel, data: pa.RecordBatch, times: Times) -> list[dict]:
    """Return the columns that the fallback keeps, without the envelope."""
    mapper = FallbackMapper()
    ontology = mapper.claim(channel, data.schema, None).ontology
    request = MapRequest(
        channel=channel,
        columns=data.schema,
        ontology=ontology,
        time=TimePolicy.Log,
        options=None,
    )
    batch = mapper.compile(request)(data, times)
    return batch.select(ontology.schema.names[len(ENVELOPE) :]).to_pylist()


def _without_names(value: object) -> object:
    """Return the values of a message without names, which may be changed; one without fields is True."""
    if isinstance(value, dict):
        return [_without_names(element) for element in value.values()] or True
    return [_without_names(element) for element in value] if isinstance(value, list) else value
