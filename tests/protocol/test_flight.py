"""Commands in descriptors and tickets."""

import json

from mosaico_ingest.protocol.flight import InfoCommand, PutCommand
from mosaico_ingest.protocol.wire import dump, load_request


def test_put_command_keys():
    """An upload's descriptor has the keys of the protocol."""
    body = dump(PutCommand("s/t", "u"))

    assert {"resource_locator": "s/t", "topic_uuid": "u"} == json.loads(body)


def test_info_command_bounds_are_optional():
    """A question without a window is open on both sides."""
    command = load_request(InfoCommand, b'{"resource_locator": "s", "timestamp_ns_end": -5}')

    assert InfoCommand("s", None, -5) == command
