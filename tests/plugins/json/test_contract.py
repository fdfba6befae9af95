"""The decoder `json` keeps the promises of every decoder."""

import base64
import json

import pytest
from mosaico_ingest_json.decoder import JsonDecoder

from mosaico_ingest.testing.decoder import DecoderContract, Sample

SCHEMA = {
    "type": "object",
    "properties": {
        "timestamp": {
            "type": "object",
            "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}},
        },
        "data": {"type": "string", "contentEncoding": "base64"},
        "ranges": {"type": "array", "items": {"type": "number"}},
    },
}


class TestJson(DecoderContract):
    """JSON."""

    plugin_module = "mosaico_ingest_json"
    heavy_modules = ("pyarrow.json",)

    @pytest.fixture
    def decoder(self):
        """The decoder under test."""
        return JsonDecoder()

    @pytest.fixture
    def samples(self, kit):
        """Messages that follow a schema, messages without one, and messages that are lists."""
        promised = [
            {"timestamp": {"sec": k, "nsec": 5}, "data": b"\xff\0"[:k], "ranges": [0.5, None] * k}
            for k in range(3)
        ]
        texts = [
            json.dumps(row | {"data": base64.b64encode(row["data"]).decode()}).encode()
            for row in promised
        ]
        free = [b'{"a": 1.5, "b": {"c": "x"}}', b'\n{"b":{},\n"a":2, "d": [{"e":true}]}\t']
        rows = [
            {"a": 1.5, "b": {"c": "x"}, "d": None, "_extra": None},
            {"a": 2.0, "b": {"c": None}, "d": [{"e": True}], "_extra": None},
        ]
        lists = [b"[1, 2]", b"[]"]
        values = [{"value": [1, 2], "_extra": None}, {"value": [], "_extra": None}]
        return [
            Sample(channel=kit.channel(texts, SCHEMA), payloads=texts, rows=promised),
            Sample(channel=kit.channel(free), payloads=free, rows=rows),
            Sample(channel=kit.channel(lists), payloads=lists, rows=values),
        ]
