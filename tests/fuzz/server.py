"""
The server: every action, descriptors, tickets, criteria and uploads, over the wire, to a child process.

Whatever comes, the answer is data or a refusal of a known kind, in time, without traceback or path, and never
an internal error; afterwards the server answers still, and has no more threads and descriptors than before.
"""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa
from pyarrow import flight

from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.protocol.actions import ACTIONS
from mosaico_ingest.protocol.faults import read_fault
from mosaico_ingest.protocol.filters import Operator
from mosaico_ingest.protocol.generations import GENERATIONS
from mosaico_ingest.server.runner import ServerProcess, serve

from .mutating import TEXTS, Mutator
from .outcome import LEAST_CASES, Outcome
from .uploads import any_batches, any_schema

__all__ = ["run"]

_CALL_S = 20.0
_SETTLE_S = 10.0
_CASES_PER_ROUND = 400
_SPARE_THREADS = 8  # gRPC keeps some for the next calls
_SPARE_FILES = 12
"""SQLite keeps up to 15 connections of a pool, each with its file and its log."""

_ROWS = pa.schema([pa.field("timestamp_ns", pa.int64(), nullable=False), ("data", pa.float64())])
_UUID = "00000000-0000-0000-0000-000000000000"
_OPERATORS = [*Operator, "$like"]
_KEYS = ["floating64.data", "floating64.timestamp_ns", "floating64.data[?]", "imu.x.y", "nothing"]
_PATHS = ["a", "a.b.0", "a[*].b", "**.b", "*", "a..b", "9" * 20]


def run(rng: random.Random, seconds: float, folder: Path) -> Outcome:
    """Fuzz for *seconds*, a fresh server for every generation in turn."""
    outcome, ends = Outcome(), time.monotonic() + seconds
    generations = [*GENERATIONS]
    rng.shuffle(generations)
    while time.monotonic() < ends and not outcome.is_full:
        generation = generations[len(list(folder.iterdir())) % len(generations)]
        store = folder / f"store-{len(list(folder.iterdir()))}"
        with serve(store, generation=generation) as server:
            _Round(rng, server, store, outcome).run(ends)
    return outcome


class _Round:
    """Some hundred cases against one server."""

    def __init__(
        self, rng: random.Random, server: ServerProcess, store: Path, outcome: Outcome
    ) -> None:
        self._rng = rng
        self._mutator = Mutator(rng)
        self._server = server
        self._secrets = [
            str(store),
            "site-packages",
            "Traceback",
            'File "',
            "sqlalchemy",
            "sqlite3",
        ]
        self._outcome = outcome
        self._options = flight.FlightCallOptions(timeout=_CALL_S)
        self._session = _UUID

    def run(self, ends: float) -> None:
        process = psutil.Process(self._server.pid)
        self._client = flight.connect(self._server.url)
        try:
            self._prepare()
            before = process.num_threads(), process.num_fds()
            cases = [self._action, self._action, self._info, self._ticket, self._list, self._put]
            for number in range(_CASES_PER_ROUND):
                is_over = number >= LEAST_CASES and time.monotonic() > ends
                if is_over or self._outcome.is_full:
                    break
                if number % 50 == 49:
                    self._prepare()
                self._outcome.cases += 1
                self._rng.choice(cases)()
                if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                    self._outcome.add("the case before", "the server is gone")
                    return
            self._try("a plain question", lambda: self._act("version", b"{}"), may_refuse=False)
        finally:
            self._client.close()
        self._await_rest(process, *before)

    def _await_rest(self, process: psutil.Process, threads: int, files: int) -> None:
        """Wait until nothing is left of the cases."""
        ends = time.monotonic() + _SETTLE_S
        while True:
            now = process.num_threads(), process.num_fds()
            if now[0] <= threads + _SPARE_THREADS and now[1] <= files + _SPARE_FILES:
                return
            if time.monotonic() > ends:
                self._outcome.add(
                    f"{(threads, files)} before, {now} after", "threads or files grew"
                )
                return
            time.sleep(0.05)

    def _prepare(self) -> None:
        """Have a sequence with a topic of rows, and an open session with one that waits for an upload."""
        for name, body in (
            ("sequence_delete", {"locator": "s"}),
            ("sequence_create", {"locator": "s", "user_metadata": {"a": [{"b": 1}]}}),
        ):
            self._try("prepare", lambda name=name, body=body: self._act(name, _json(body)))
        answer = self._try("prepare", lambda: self._act("session_create", b'{"locator": "s"}'))
        self._session = (answer or {}).get("uuid", _UUID)
        uuid = self._create("s/t")
        batch = pa.record_batch([pa.array(range(99)), pa.array([0.5] * 99)], schema=_ROWS)
        self._try("prepare", lambda: self._upload("s/t", uuid, _ROWS, [batch]))
        self._create("s/u")

    def _create(self, locator: str) -> str:
        body = self._templates()["topic_create"] | {"locator": locator}
        answer = self._try("prepare", lambda: self._act("topic_create", _json(body)))
        return (answer or {}).get("uuid", _UUID)

    def _templates(self) -> dict[str, dict[str, object]]:
        """Return a body for each action that the server would understand."""
        named = {"locator": self._rng.choice(["s", "s/t", "s/u", "none", "s/none", *TEXTS[:14]])}
        notice = {**named, "notification_type": "error", "msg": "m"}
        rows = {self._rng.choice(_KEYS): self._operation() for _ in range(self._rng.randrange(3))}
        wanted = {"locator": "s/t", "clustering_dt_ns": self._rng.choice([0, 1, 2**62])}
        wanted["ontology"] = {"floating64.data": {"$gt": 0}} | rows
        return {
            **{action.value: named for action in ACTIONS},
            "sequence_create": {**named, "user_metadata": {"a": {"b": [1, 2]}}},
            "session_create": {"locator": "s"},
            "session_finalize": {"session_uuid": self._rng.choice([self._session, _UUID])},
            "session_delete": {"session_uuid": _UUID},
            "topic_create": {
                "session_uuid": self._session,
                "locator": f"s/{self._rng.randrange(10**9)}",
                "serialization_format": "default",
                "ontology_tag": "floating64",
                "user_metadata": {},
            },
            "sequence_notification_create": notice,
            "topic_notification_create": notice,
            "api_key_create": {"permissions": "read", "description": "d", "expires_at_ns": 1},
            "api_key_status": {"api_key_fingerprint": "00000000"},
            "api_key_revoke": {"api_key_fingerprint": "00000000"},
            "query": {
                "sequence": {"locator": self._operation()},
                "topic": {"user_metadata": {self._rng.choice(_PATHS): self._operation()}},
                "ontology": {**rows, "include_timestamp_range": True},
            },
            "topic_filter_clusterize": {
                **wanted,
                "timestamp_range": {"start_ns": self._rng.choice([0, -(2**63)]), "end_ns": 50},
            },
            "topic_filter_intersect": {"topics": [wanted, wanted], "intersect_dt_ns": 2**62},
        }

    def _operation(self) -> dict[str, object]:
        value = self._mutator.value()
        return {self._rng.choice(_OPERATORS): value}

    def _action(self) -> None:
        templates = self._templates()
        name = self._rng.choice([*templates])
        body = self._mutator.body(templates[name])
        if self._rng.random() < 0.03:
            name = self._rng.choice([t for t in TEXTS if t.isprintable() and "\ud800" not in t])
        self._try(f"action {name} {body!r}", lambda: self._act(name, body))

    def _command(self) -> bytes:
        window = {"timestamp_ns_start": self._rng.choice([0, 5, -(2**63)]), "timestamp_ns_end": 50}
        named = {"resource_locator": self._rng.choice(["s", "s/t", "s/u", "s/none"])}
        return self._mutator.body(named | (window if self._rng.random() < 0.5 else {}))

    def _info(self) -> None:
        command = self._command()
        descriptor = flight.FlightDescriptor.for_command(command)
        if self._rng.random() < 0.1:
            descriptor = flight.FlightDescriptor.for_path(self._rng.choice(TEXTS[:12]), b"x")
        if self._rng.random() < 0.5:
            self._try(
                f"info {command!r}",
                lambda: self._client.get_flight_info(descriptor, self._options),
            )
        else:
            self._try(
                f"schema {command!r}",
                lambda: self._client.get_schema(descriptor, self._options).schema,
            )

    def _ticket(self) -> None:
        ticket = self._command()
        self._try(
            f"ticket {ticket!r}",
            lambda: self._client.do_get(flight.Ticket(ticket), self._options).read_all(),
        )

    def _list(self) -> None:
        criteria = self._mutator.damaged(b"/")
        self._try(
            f"criteria {criteria!r}",
            lambda: list(self._client.list_flights(criteria, self._options)),
        )

    def _put(self) -> None:
        locator = f"s/p{self._rng.randrange(10**9)}"
        uuid = self._create(locator)
        schema = any_schema(self._rng)
        batches = any_batches(self._rng, schema)
        told = f"upload of {schema} in {len(batches)} batches"
        self._try(told, lambda: self._upload(locator, uuid, schema, batches))
        self._try(
            f"read after {told}",
            lambda: self._client.do_get(
                flight.Ticket(_json({"resource_locator": locator})), self._options
            ).read_all(),
        )

    def _upload(
        self, locator: str, uuid: str, schema: pa.Schema, batches: list[pa.RecordBatch]
    ) -> None:
        message = {"resource_locator": locator, "topic_uuid": uuid}
        command = _json(message)
        if self._rng.random() < 0.2:
            command = self._mutator.body(message)
        descriptor = flight.FlightDescriptor.for_command(command)
        writer, _ = self._client.do_put(descriptor, schema, self._options)
        try:
            for batch in batches:
                if self._rng.random() < 0.05:
                    writer.write_metadata(self._rng.randbytes(9))
                if self._rng.random() < 0.1:
                    writer.write_with_metadata(batch, self._rng.randbytes(9))
                else:
                    writer.write_batch(batch)
        finally:
            writer.close()

    def _act(self, name: str, body: bytes) -> dict[str, object] | None:
        action = flight.Action(name, body)
        bodies = [r.body.to_pybytes() for r in self._client.do_action(action, self._options)]
        answers = [json.loads(body) for body in bodies]
        assert all(answer["action"] == name for answer in answers)
        return answers[0]["response"] if answers else None

    def _try(
        self, case: str, call: Callable[[], object], *, may_refuse: bool = True
    ) -> dict[str, object] | None:
        """Make a call and look at how it ends."""
        try:
            answer = call()
        except (flight.FlightError, pa.ArrowException, OSError) as err:
            wrong = self._wrong(err) if may_refuse else f"refused: {err}"
            if wrong:
                self._outcome.add(case, wrong)
            return None
        return answer if isinstance(answer, dict) else None

    def _wrong(self, err: Exception) -> str | None:
        """Say what about a refusal is not as it should be."""
        text = str(err)
        kind, message = read_fault(text, getattr(err, "extra_info", b""))
        if "sendmsg: Bad address" in text:  # the client itself broke on what it was to send
            return None
        leaked = [secret for secret in self._secrets if secret in text]
        if leaked:
            return f"{leaked} leaked: {text[:500]}"
        if kind is None:
            return f"refused in words of nobody: {type(err).__name__} {text[:300]}"
        if isinstance(err, flight.FlightTimedOutError | flight.FlightUnavailableError):
            return f"no answer: {text[:300]}"
        if kind is ServerFaultError and "Internal error" in message:
            return f"failed: {text[:300]}"
        return None


def _json(message: object) -> bytes:
    return json.dumps(message).encode()
