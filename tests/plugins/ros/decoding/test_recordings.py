"""Every channel of every ROS recording of public projects decodes to the values that rosbags reads."""

from collections import Counter

import pytest
from recorded_channels import oracle_types

from mosaico_ingest.errors import DecodeError

# What nobody could decode: a text that is no definition.
UNDECODABLE = {"broken_msgs/Garbage"}


@pytest.mark.slow
def test_every_channel(recorded, kit):
    """What the decoders make of real payloads is what rosbags makes of them."""
    seen: Counter[str] = Counter()
    refused: set[str] = set()
    for stored in recorded:
        encoding, type_name, payloads = stored.encoding, stored.type_name, stored.payloads
        try:
            decode = kit.compile(encoding, type_name, stored.definition, stored.schema_encoding)
        except DecodeError:
            refused.add(type_name)
            continue
        subject = kit.Oracle(*oracle_types(stored))
        seen[encoding] += len(payloads)

        assert kit.expected(subject, payloads, encoding) == kit.rows(decode, payloads), type_name
    assert refused == UNDECODABLE
    assert seen["cdr"] > 10_000
    assert seen["ros1"] > 30_000
