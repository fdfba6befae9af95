"""
`MosaicoClient`: the library's front, a resource manager of three layers.

Must not know: recordings, plugins. Next: `mosaico_ingest.server.service`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.administration import Administration
from mosaico_ingest.client.facts import SequenceSystemInfo, TopicSystemInfo
from mosaico_ingest.client.handlers import SequenceHandler, TopicHandler
from mosaico_ingest.client.known import KnownHandlers
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.locators import sequence_locator
from mosaico_ingest.client.query import Clause, QueryResult, ask_query, make_query
from mosaico_ingest.client.sequence import FindOntology, SequenceUpdater, SequenceWriter
from mosaico_ingest.enum import FlightAction, GRPCCompressionAlgorithm, SessionLevelErrorPolicy
from mosaico_ingest.protocol.flight import DEFAULT_PORT, GRPCCompression
from mosaico_ingest.protocol.messages import ResourceRequest

__all__ = ["MosaicoClient"]


class MosaicoClient(Administration):
    """
    A connection to a Mosaico server: control, data and processing.

    Metadata has a connection of its own, so that it never waits behind data; uploads are striped over N
    connections, one topic on one; pushed rows are prepared in the background while others are sent.

    Made by `connect`. Used in a `with` block, or closed with `close`. Nothing here returns None for
    "missing": it raises `NotFoundError`.

    Thread: any.
    """

    def __init__(self, layers: Layers, ontologies: FindOntology | None = None) -> None:
        super().__init__(layers)
        self._ontologies = ontologies
        self._known = KnownHandlers(layers)
        self._is_closed = False

    @classmethod
    def connect(
        cls,
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        *,
        api_key: str | None = None,
        tls: bool | str | Path = False,
        compression: GRPCCompression | GRPCCompressionAlgorithm = GRPCCompressionAlgorithm.Null,
        timeout_s: float = 5.0,
        connections: int = 0,
        encoders: int = 0,
        ontologies: FindOntology | None = None,
    ) -> Self:
        """
        Connect to a server, and make sure that it answers.

        Args:
            host: A host's name or number, or a URL (`grpc://host:port`, `grpc+tls://host:port`).
            port: Where it listens, unless the URL says so.
            api_key: The token, for a server with keys.
            tls: True for TLS with the system's certificates; a path for TLS with those in that file.
            compression: Of what is sent, for slow networks; servers decide about what they send.
            timeout_s: How long to wait for its first answer.
            connections: How many carry data, 0 for one per core but four at most.
            encoders: How many threads prepare pushed rows, 0 for one per core but four at most.
            ontologies: Resolves the tags given to `topic_create`.

        Raises:
            UnreachableError: Nobody answers there, TLS settings differ, or it is no Mosaico server.
            TimedOutError: What is there does not answer in time.
            UnauthorizedError: The API key is missing or refused.
            UsageError: The address or the certificate file cannot be used.
        """
        address = Address.parse(host, port, tls=tls, api_key=api_key, compression=compression)
        return cls.connect_to(
            address,
            timeout_s=timeout_s,
            connections=connections,
            encoders=encoders,
            ontologies=ontologies,
        )

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] = os.environ,
        *,
        timeout_s: float = 5.0,
        ontologies: FindOntology | None = None,
    ) -> Self:
        """
        Connect to the server that the environment names; see `Address.from_env` and `connect`.

        Raises:
            UsageError: `MOSAICO_DAEMON_URL` is not set.
        """
        return cls.connect_to(Address.from_env(environ), timeout_s=timeout_s, ontologies=ontologies)

    @classmethod
    def connect_to(
        cls,
        address: Address,
        *,
        timeout_s: float = 5.0,
        connections: int = 0,
        encoders: int = 0,
        ontologies: FindOntology | None = None,
    ) -> Self:
        """Connect to the server at *address*; see `connect`."""
        layers = Layers.of(address, connections=connections, encoders=encoders)
        try:
            layers.control.probe(timeout_s)
        except BaseException:
            layers.close()
            raise
        return cls(layers, ontologies)

    def close(self) -> None:
        """
        Release every layer; may be called twice.

        Uploads that are still open are broken off: their topics stay incomplete. Threads that use
        `TopicWriter.write` must have ended.
        """
        self._is_closed = True
        self._known.clear()
        self._layers.close()

    @property
    def connections(self) -> int:
        """How many connections carry data: numbers below this are valid for `topic_create`."""
        return len(self._layers.connections)

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._layers.control.address.url

    def version(self) -> str:
        """Return the version that the server states."""
        return self._layers.control.version().version

    def sequence_create(
        self,
        name: str,
        metadata: Mapping[str, object] | None = None,
        on_error: SessionLevelErrorPolicy = SessionLevelErrorPolicy.Report,
    ) -> SequenceWriter:
        """
        Return a writer for a new sequence. The server hears of it when the `with` block is entered.

        Args:
            name: A name that is not taken.
            metadata: User metadata, JSON values.
            on_error: What becomes of an upload that fails: reported or deleted.

        Raises:
            NameRefusedError: The platform refuses the name.
        """
        return SequenceWriter(
            self._layers,
            name,
            metadata=metadata,
            on_error=on_error,
            ontologies=self._ontologies,
            opened=self._known.forget,
        )

    def sequence_update(
        self, name: str, on_error: SessionLevelErrorPolicy = SessionLevelErrorPolicy.Report
    ) -> SequenceUpdater:
        """Return a writer that adds a session to a sequence; see `sequence_create`."""
        return SequenceUpdater(
            self._layers,
            name,
            on_error=on_error,
            ontologies=self._ontologies,
            opened=self._known.forget,
        )

    def sequence_handler(self, name: str) -> SequenceHandler:
        """
        Return what the server tells about a sequence; complete ones are asked about once.

        The answer is kept until this client updates or deletes the sequence, or is closed.

        Raises:
            NotFoundError: There is none.
        """
        return self._known.sequence(name)

    def topic_handler(self, sequence: str, topic: str) -> TopicHandler:
        """
        Return what the server tells about a topic, and the way to its rows; kept like `sequence_handler`.

        Args:
            sequence, topic: Their names; that of the topic with or without its leading slash.

        Raises:
            NotFoundError: There is none.
        """
        return self._known.topic(sequence, topic)

    def query(self, *conditions: Clause, time_ranges: bool = True) -> QueryResult:
        """
        Find the topics that meet all *conditions*.

        A topic meets conditions on rows if one of its rows meets all of those on its type; with several
        types a sequence must have such topics of each.

        Args:
            conditions: Comparisons of what `Q` names; none finds every topic.
            time_ranges: Whether to seek the first and the last matching row, where rows are asked about.

        Raises:
            UsageError: A condition is on a field that its type does not have, or two are on one field.
            InvalidRequestError: The server cannot answer it.
        """
        query = make_query(conditions, self._ontologies, time_ranges=time_ranges)
        answer = ask_query(self._layers.control, query)
        return QueryResult.read_answer(answer, self.topic_handler)

    def list_sequences(self) -> list[str]:
        """Return the names of all sequences, complete or not, sorted."""
        return self._layers.control.list_sequences()

    def sequence_delete(self, name: str) -> None:
        """
        Delete a sequence with all its sessions, topics, rows and notifications, also a complete one.

        Raises:
            NotFoundError: There is none.
            UnauthorizedError: The API key does not allow it.
        """
        name = sequence_locator(name)
        try:
            self._layers.control.ask(FlightAction.SequenceDelete, ResourceRequest(name))
        finally:
            self._known.forget(name)

    def sequence_system_info(self, name: str) -> SequenceSystemInfo:
        """
        Return the size and state of a sequence.

        Raises:
            NotFoundError: There is none.
        """
        return self.sequence_handler(name).system_info

    def topic_system_info(self, sequence: str, topic: str) -> TopicSystemInfo:
        """
        Return the size and state of a topic.

        Raises:
            NotFoundError: There is none.
        """
        return self.topic_handler(sequence, topic).info.system_info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        layers = self._layers
        if self._is_closed:
            return f"<MosaicoClient {layers.control.address.url}: closed>"
        parts = f"{layers.connections!r} {layers.encoders!r} {layers.budget!r}"
        return f"<MosaicoClient {layers.control.address.url}: {parts}>"
