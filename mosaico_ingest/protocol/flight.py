"""
How Flight is used: addresses, the API key's header, compression, the commands in descriptors and tickets.

Must not know: pyarrow.flight, so that it costs nothing to import. Next: `faults`, then `generations`.
"""

import attrs

from mosaico_ingest.enum import GRPCCompressionAlgorithm, GRPCCompressionLevel

__all__ = [
    "API_KEY_HEADER",
    "DEFAULT_PORT",
    "LARGEST_MESSAGE_BYTES",
    "GRPCCompression",
    "InfoCommand",
    "PutCommand",
    "location",
    "topic_location",
]

DEFAULT_PORT = 6726
LARGEST_MESSAGE_BYTES = 256 * 1024 * 1024
"""
What a server of this package takes in one batch, however few its rows: it holds a batch whole, several times.
One that tells nothing takes what `GrpcLimits` says.
"""

API_KEY_HEADER = "mosaico-api-key-token"


@attrs.frozen
class GRPCCompression:
    """
    How messages to a server are compressed.

    Args:
        algorithm: `Null` for not at all.
        level: Effort, None for gRPC's choice.
    """

    algorithm: GRPCCompressionAlgorithm = GRPCCompressionAlgorithm.Null
    level: GRPCCompressionLevel | None = None

    @property
    def channel_options(self) -> list[tuple[str, int]]:
        """What a gRPC channel is opened with."""
        if self.algorithm is GRPCCompressionAlgorithm.Null:
            return []
        options = [
            ("grpc.default_compression_algorithm", int(self.algorithm)),
            ("grpc.compression_enabled", 1),
        ]
        if self.level is not None:
            options.append(("grpc.default_compression_level", int(self.level)))
        return options


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
