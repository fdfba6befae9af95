"""
`DecoderContract`: what every decoder promises, as a pytest class to subclass.

A plugin author gives a decoder and samples: channels with payloads and the values in them; the rest is
derived by decoding again in other columns, in slices, in several threads, and with broken payloads.
Register the module for assertion rewriting
(`pytest.register_assert_rewrite("mosaico_ingest.testing.decoder")`) to see values in failures.

Must not know: any particular encoding. Next: `mosaico_ingest.hooks.contracts`.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.hooks.contracts import Decode, Decoder
from mosaico_ingest.model.batch import Decoded
from mosaico_ingest.model.payloads import Payloads
from mosaico_ingest.model.recording import Channel

__all__ = ["DecoderContract", "Sample"]

_THREADS = 8


@attrs.frozen(kw_only=True)
class Sample:
    """
    A channel with good payloads.

    Args:
        channel: What they belong to.
        payloads: At least two, none of them empty.
        rows: Their values, as `to_pylist` gives them.
    """

    channel: Channel
    payloads: Sequence[bytes]
    rows: Sequence[Mapping[str, object]]


class DecoderContract:
    """
    The promises of a decoder.

    Subclass it, override the fixtures `decoder` and `samples`, and set the class attributes.

    Attributes:
        plugin_module: Import name of the plugin, for the test that heavy imports are delayed.
        heavy_modules: Modules that importing the plugin and claiming a channel must not load.
        refuses_cuts: Whether a payload that lacks its second half is always rejected.
    """

    plugin_module: str = ""
    heavy_modules: Sequence[str] = ("rosbags", "google.protobuf", "av", "pandas")
    refuses_cuts: bool = True

    @pytest.fixture
    def decoder(self) -> Decoder:
        """The decoder under test."""
        raise NotImplementedError

    @pytest.fixture
    def samples(self) -> Sequence[Sample]:
        """Channels with good payloads."""
        raise NotImplementedError

    def test_claims_its_channels(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """Every sample's channel is claimed with a reason, an encoding nobody knows is not."""
        for sample in samples:
            match = decoder.claim(sample.channel)
            stranger = attrs.evolve(sample.channel, message_encoding="nobody-knows")

            assert match is not None
            assert match.reason
            assert match == decoder.claim(sample.channel)
            assert decoder.claim(stranger) is None

    def test_values(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """Good payloads give one row each, in their order, with the values that are in them."""
        for sample in samples:
            decode = decoder.compile(sample.channel)
            decoded = decode(_binary(sample.payloads))

            assert decoded.kept is None
            assert decoded.rejects == ()
            assert list(sample.rows) == _rows(decode, decoded)

    def test_columns_of_every_kind(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """`binary`, `large_binary` and `binary_view` columns, sliced or not, give the same rows."""
        for sample in samples:
            decode = decoder.compile(sample.channel)
            padded = _binary([b"before", *sample.payloads, b"after"])
            n = len(sample.payloads)
            for column in (
                padded.cast(pa.large_binary()),
                padded.cast(pa.binary_view()),
                Payloads.from_column(padded).to_view(),
                padded,
            ):
                assert list(sample.rows) == _rows(decode, decode(column.slice(1, n)))

    def test_batches_of_any_size(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """Messages decode alike alone and together; no message gives no row and the same columns."""
        for sample in samples:
            decode = decoder.compile(sample.channel)
            column = _binary(sample.payloads)
            single = [
                row for k in range(len(column)) for row in _rows(decode, decode(column.slice(k, 1)))
            ]

            assert list(sample.rows) == single
            assert _rows(decode, decode(column.slice(0, 0))) == []

    def test_broken_payloads_stay_alone(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """A payload cut anywhere is told with a reason or decoded, and its neighbours are as before."""
        for sample in samples:
            decode = decoder.compile(sample.channel)
            last = sample.payloads[-1]
            for cut in range(len(last)):
                payloads = [*sample.payloads[:-1], last[:cut], last]
                decoded = decode(_binary(payloads))
                values = _by_number(decode, decoded, len(payloads))
                broken = values.pop(len(payloads) - 2, None)

                assert (
                    dict(enumerate(sample.rows[:-1])) | {len(payloads) - 1: sample.rows[-1]}
                    == values
                )
                assert broken is None or cut > len(last) // 2 or not self.refuses_cuts

    def test_turned_bits(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """One wrong bit anywhere never raises, and every message is decoded or told, never both."""
        for sample in samples:
            decode = decoder.compile(sample.channel)
            whole = b"".join(sample.payloads)
            for at in range(len(whole)):
                turned = bytearray(whole)
                turned[at] ^= 1 << at % 8
                column = _binary(_split(bytes(turned), [len(p) for p in sample.payloads]))

                _by_number(decode, decode(column), len(column))

    def test_nothing_but_broken_payloads(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """A batch of rejects gives no row, the same columns, and every message a reason."""
        for sample in samples:
            decode = decoder.compile(sample.channel)
            decoded = decode(_binary([b"", b"\xff", b"\xff" * 64]))

            _by_number(decode, decoded, 3)

    def test_several_threads(self, decoder: Decoder, samples: Sequence[Sample]) -> None:
        """One compiled decoder works in several threads at the same time."""
        for sample in samples:
            decode, column = decoder.compile(sample.channel), _binary(sample.payloads)
            with ThreadPoolExecutor(_THREADS) as pool:
                results = list(pool.map(decode, [column] * 4 * _THREADS))

            assert all(_rows(decode, decoded) == list(sample.rows) for decoded in results)

    def test_definitions_that_make_no_sense(
        self, decoder: Decoder, samples: Sequence[Sample]
    ) -> None:
        """A broken definition is a `DecodeError` that says why, or is not needed at all."""
        for sample in samples:
            channel = attrs.evolve(sample.channel, definition=b"\x00\xff{ no \xfe definition")
            try:
                decoder.compile(channel)
            except DecodeError as err:
                assert err.reason.endswith(".")  # noqa: PT017 (raising is allowed, not demanded)

    def test_heavy_imports_are_delayed(self) -> None:
        """Importing the plugin and asking for its decoders loads none of the heavy modules."""
        code = (
            "import sys, mosaico_ingest.plugin; before = set(sys.modules)\n"
            f"import {self.plugin_module} as plugin; plugin.mosaico_decoders()\n"
            "print(*set(sys.modules) - before)"
        )
        run = subprocess.run(  # noqa: S603 (our own interpreter)
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )

        assert set() == set(self.heavy_modules) & set(run.stdout.split())


def _binary(payloads: Sequence[bytes]) -> pa.BinaryArray:
    """Return a payload column."""
    return pa.array(payloads, pa.binary())


def _rows(decode: Decode, decoded: Decoded) -> list[object]:
    """Return the rows of a valid batch that has the columns it must have."""
    decoded.data.validate(full=True)

    assert decode.schema == decoded.data.schema
    rows: list[object] = decoded.data.to_struct_array().to_pylist()
    return rows


def _by_number(decode: Decode, decoded: Decoded, messages: int) -> dict[int, object]:
    """Return rows by the number of their message; all others must be told, once, with a reason."""
    rows = _rows(decode, decoded)
    kept = list(range(messages)) if decoded.kept is None else decoded.kept.tolist()
    told = [row for reject in decoded.rejects for row in reject.rows.tolist()]

    assert len(rows) == len(kept)
    assert sorted(kept) == kept
    assert list(range(messages)) == sorted(kept + told)
    assert all(reject.reason.endswith(".") for reject in decoded.rejects)
    return dict(zip(kept, rows, strict=True))


def _split(whole: bytes, lengths: Sequence[int]) -> list[bytes]:
    """Cut *whole* into pieces of *lengths*."""
    pieces, at = [], 0
    for length in lengths:
        pieces.append(whole[at : at + length])
        at += length
    return pieces
