"""
Plugin for Protocol Buffers: payloads to Arrow columns, whole batches at a time.

The descriptors that a recording carries are compiled once per channel into a tree of *shapes*. A batch is
walked field by field, all its messages together; a submessage is a level of rows of its own, walked in the
same way. What is rare or looks wrong (groups, submessages in pieces, several members of a oneof, duplicate
keys, broken payloads) is given to the protobuf library message by message, whose verdict counts.

What becomes of the fields: names as in the .proto; a message is a struct, a repeated field a list, a map a
list of `{key, value}`; an enum is its number (`int32`, names in the field's metadata). A field with presence
is null where it is not set, any other has its default. A message inside one of its own type stays bytes.

Must not know: recordings, ontologies. Next: `shape`, `definitions`, `wire`, `walk`, `columns`, `library`,
`decoder`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import Decoder, hookimpl

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_decoders() -> Sequence[Decoder]:
    """Hand in `protobuf`."""
    from mosaico_ingest_protobuf.decoder import ProtobufDecoder

    return [ProtobufDecoder()]
