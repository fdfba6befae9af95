"""
Single values: numbers, flags, texts.

Next: `newer`.
"""

import pyarrow as pa

from mosaico_ingest.plugin import Ontology
from mosaico_ingest_ontology.structs import must, ontology

__all__ = ["VALUES"]


def _of(tag: str, kind: pa.DataType, what: str) -> Ontology:
    return ontology(tag, [must("data", kind)], f"One {what}, in the unit of its topic.")


VALUES = (
    _of("boolean", pa.bool_(), "flag"),
    _of("integer8", pa.int8(), "signed integer of 8 bits"),
    _of("integer16", pa.int16(), "signed integer of 16 bits"),
    _of("integer32", pa.int32(), "signed integer of 32 bits"),
    _of("integer64", pa.int64(), "signed integer of 64 bits"),
    _of("unsigned8", pa.uint8(), "unsigned integer of 8 bits"),
    _of("unsigned16", pa.uint16(), "unsigned integer of 16 bits"),
    _of("unsigned32", pa.uint32(), "unsigned integer of 32 bits"),
    _of("unsigned64", pa.uint64(), "unsigned integer of 64 bits"),
    _of("floating16", pa.float16(), "floating-point number of 16 bits"),
    _of("floating32", pa.float32(), "floating-point number of 32 bits"),
    _of("floating64", pa.float64(), "floating-point number of 64 bits"),
    _of("string", pa.string(), "text"),
    _of("large_string", pa.large_string(), "text, beyond 2 GiB per batch"),
)
