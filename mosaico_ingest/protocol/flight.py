"""
How Flight is used: addresses, the header of the API key, the commands in descriptors and tickets.

Must not know: pyarrow.flight, so that it costs nothing to import. Next: `faults`, then `generations`.
"""

import attrs

__all__ = [
    "API_KEY_HEADER",
    "DEFAULT_PORT",
    "InfoCommand",
    "PutCommand",
    "location",
    "topic_location",
]

DEFAULT_PORT = 6726
API_KEY_HEADER = "mosaico-api-key-token"


@attrs.frozen
class PutCommand:
    """The CMD descriptor of an upload; *topic_uuid*, from `topic_create`, is the right to it."""

    resource_locator: str
    topic_uuid: str


@attrs.frozen
class InfoCommand:
    """
    The CMD descriptor of a question about a sequence or topic, and the ticket of a read.

    Args:
        resource_locator: Its wire locator.
        timestamp_ns_start, timestamp_ns_end: Only rows with `start <= t < end`, None where open.
    """

    resource_locator: str
    timestamp_ns_start: int | None = None
    timestamp_ns_end: int | None = None


def location(host: str, port: int, *, tls: bool = False) -> str:
    """
    Return the address of a server.

    Example:
        >>> location("127.0.0.1", 6726), location("::1", 6726, tls=True)
        ('grpc://127.0.0.1:6726', 'grpc+tls://[::1]:6726')
    """
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'grpc+tls' if tls else 'grpc'}://{bracketed}:{port}"


def topic_location(locator: str) -> str:
    """Return the location that clients of 0.3 take the topic's name from; nobody connects to it."""
    return f"mosaico:{locator}"
