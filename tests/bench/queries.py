"""Queries over many sequences: how long they take, and how many chunks they open."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
from pyarrow import flight

from mosaico_ingest.client.query import Clause, Q, make_query
from mosaico_ingest.protocol.flight import PutCommand, location
from mosaico_ingest.protocol.generations import DEFAULT_GENERATION, find_generation
from mosaico_ingest.protocol.ulid import make_ulid
from mosaico_ingest.protocol.wire import dump, to_json
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.query import Finder
from mosaico_ingest.server.service import MosaicoServer
from mosaico_ingest.server.tables import TopicState, sequences, sessions, topics
from tests.bench.measuring import best, table

__all__ = ["run"]

SEQUENCES, TOPICS, ROWS = 1000, 20, 1000
SCHEMA = pa.schema(
    [
        pa.field("timestamp_ns", pa.int64(), nullable=False),
        ("acceleration", pa.struct([("x", pa.float64()), ("y", pa.float64())])),
    ]
)
X = Q.ontology("imu.acceleration.x")

QUERIES: dict[str, list[Clause]] = {
    "sequence name is": [Q.sequence.name == "drive_0500"],
    "sequence name has": [Q.sequence.name.match("_099")],
    "sequence metadata is": [Q.sequence.metadata("site.name") == "site 7"],
    "topic metadata is, of a few": [Q.topic.metadata("serial") == "500-3"],
    "topic metadata is, of a twentieth": [Q.topic.metadata("_ros_.msgtype") == "type/3"],
    "topic metadata is greater, of all": [Q.topic.metadata("rate") > 1e9],
    "rows, of 1 %": [X > SEQUENCES * 0.99],
    "rows, of one sequence": [X.between(500.2, 500.8)],
    "rows, of 10 % by name": [X > 0, Q.sequence.name.match("_09")],
    "rows, of none": [X > SEQUENCES * 2],
}


def run(folder: Path, options: argparse.Namespace) -> None:
    """Print a row per query."""
    store = folder / "queries"
    if not store.exists():
        _fill(store)
    generation = find_generation(DEFAULT_GENERATION)
    with _finder(store) as finder:
        rows = []
        for name, clauses in QUERIES.items():
            query = make_query(clauses, None, time_ranges=True)
            median_s, least_s = best(
                lambda query=query: finder.find(query, generation), options.repeat
            )
            found = finder.find(query, generation)
            opened = f"{found.opened} of {found.chunks}" if found.chunks else "-"
            rows.append(
                (name, len(found.topics), f"{median_s * 1e3:.1f}", f"{least_s * 1e3:.1f}", opened)
            )
    print(f"{SEQUENCES} sequences of {TOPICS} topics; one of each has {ROWS} rows in a chunk.\n")
    table(("query", "topics found", "median ms", "least ms", "chunks opened"), rows)


@contextmanager
def _finder(store: Path) -> Iterator[Finder]:
    with FolderStore(store) as chunks, Catalog.open(chunks.catalog_path) as catalog:
        yield Finder(catalog, chunks)


def _fill(store: Path) -> None:
    """Enter what there is into the catalog, and upload the rows."""
    names = [f"drive_{number:04}" for number in range(SEQUENCES)]
    uuids = [str(uuid4()) for _ in names]
    with FolderStore(store) as chunks, Catalog.open(chunks.catalog_path) as catalog:
        now_ns = time.time_ns()
        with catalog.write() as connection:
            for number, name in enumerate(names):
                site = {"site": {"name": f"site {number % 50}"}, "note": "x" * 200}
                row = {"name": name, "user_metadata": to_json(site), "created_at_ns": now_ns}
                key = connection.execute(sequences.insert(), row).inserted_primary_key
                sequence = {"sequence_id": key[0], "created_at_ns": now_ns}
                ulid = make_ulid(now_ns, number.to_bytes(10, "big"))
                row = {**sequence, "uuid": str(uuid4()), "ulid": ulid}
                session = connection.execute(sessions.insert(), row).inserted_primary_key
                connection.execute(
                    topics.insert(),
                    [
                        {
                            **sequence,
                            "session_id": session[0],
                            "name": f"/topic_{topic}",
                            "uuid": str(uuid4()) if topic else uuids[number],
                            "ontology_tag": f"type_{topic}" if topic else "imu",
                            "serialization_format": "default",
                            "user_metadata": _metadata(number, topic),
                            "state": TopicState.Empty.value,
                        }
                        for topic in range(TOPICS)
                    ],
                )
    with MosaicoServer(store) as server:
        client = flight.connect(location(server.host, server.port))
        for number, (name, uuid) in enumerate(zip(names, uuids, strict=True)):
            command = dump(PutCommand(f"{name}/topic_0", uuid))
            writer, _ = client.do_put(flight.FlightDescriptor.for_command(command), SCHEMA)
            with writer:
                writer.write_batch(_rows(number))
        client.close()


def _metadata(number: int, topic: int) -> str:
    told = {"msgtype": f"type/{topic}", "definition": "float64 x\n" * 50}
    return to_json({"_ros_": told, "rate": topic * 10.0, "serial": f"{number}-{topic}"})


def _rows(number: int) -> pa.RecordBatch:
    x = pa.array(number + np.arange(ROWS) / ROWS)
    acceleration = pa.StructArray.from_arrays([x, x], ["x", "y"])
    return pa.record_batch([pa.array(np.arange(ROWS)), acceleration], schema=SCHEMA)
