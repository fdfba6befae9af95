"""The protobuf channels of real recordings."""

from collections import defaultdict
from pathlib import Path

from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader


def channels(path: Path) -> dict[tuple[bytes, str], list[bytes]]:
    """Return the payloads of each type, as the MCAP library reads them."""
    found = defaultdict(list)
    with path.open("rb") as file:
        try:
            for schema, channel, message in NonSeekingReader(file).iter_messages():
                if channel.message_encoding == "protobuf":
                    found[schema.data, schema.name].append(message.data)
        except (McapError, ValueError, KeyError):  # damaged on purpose
            pass
    return found


def test_every_channel(kit, shared_data):
    """What the decoder makes of real payloads is what the protobuf library makes of them."""
    counts = {}
    for path in sorted(shared_data.glob("mcap/rerun-io+rerun/**/*.mcap")):
        for definition, payloads in channels(path).items():
            counts[definition[1]] = kit.compare(definition, payloads)

    assert counts == {"Vec3": (5, 0), "foxglove.Log": (6, 0), "foxglove.PoseInFrame": (1, 0)}
