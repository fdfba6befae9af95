"""
How a topic's columns lie in Parquet: encoding, compression and statistics per kind of column.

Floats are split into byte planes and integers stored as differences before lz4, which makes both smaller at
no loss of speed; dictionaries only cost time. Bytes that lz4 cannot shrink, such as pictures, stay as they
are.

Must not know: files, topics. Next: `statistics`.
"""

from collections.abc import Mapping

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from mosaico_ingest.errors import InvalidRequestError

__all__ = ["Layout", "choose_layout"]

_SAMPLE_BYTES = 128 * 1024
_WORTH_IT = 0.9
_ENCODINGS = {
    "FLOAT": "BYTE_STREAM_SPLIT",
    "DOUBLE": "BYTE_STREAM_SPLIT",
    "FIXED_LEN_BYTE_ARRAY": "BYTE_STREAM_SPLIT",
    "INT32": "DELTA_BINARY_PACKED",
    "INT64": "DELTA_BINARY_PACKED",
}


@attrs.frozen(kw_only=True)
class Layout:
    """The settings of a `pyarrow.parquet.ParquetWriter`, by path of the leaf column."""

    encodings: dict[str, str]
    compression: dict[str, str]
    statistics: list[str]

    def open(
        self,
        sink: object,
        schema: pa.Schema,
        footers: list[pq.FileMetaData],
        extra: Mapping[bytes, bytes],
    ) -> pq.ParquetWriter:
        """Begin a file; its footer, with *extra* in it, is appended to *footers* when it is closed."""
        writer = pq.ParquetWriter(
            sink,
            schema,
            use_dictionary=False,
            column_encoding=self.encodings,
            compression=self.compression,
            write_statistics=self.statistics,
            metadata_collector=footers,
        )
        if extra:
            writer.add_key_value_metadata(extra)
        return writer


def choose_layout(first: pa.Table) -> Layout:
    """
    Choose the layout for a topic, looking at its *first* rows.

    Raises:
        InvalidRequestError: Parquet has no form for one of the columns.
    """
    incompressible = {
        name
        for name, column in zip(first.column_names, first.columns, strict=True)
        if _is_bytes(column.type) and not _shrinks(column)
    }
    encodings, compression, statistics = {}, {}, []
    for leaf in _leaves(first.schema):
        if encoding := _ENCODINGS.get(leaf.physical_type):
            encodings[leaf.path] = encoding
        compression[leaf.path] = "none" if leaf.path in incompressible else "lz4"
        if leaf.physical_type != "BYTE_ARRAY" or leaf.logical_type.type == "STRING":
            statistics.append(leaf.path)
    return Layout(encodings=encodings, compression=compression, statistics=statistics)


def _leaves(schema: pa.Schema) -> list[pq.ColumnSchema]:
    footers: list[pq.FileMetaData] = []
    try:
        pq.ParquetWriter(pa.BufferOutputStream(), schema, metadata_collector=footers).close()
    except (
        pa.ArrowException,
        OSError,
    ) as err:  # the latter of Parquet: nothing is written to a file
        msg = f"Unsupported schema: {str(err).partition(chr(10))[0]}"
        raise InvalidRequestError(msg) from err
    leaves = footers[0].schema
    return [leaves.column(index) for index in range(len(leaves))]


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _shrinks(column: pa.ChunkedArray) -> bool:
    sample = b""
    for chunk in column.iterchunks():
        for value in chunk.slice(0, 8):
            sample += (value.as_buffer() or b"")[: _SAMPLE_BYTES // 8] if value.is_valid else b""
        if len(sample) >= _SAMPLE_BYTES:
            break
    return not sample or len(pa.Codec("lz4_raw").compress(sample)) < _WORTH_IT * len(sample)
