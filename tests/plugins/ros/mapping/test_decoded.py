"""Decoders and mapper together: from payloads to rows."""

import pyarrow as pa
import pytest
from mosaico_ingest_ros import mosaico_decoders
from mosaico_ingest_ros.mapping.geometry import TF_MESSAGES
from mosaico_ingest_ros.mapping.rules import RULES


@pytest.mark.parametrize("base", [*RULES, *TF_MESSAGES])
def test_decoded_payloads(world, apply_mapper, base):
    """Payloads, decoded and mapped, give the rows of the messages that were written into them."""
    if base.replace("/", "/msg/", 1) not in world.store.types:
        pytest.skip(f"{base} is not in this distribution.")
    channel = world.recorded_channel(base)
    (decoder,) = (d for d in mosaico_decoders() if d.claim(channel))
    messages = world.messages(base, 20, seed=7)
    decoded = decoder.compile(channel)(pa.array(world.payloads(base, messages), pa.binary()))
    expected = apply_mapper(channel, world.columns(base, messages))

    mapped = apply_mapper(channel, decoded.data)

    assert () == decoded.rejects
    assert expected.claim == mapped.claim
    assert repr(expected.rows) == repr(mapped.rows)
