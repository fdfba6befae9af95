"""
`MapperContract`: what every mapper promises, as a pytest class to subclass.

A plugin author gives a mapper and samples of decoded columns; the rest is derived from them by
mapping again in slices, empty, under every clock and from several threads. Register the module for
assertion rewriting (`pytest.register_assert_rewrite("mosaico_ingest.testing.mapper")`) to see values
in failures.

Must not know: any particular mapper. Next: `mosaico_ingest.hooks.contracts`.
"""

import pickle
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.hooks.contracts import Mapper, MapRequest, MapRows
from mosaico_ingest.model.batch import Times
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import Claim
from mosaico_ingest.model.recording import Channel

__all__ = ["MapperContract", "MapperSample", "nulls_out_of_place"]

_THREADS = 4


@attrs.frozen(kw_only=True, eq=False)
class MapperSample:
    """
    Decoded columns that a mapper must take.

    Args:
        channel: Where they come from.
        data: At least two rows, extremes among them.
        options: The mapper's settings.
        rows_of: Number of rows that each message becomes, None for one each.
        has_header: Whether its rows carry a stamp of their own.
    """

    channel: Channel
    data: pa.RecordBatch
    options: object = None
    rows_of: Sequence[int] | None = None
    has_header: bool = False

    def times(self) -> Times:
        """Return clocks that differ from each other and from row to row."""
        n = self.length
        return Times(
            log_ns=pa.array([10**18 + 7 * k for k in range(n)], pa.int64()),
            publish_ns=pa.array([10**17 + 3 * k for k in range(n)], pa.int64()),
        )

    @property
    def length(self) -> int:
        """Number of messages; three where messages without fields have no column to count by."""
        return self.data.num_rows if self.data.num_columns else 3

    def counts(self) -> list[int]:
        """Return the number of rows per message."""
        return [1] * self.length if self.rows_of is None else list(self.rows_of)


class MapperContract:
    """
    The promises of a mapper.

    Subclass it and override the fixtures `mapper`, `ontologies` and `samples`.
    """

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The mapper under test."""
        raise NotImplementedError

    @pytest.fixture
    def ontologies(self) -> Sequence[Ontology]:
        """The registered types that it maps to."""
        return ()

    @pytest.fixture
    def samples(self) -> Mapping[str, MapperSample]:
        """Columns that it must take, by a name for failures."""
        raise NotImplementedError

    def test_claims_can_travel(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """Every sample is claimed, for a type that exists, by a value that is picklable and repeatable."""
        for name, sample in samples.items():
            claim = _claim(mapper, sample)

            assert claim == pickle.loads(pickle.dumps(claim)), name  # noqa: S301 (our own bytes)
            assert claim == _claim(mapper, sample), name
            assert claim.tag == _ontology(claim, ontologies).tag, name
            assert claim.reason, name

    def test_strangers_do_no_harm(
        self, mapper: Mapper, samples: Mapping[str, MapperSample]
    ) -> None:
        """A type's name with other columns than it should have raises nothing: it is claimed or not."""
        for sample in samples.values():
            for columns in (
                pa.schema([]),
                pa.schema([("header", pa.string())]),
                pa.schema([(name, pa.struct([])) for name in sample.data.schema.names]),
                pa.schema([(name, pa.list_(pa.null())) for name in sample.data.schema.names]),
            ):
                claim = mapper.claim(sample.channel, columns, sample.options)

                assert claim is None or claim.tag

    def test_schema_is_exact(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """Rows have the type's columns, down to list item names, valid and with no null out of place."""
        for name, sample in samples.items():
            rows, ontology = _prepare(mapper, ontologies, sample)
            batch = rows(sample.data, sample.times())
            batch.validate(full=True)

            assert batch.schema.equals(ontology.schema, check_metadata=True), name
            for field, column in zip(batch.schema, batch.columns, strict=True):
                assert column.type.equals(field.type, check_metadata=True), f"{name}: {field.name}"
                assert list(nulls_out_of_place(column, field)) == [], name

    def test_every_message_has_its_rows(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """A message becomes one row, or as many as the sample says, in order, with its log time."""
        for name, sample in samples.items():
            rows, _ = _prepare(mapper, ontologies, sample)
            batch = rows(sample.data, sample.times())

            assert _repeated(sample.times().log_ns, sample) == _clock(
                batch, "recording_timestamp_ns"
            ), name

    def test_clocks_are_kept_apart(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """The time policy decides on `timestamp_ns`; a clock that is unknown gives way to the log's."""
        for name, sample in samples.items():
            times = sample.times()
            unpublished = attrs.evolve(times, publish_ns=None)
            log_ns = _repeated(times.log_ns, sample)
            publish_ns = _repeated(times.publish_ns, sample)
            expected = [
                (TimePolicy.Log, times, log_ns),
                (TimePolicy.Publish, times, publish_ns),
                (TimePolicy.Publish, unpublished, log_ns),
            ]
            if not sample.has_header:
                expected.append((TimePolicy.Header, times, log_ns))
            for policy, clocks, stamps in expected:
                rows, _ = _prepare(mapper, ontologies, sample, policy)

                assert stamps == _clock(rows(sample.data, clocks), "timestamp_ns"), name

    def test_slices_and_empty_batches(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """Any slice of the columns, empty ones too, becomes that slice of the rows."""
        for name, sample in samples.items():
            rows, _ = _prepare(mapper, ontologies, sample)
            times, n = Times(log_ns=sample.times().log_ns), sample.length
            whole = rows(sample.data, times)
            starts = [sum(sample.counts()[:k]) for k in range(n + 1)]
            for first, last in ((0, n), (1, n), (0, n - 1), (n // 2, n), (1, 1), (n, n)):
                part = Times(log_ns=times.log_ns[first:last])
                batch = rows(sample.data.slice(first, last - first), part)
                batch.validate(full=True)
                expected = whole.slice(starts[first], starts[last] - starts[first])

                assert _cells(expected) == _cells(batch), f"{name} [{first}:{last}]"

    def test_threads_agree(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """Several threads with one prepared mapping get the same rows."""
        for name, sample in samples.items():
            rows, _ = _prepare(mapper, ontologies, sample)
            start = threading.Barrier(_THREADS)

            def work(
                rows: MapRows = rows,
                sample: MapperSample = sample,
                start: threading.Barrier = start,
            ) -> list[str]:
                start.wait()
                return [_cells(rows(sample.data, sample.times())) for _ in range(5)]

            with ThreadPoolExecutor(_THREADS) as pool:
                results = [pool.submit(work) for _ in range(_THREADS)]
                found = {cells for result in results for cells in result.result()}

            assert {_cells(rows(sample.data, sample.times()))} == found, name

    def test_python_does_not_loop_over_rows(
        self,
        mapper: Mapper,
        ontologies: Sequence[Ontology],
        samples: Mapping[str, MapperSample],
    ) -> None:
        """A batch of many rows takes no more steps of the interpreter than one of few."""
        for name, sample in samples.items():
            if not sample.data.num_columns:
                continue
            rows, _ = _prepare(mapper, ontologies, sample)
            many = attrs.evolve(sample, data=pa.concat_batches([sample.data] * 64))
            rows(sample.data, sample.times())  # imports and caches are filled
            few_steps = _interpreter_steps(rows, sample)
            many_steps = _interpreter_steps(rows, many)

            assert many_steps < few_steps + many.length, name


def nulls_out_of_place(column: pa.Array, field: pa.Field, path: str = "") -> Iterator[str]:
    """Yield the path of every field of *column* that is null where it must not be."""
    path = f"{path}.{field.name}" if path else field.name
    if column.null_count and not field.nullable:
        yield path
    kind = field.type
    if pa.types.is_struct(kind):
        present = column.filter(column.is_valid())
        for k, member in enumerate(kind):
            yield from nulls_out_of_place(present.field(k), member, path)
    elif isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        yield from nulls_out_of_place(column.flatten(), kind.value_field, path)


def _claim(mapper: Mapper, sample: MapperSample) -> Claim:
    claim = mapper.claim(sample.channel, sample.data.schema, sample.options)
    assert claim is not None, f"{mapper.name!r} does not claim {sample.channel.type_name!r}."
    return claim


def _ontology(claim: Claim, ontologies: Sequence[Ontology]) -> Ontology:
    """Return the type that *claim* names."""
    return claim.ontology or next(o for o in ontologies if o.tag == claim.tag)


def _prepare(
    mapper: Mapper,
    ontologies: Sequence[Ontology],
    sample: MapperSample,
    time: TimePolicy = TimePolicy.Header,
) -> tuple[MapRows, Ontology]:
    """Return the mapping of *sample* and the type of its rows."""
    ontology = _ontology(_claim(mapper, sample), ontologies)
    request = MapRequest(
        channel=sample.channel,
        columns=sample.data.schema,
        ontology=ontology,
        time=time,
        options=sample.options,
    )
    return mapper.compile(request), ontology


def _repeated(clock: pa.Int64Array, sample: MapperSample) -> list[int]:
    """Return the *clock* of every row of *sample*."""
    pairs = zip(clock.to_pylist(), sample.counts(), strict=True)
    return [stamp for stamp, count in pairs for _ in range(count)]


def _clock(batch: pa.RecordBatch, name: str) -> list[int]:
    stamps: list[int] = batch.column(name).to_pylist()
    return stamps


def _cells(batch: pa.RecordBatch) -> str:
    """Return all values in a form that equals itself, NaN included."""
    return repr([column.to_pylist() for column in batch.columns])


def _interpreter_steps(rows: MapRows, sample: MapperSample) -> int:
    """Return the number of bytecode instructions that one batch takes."""
    steps = 0
    times = sample.times()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        rows(sample.data, times)
    finally:
        sys.settrace(before)
    return steps
