"""
Running the server: in this process, or as a child that ends when its parent does.

The child tells through its stdout that it is ready, or why it cannot be, and takes the end of its stdin for
the death of its parent. It is in a session of its own: a Ctrl-C at the terminal is for the parent alone.

Must not know: what is served. Next: nothing, this is the end of the path.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

import attrs

from mosaico_ingest import errors
from mosaico_ingest.protocol.flight import location
from mosaico_ingest.protocol.generations import DEFAULT_GENERATION, find_generation
from mosaico_ingest.server.addresses import (
    credentials_in,
    is_bucket,
    normal_place,
    without_credentials,
)
from mosaico_ingest.server.security import Security

if TYPE_CHECKING:
    from mosaico_ingest.server.rebuild import Rebuilt

__all__ = ["CATALOG_VARIABLE", "ServerProcess", "rebuild_store", "run_server", "serve"]

CATALOG_VARIABLE = "MOSAICO_CATALOG"
"""The variable of the environment that names the catalog where nothing else does."""

_LOOK_UP_S = 0.5
_GRACE_S = 2.0
_STOP_S = 15.0
_MALLOPT = {-1: 256 * 1024 * 1024, -2: 64 * 1024 * 1024, -3: 32 * 1024 * 1024, -8: 2}
"""Parameters of glibc's malloc: trim threshold, top pad, mmap threshold, arenas."""


class ServerProcess:
    """
    A server in a child process; see `serve`.

    Attributes:
        host, port, url: Where it listens.
        pid: Its process id.
        store: Its folder, or the address of its bucket without credentials.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        store: str | Path,
        host: str,
        port: int,
        *,
        tls: bool = False,
    ) -> None:
        self._process = process
        self.store = store
        self.host = host
        self.port = port
        self.url = location(host, port, tls=tls)
        self.pid = process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        code = self._process.poll()
        state = "running" if code is None else f"ended with {code}"
        return f"<ServerProcess {self.url} pid {self.pid} {self.store} {state}>"

    def stop(self) -> None:
        """End the server: uploads that still run are broken off; may be called twice."""
        _end(self._process)


def serve(
    store: str | Path,
    *,
    catalog: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    generation: str = DEFAULT_GENERATION,
    security: Security | None = None,
) -> ServerProcess:
    """
    Start a server on *store* in a child process and return when it takes calls.

    Args:
        store: The folder, created if missing, or `s3://BUCKET/PREFIX`, which needs a catalog.
        catalog: Address of a database of PostgreSQL, which several servers of the store may share, or for a
            bucket `sqlite:///PATH`; by default what MOSAICO_CATALOG in the environment names, else SQLite in
            the folder of the store.
        host, port: Where to listen; port 0 takes a free one.
        generation: Which clients it serves, `0.3` to `0.7`.
        security: Keys and TLS; without, it listens to this machine only.

    Raises:
        UsageError: The generation is unknown, the address cannot be listened on or needs more security, the
            certificate or the catalog's address cannot be used, or keys are required and the store has none.
        StoreError: Store or catalog cannot be used; `StoreLockedError` if another server holds the store.
    """
    find_generation(generation)
    security = security or Security()
    place = normal_place(store)
    shown = without_credentials(place)
    command = [
        sys.executable,
        "-P",  # what lies in the working directory is the user's, not a module of ours
        "-m",
        "mosaico_ingest.server",
        shown,
        host,
        str(port),
        generation,
        json.dumps(attrs.asdict(security), default=str),  # paths, no secrets: others may read it
    ]
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        command,
        # Not among the arguments: it may hold a password, and others may read those.
        env={
            **os.environ,
            **credentials_in(place),
            **({} if catalog is None else {CATALOG_VARIABLE: catalog}),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        port = _read_ready(told, process)
    except BaseException:
        _end(process)
        raise
    where = shown if is_bucket(place) else Path(place)
    return ServerProcess(process, where, host, port, tls=security.is_encrypted)


def run_server(
    store: str | Path,
    *,
    catalog: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    generation: str = DEFAULT_GENERATION,
    security: Security | None = None,
    on_ready: Callable[[int], None] | None = None,
    parent: int | None = None,
) -> None:
    """
    Serve in this process until SIGINT or SIGTERM, or until *parent* ends.

    Calls that still run get a few seconds; then the process ends, whatever they wait for: what is finalized
    is safe at any instant.

    Args:
        store, catalog, host, port, generation, security: As in `serve`.
        on_ready: Called with the port once calls are taken.
        parent: File descriptor of a pipe whose end is the signal to stop.

    Raises:
        UsageError, StoreError: As in `serve`.

    Thread: the main one.
    """
    _tune_memory()
    from mosaico_ingest.server.service import MosaicoServer

    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _allow_many_files()
        server = MosaicoServer(
            store,
            catalog=catalog,
            host=host,
            port=port,
            generation=generation,
            security=security,
        )
        closing = threading.Thread(target=server.close, name="mi-close", daemon=True)
        try:
            if parent is not None:
                threading.Thread(
                    target=_wait_for_end, args=(parent, ended), name="mi-parent", daemon=True
                ).start()
            if on_ready is not None:
                on_ready(server.port)
            # Not for ever at once: a signal that the kernel gave to another thread wakes no lock, and its
            # handler runs when this thread looks up.
            while not ended.wait(_LOOK_UP_S):
                pass
        finally:
            closing.start()
            closing.join(_GRACE_S)
        if closing.is_alive():
            sys.stdout.flush()
            os._exit(0)  # a stream that nobody ends keeps the service from ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def rebuild_store(store: str | Path, *, catalog: str | None = None) -> "Rebuilt":
    """
    Give a store that nobody serves a new catalog, made from what lies in it; the old one is kept aside.

    Args:
        store, catalog: As in `serve`.

    Raises:
        UsageError, StoreError: As in `serve`.
    """
    _tune_memory()
    from mosaico_ingest.server.pairing import catalog_url, open_store, rebuild_catalog

    url = catalog_url(catalog)
    with open_store(normal_place(store), url, alone=True) as opened:
        return rebuild_catalog(opened, url)


def run_child(arguments: list[str]) -> int:
    """Be the child of `serve`: *arguments* are store, host, port, generation and security as JSON."""
    store, host, port, generation, security = arguments
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads a stray print of a library

    def tell(told: dict[str, object]) -> None:
        with out:
            out.write(json.dumps(told).encode() + b"\n")

    try:
        run_server(
            store,
            host=host,
            port=int(port),
            generation=generation,
            security=Security(**json.loads(security)),
            on_ready=lambda taken: tell({"port": taken}),
            parent=sys.stdin.fileno(),
        )
    except errors.MosaicoError as err:
        tell({"error": type(err).__name__, "message": str(err)})
        return 1
    return 0


def _read_ready(told: bytes, process: subprocess.Popen[bytes]) -> int:
    if not told:
        msg = f"The server ended with code {process.wait()} before it was ready; see its output above."
        raise errors.StoreError(msg)
    answer = json.loads(told)
    if "error" in answer:
        kind: type[errors.MosaicoError] = getattr(errors, answer["error"])
        raise kind(answer["message"])
    return int(answer["port"])


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for_end(pipe: int, ended: threading.Event) -> None:
    while os.read(
        pipe, 4096
    ):  # not through sys.stdin: its lock would be held when the interpreter ends
        pass
    ended.set()


def _allow_many_files() -> None:
    """Raise the limit of open files to what the system lets us: each upload holds one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tune_memory() -> None:
    """
    Keep the memory of messages for the next ones; called before pyarrow is imported.

    gRPC takes a fresh buffer per message, and giving each back to the system at once, as glibc does with
    large ones, halves the rate of uploads: the time goes into page faults. Arrow's own allocator keeps free
    memory per thread, which adds up over hundreds of uploads; so Arrow uses malloc as well.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc only
        for parameter, value in _MALLOPT.items():
            mallopt(parameter, value)
