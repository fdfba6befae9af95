"""
Where a server is and how to speak to it: host, port, TLS, API key, compression.

Must not know: what is said. Next: `control`, `connections`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import attrs
import pyarrow.flight as fl

from mosaico_ingest.enum import GRPCCompressionAlgorithm
from mosaico_ingest.errors import UsageError
from mosaico_ingest.protocol.flight import API_KEY_HEADER, DEFAULT_PORT, GRPCCompression, location

__all__ = ["Address"]

_SCHEMES = {"grpc": False, "grpc+tcp": False, "grpc+tls": True}
_FALSE_WORDS = {"", "0", "false", "no", "off"}


@attrs.frozen(kw_only=True)
class Address:
    """
    All that is needed to open a connection.

    Args:
        url: `grpc://host:port` or `grpc+tls://host:port`.
        root_certs: PEM certificates that the server's must descend from; None takes the system's.
        api_key: The token, None for a server without keys.
        compression: Of the messages to the server.
    """

    url: str
    root_certs: bytes | None = attrs.field(default=None, repr=False)
    api_key: str | None = attrs.field(default=None, repr=False)
    compression: GRPCCompression = attrs.field(factory=GRPCCompression)

    @classmethod
    def parse(
        cls,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        tls: bool | str | Path = False,
        api_key: str | None = None,
        compression: GRPCCompression | GRPCCompressionAlgorithm = GRPCCompressionAlgorithm.Null,
    ) -> Self:
        """
        Read an address.

        Args:
            host: A host's name or number, or a URL, whose port and scheme then win.
            port: Where the server listens.
            tls: True for TLS with the system's certificates; a path for TLS with those in that file.
            api_key: The token.
            compression: Of the messages to the server.

        Raises:
            UsageError: The URL, the certificate file or the API key cannot be used.
        """
        encrypted = tls is not False
        if "://" in host:
            host, url_port, url_encrypted = _split(host)
            port, encrypted = url_port or port, encrypted or url_encrypted
        if not host or not 0 < port < 1 << 16:
            msg = f"Cannot connect to host {host!r}, port {port!r}. Expected a name and 1 to 65535."
            raise UsageError(msg)
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            msg = "The API key holds characters that no key has. Expected msco_… as it was given to you."
            raise UsageError(msg)
        if not isinstance(compression, GRPCCompression):
            compression = GRPCCompression(compression)
        roots = None if isinstance(tls, bool) else _read_certificates(Path(tls))
        url = location(host, port, tls=encrypted)
        return cls(url=url, root_certs=roots, api_key=api_key or None, compression=compression)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """
        Read `MOSAICO_DAEMON_URL`, `MOSAICO_API_KEY`, `MOSAICO_TLS` and, for the certificate file,
        `MOSAICO_CERT_PATH` or `MOSAICO_TLS_CERT_FILE`.

        Raises:
            UsageError: As `parse`; or the URL is not set.
        """
        url = environ.get("MOSAICO_DAEMON_URL", "")
        if not url:
            msg = "MOSAICO_DAEMON_URL is not set. Set it to the server's address, such as grpc://localhost:6726."
            raise UsageError(msg)
        certificates = environ.get("MOSAICO_CERT_PATH") or environ.get("MOSAICO_TLS_CERT_FILE")
        wants_tls = environ.get("MOSAICO_TLS", "").lower() not in _FALSE_WORDS
        return cls.parse(
            url if "://" in url else f"grpc://{url}",
            tls=certificates or wants_tls,
            api_key=environ.get("MOSAICO_API_KEY"),
        )

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.url.startswith("grpc+tls")

    def open(self) -> fl.FlightClient:
        """Return a client with a TCP connection of its own, made at its first call."""
        return fl.FlightClient(
            self.url,
            tls_root_certs=self.root_certs,
            generic_options=self.compression.channel_options or None,
        )

    def options(self, timeout_s: float | None = None) -> fl.FlightCallOptions:
        """Return what goes along with every call."""
        headers = [(API_KEY_HEADER.encode(), self.api_key.encode())] if self.api_key else None
        return fl.FlightCallOptions(timeout=timeout_s, headers=headers)


def _split(url: str) -> tuple[str, int | None, bool]:
    """Return host, port and whether TLS is asked for."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as err:
        msg = f"Cannot read the server address {url!r}: {err}. Expected grpc://HOST:PORT."
        raise UsageError(msg) from err
    if parts.scheme not in _SCHEMES or not host or parts.path.strip("/") or parts.username:
        msg = f"Cannot use the server address {url!r}. Expected grpc://HOST:PORT or grpc+tls://HOST:PORT."
        raise UsageError(msg)
    return host, port, _SCHEMES[parts.scheme]


def _read_certificates(path: Path) -> bytes:
    """Return the PEM text at *path*."""
    try:
        text = path.read_bytes()
    except OSError as err:
        msg = f"Cannot read the certificate file {str(path)!r}: {err.strerror}. Expected PEM text."
        raise UsageError(msg) from err
    if b"-----BEGIN CERTIFICATE-----" not in text:
        msg = f"The file {str(path)!r} holds no certificate. Expected PEM text."
        raise UsageError(msg)
    return text
