"""Fixtures that every test may ask for."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.register_assert_rewrite("mosaico_ingest.testing")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with recordings of public projects, beside the checkout; skips where it is absent."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"The shared recordings are absent: {folder} does not exist.")
    return folder


@pytest.fixture
def make_certificate(tmp_path) -> Callable[[str], tuple[Path, Path]]:
    """`make_certificate(name)`: paths of a certificate for 127.0.0.1 and of its private key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def make(name: str = "tls") -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(key, hashes.SHA256())
        )
        paths = tmp_path / f"{name}-cert.pem", tmp_path / f"{name}-key.pem"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    return make


@pytest.fixture
def certificate(make_certificate) -> tuple[Path, Path]:
    """Paths of a certificate for 127.0.0.1 and of its private key."""
    return make_certificate("server")
