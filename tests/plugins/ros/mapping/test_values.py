"""Every mapped value of generated messages equals what a computation message by message gives."""

import pyarrow as pa
import pytest
from mosaico_ingest_ros.mapping.rules import RULES
from ros_one_by_one import EXPECTED, envelope_of, transform

from mosaico_ingest.plugin import Times


def test_every_rule_is_compared():
    """No rule is without a computation message by message."""
    assert set(EXPECTED) == set(RULES)


@pytest.mark.parametrize("base", EXPECTED)
def test_values(world, apply_mapper, base):
    """The columns of generated messages become the same rows as the messages one by one."""
    if base.replace("/", "/msg/", 1) not in world.store.types:
        pytest.skip(f"{base} is not in this distribution.")
    tag, expected_row = EXPECTED[base]
    messages = world.messages(base, 60, seed=len(base))
    log_ns = [10**18 + k for k in range(len(messages))]
    expected = [envelope_of(m, t) | expected_row(m) for m, t in zip(messages, log_ns, strict=True)]

    mapped = apply_mapper(
        world.channel(base),
        world.columns(base, messages),
        Times(log_ns=pa.array(log_ns)),
    )

    assert tag == mapped.claim.tag
    for want, got in zip(expected, mapped.rows, strict=True):
        assert repr(want) == repr(got)


@pytest.mark.parametrize("base", ["tf2_msgs/TFMessage", "tf/tfMessage"])
def test_transforms_as_rows(world, apply_mapper, base):
    """Each transform of a message is a row with its own stamp, parent and child frame."""
    messages = world.messages(base, 40, seed=3)
    log_ns = [10**18 + k for k in range(len(messages))]
    expected = [
        envelope_of(t, at) | transform(t.transform, t.child_frame_id)
        for m, at in zip(messages, log_ns, strict=True)
        for t in m.transforms
    ]

    mapped = apply_mapper(
        world.channel(base), world.columns(base, messages), Times(log_ns=pa.array(log_ns))
    )

    assert ("transform", ()) == (mapped.claim.tag, mapped.claim.losses)
    assert repr(expected) == repr(mapped.rows)
