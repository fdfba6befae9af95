"""Where fixed-size fields lie, for every phase."""

import numpy as np
import pyarrow as pa
from mosaico_ingest_ros.decoding.layout import Block, Leaf


def block(*sizes: int) -> Block:
    """Return unsigned numbers of *sizes* bytes, aligned as in CDR."""
    return Block(
        tuple(
            Leaf(path="x", dtype=np.dtype(f"u{n}"), arrow=pa.uint8(), count=None, align=n)
            for n in sizes
        )
    )


def test_offsets_depend_on_the_phase():
    """A field of eight bytes behind one of four is padded only where the start is aligned to eight."""
    subject = block(4, 8, 1)

    assert [0, 8, 16] == subject.offsets[0].tolist()
    assert [0, 4, 12] == subject.offsets[4].tolist()
    assert (17, 13) == (subject.sizes[0], subject.sizes[4])


def test_stride():
    """Blocks in a row have one distance only if each starts at the phase of the one before."""
    assert block(8, 1).stride(0) == 16
    assert block(4, 4).stride(4) == 8
    assert block(8, 4).stride(0) == 16
    assert block(4, 8).stride(0) == 16
    assert block(4, 8).stride(4) is None
    assert block(1, 2).stride(1) is None
