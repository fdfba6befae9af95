"""A server that takes every upload and keeps nothing: what is measured against it is the client alone."""

import json
import subprocess
import sys
import threading
import uuid
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.flight as fl


class _Discard(fl.FlightServerBase):
    """Answers as a server of generation 0.5 does, with nothing behind it."""

    def __init__(self) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._lock = threading.Lock()

    def list_flights(self, context: object, criteria: bytes) -> list[fl.FlightInfo]:
        """List nothing: whatever comes is new."""
        return []

    def do_action(self, context: object, action: fl.Action) -> list[bytes]:
        """Agree to everything."""
        name, request = action.type, json.loads(action.body.to_pybytes())
        answer: object = None
        if name == "version":
            semver = {"major": 0, "minor": 5, "patch": 0, "pre": ""}
            answer = {"version": "0.5.0", "semver": semver}
        elif name == "session_create":
            key = str(uuid.uuid4())
            answer = {"uuid": key, "locator": f"{request['locator']}:01JGX3V8ZK6Q2M4T7R9B5C1D0E"}
        elif name == "topic_create":
            answer = {"uuid": str(uuid.uuid4())}
        return [json.dumps({"action": name, "response": answer}).encode()]

    def do_put(
        self,
        context: object,
        descriptor: fl.FlightDescriptor,
        reader: fl.MetadataRecordBatchReader,
        writer: object,
    ) -> None:
        """Read to the end."""
        for _ in reader:
            pass

    def get_flight_info(self, context: object, descriptor: fl.FlightDescriptor) -> fl.FlightInfo:
        """Answer with a sequence without topics, which the injector asks for at its end."""
        manifest = {
            "created_at_ns": 1,
            "resource_locator": "x",
            "user_metadata": {},
            "sessions": [],
        }
        schema = pa.schema([], {"mosaico:context": "sequence", "mosaico:user_metadata": "{}"})
        return fl.FlightInfo(schema, descriptor, [], -1, -1, False, json.dumps(manifest).encode())


class discarding_server:  # noqa: N801 - used as a context manager, like serve()
    """The server in a process of its own, as the embedded one is."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.discard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.host, self.port = "127.0.0.1", int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()


if __name__ == "__main__":
    with _Discard() as server:
        print(server.port, flush=True)
        sys.stdin.read()
