"""
How a server is protected: API keys, TLS, the refusal to be exposed without them, a limit of uploads.

Must not know: which keys there are, what is served. Next: `service`.
"""

import ipaddress
import socket
import ssl
from pathlib import Path

import attrs

from mosaico_ingest.errors import UsageError

__all__ = ["Security"]


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value).absolute()


@attrs.frozen(kw_only=True)
class Security:
    """
    What a server asks of its clients, and shows them.

    Args:
        require_api_key: Whether calls need an API key of the store.
        tls_cert, tls_key: PEM files of the certificate (its chain may follow it) and of its private key;
            both for TLS, or none.
        insecure: Whether it may be reached from other machines without keys or without TLS.
        max_uploads: How many uploads it takes at the same time; each is a thread, and what of it has come in.
    """

    require_api_key: bool = False
    tls_cert: Path | None = attrs.field(default=None, converter=_path)
    tls_key: Path | None = attrs.field(default=None, converter=_path)
    insecure: bool = False
    max_uploads: int = 1000

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls_cert is not None

    def check_exposure(self, host: str) -> None:
        """
        Let a server listen on *host*, or refuse.

        Raises:
            UsageError: Other machines can reach it, it lacks keys or TLS, and nobody said that this is meant.
        """
        missing = [
            words
            for words, is_there in (
                ("API keys (--require-api-key)", self.require_api_key),
                ("TLS (--tls-cert, --tls-key)", self.is_encrypted),
            )
            if not is_there
        ]
        if missing and not self.insecure and not _is_loopback(host):
            msg = (
                f"Refusing to listen on {host} without {' and '.join(missing)}: other machines can reach it. "
                "Add what is missing, or say --insecure."
            )
            raise UsageError(msg)

    def load_certificates(self) -> list[tuple[bytes, bytes]] | None:
        """
        Return the pairs of certificate and key that Flight wants, None without TLS.

        Raises:
            UsageError: A file is missing, cannot be read or is no PEM, or the two do not belong together.
        """
        if self.tls_cert is None and self.tls_key is None:
            return None
        if self.tls_cert is None or self.tls_key is None:
            msg = "TLS needs a certificate and its private key. Give both --tls-cert and --tls-key."
            raise UsageError(msg)
        pair = _read(self.tls_cert, "certificate"), _read(self.tls_key, "private key")
        try:
            # An empty password: a key that wants one is refused, instead of asking the terminal for it.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.tls_cert, self.tls_key, password=""
            )
        except (ssl.SSLError, ValueError) as err:
            why = getattr(err, "reason", None) or str(err)
            msg = (
                f"Cannot use the certificate {str(self.tls_cert)!r} with the key {str(self.tls_key)!r}: "
                f"{why}. Expected PEM files that belong together, the key without a password."
            )
            raise UsageError(msg) from err
        return [pair]


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        msg = f"Cannot read the {what} {str(path)!r}: {err.strerror}. Expected a PEM file."
        raise UsageError(msg) from err


def _is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach *host*."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = {str(entry[4][0]).partition("%")[0] for entry in found}
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)
