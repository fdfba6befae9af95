"""`DecoderContract`, proven on a small decoder that keeps its promises and on ones that break one each."""

import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.model.batch import Decoded, Reject
from mosaico_ingest.model.payloads import Payloads
from mosaico_ingest.model.recording import Channel
from mosaico_ingest.model.source import Match, Strength
from mosaico_ingest.testing.decoder import DecoderContract, Sample

SCHEMA = pa.schema([("value", pa.int64())])


class ToyDecode:
    """Payloads of eight bytes, big endian."""

    schema = SCHEMA
    note = ""

    def __call__(self, payload: pa.Array) -> Decoded:
        """Decode them."""
        payloads = Payloads.from_column(payload)
        is_good = payloads.lengths == 8
        kept, broken = np.flatnonzero(is_good), np.flatnonzero(~is_good)
        raw = payloads.take(kept).to_binary().buffers()[2]
        values = np.frombuffer(raw or b"", ">i8").astype(np.int64)
        rejects = (Reject(broken, "The payload has not eight bytes."),) if len(broken) else ()
        data = pa.RecordBatch.from_arrays([pa.array(values)], schema=SCHEMA)
        return Decoded(data=data, kept=kept if len(broken) else None, rejects=rejects)


class ToyDecoder:
    """A decoder that keeps every promise."""

    name = "toy"
    replaces = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim by the encoding."""
        is_toy = channel.message_encoding == "toy"
        return Match(Strength.STRUCTURE, "toy numbers") if is_toy else None

    def compile(self, channel: Channel) -> ToyDecode:
        """Compile the definition."""
        if channel.definition:
            msg = "A toy channel has no definition."
            raise DecodeError(msg)
        return ToyDecode()


CHANNEL = Channel(id=0, topic="/toy", type_name="", message_encoding="toy")
SAMPLE = Sample(
    channel=CHANNEL,
    payloads=[k.to_bytes(8, "big") for k in (1, 2**40, 7)],
    rows=[{"value": 1}, {"value": 2**40}, {"value": 7}],
)


class TestToyDecoder(DecoderContract):
    """A decoder that keeps its promises passes the whole contract."""

    @pytest.fixture(autouse=True)
    def _plugin(self, tmp_path, monkeypatch):
        """Make the toy a plugin that can be imported."""
        (tmp_path / "toy_plugin.py").write_text("def mosaico_decoders():\n    return []\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        self.plugin_module = "toy_plugin"

    @pytest.fixture
    def decoder(self) -> ToyDecoder:
        """The decoder under test."""
        return ToyDecoder()

    @pytest.fixture
    def samples(self) -> list[Sample]:
        """One channel."""
        return [SAMPLE]

    def test_a_heavy_module_is_noticed(self, tmp_path):
        """A plugin that loads a heavy module when its hook is called fails the contract."""
        code = "def mosaico_decoders():\n    import this\n    return []\n"
        (tmp_path / "toy_plugin.py").write_text(code)
        self.heavy_modules = ("this",)

        with pytest.raises(AssertionError):
            self.test_heavy_imports_are_delayed()


class _Broken(ToyDecoder):
    """A toy decoder whose work is changed by *fault* on its way out."""

    def __init__(self, fault) -> None:
        self.fault = fault

    def compile(self, channel: Channel):
        """Compile it and break one promise."""
        honest, fault = super().compile(channel), self.fault

        class Decode(ToyDecode):
            def __call__(self, payload: pa.Array) -> Decoded:
                return fault(honest, payload)

        return Decode()


def _evolved(decoded: Decoded, **changes) -> Decoded:
    fields = ("data", "kept", "rejects")
    return Decoded(**{name: getattr(decoded, name) for name in fields} | changes)


def _reverse(decode, payload):
    decoded = decode(payload)
    return _evolved(decoded, data=decoded.data.take(pa.array(range(len(decoded.data))[::-1])))


def _forget_slices(decode, payload):
    whole = pa.Array.from_buffers(payload.type, len(payload), payload.buffers())
    return decode(whole)


def _other_columns_when_empty(decode, payload):
    decoded = decode(payload)
    return decoded if len(payload) else _evolved(decoded, data=pa.record_batch({"x": [1]}).slice(1))


def _lose_rejects(decode, payload):
    return _evolved(decode(payload), rejects=())


def _reject_all_for_one(decode, payload):
    decoded = decode(payload)
    if not decoded.rejects:
        return decoded
    every = np.arange(len(payload))
    rejects = (Reject(every, "One is broken."),)
    return Decoded(data=decoded.data.slice(0, 0), kept=every[:0], rejects=rejects)


def _raise(decode, payload):
    decoded = decode(payload)
    if decoded.rejects:
        raise AssertionError
    return decoded


def _mumble(decode, payload):
    decoded = decode(payload)
    return _evolved(decoded, rejects=tuple(Reject(r.rows, "bad") for r in decoded.rejects))


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (_reverse, "test_values"),
        (_forget_slices, "test_columns_of_every_kind"),
        (_other_columns_when_empty, "test_batches_of_any_size"),
        (_reject_all_for_one, "test_broken_payloads_stay_alone"),
        (_lose_rejects, "test_nothing_but_broken_payloads"),
        (_raise, "test_broken_payloads_stay_alone"),
        (_mumble, "test_nothing_but_broken_payloads"),
        (_reverse, "test_several_threads"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_broken_promise_fails_its_test(fault, test):
    """Each promise has a test that notices when it is broken."""
    contract = getattr(DecoderContract(), test)

    with pytest.raises(AssertionError):
        contract(_Broken(fault), [SAMPLE])


def test_a_decoder_that_claims_everything_fails():
    """A decoder that claims encodings it does not know fails the contract."""

    class Greedy(ToyDecoder):
        def claim(self, channel: Channel) -> Match:
            return Match(Strength.SUFFIX, "why not")

    with pytest.raises(AssertionError):
        DecoderContract().test_claims_its_channels(Greedy(), [SAMPLE])
