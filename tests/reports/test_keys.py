import io

from mosaico_ingest.client.keys import APIKeyStatus
from mosaico_ingest.enum import APIKeyPermissionEnum
from mosaico_ingest.reports.keys import key_blocks, keys_to_json
from mosaico_ingest.reports.text import print_blocks

KEYS = [
    APIKeyStatus(
        fingerprint="f9010b9e",
        description="robot",
        created_ns=0,
        expires_ns=None,
        permission=APIKeyPermissionEnum.Write,
        generation="0.7",
    ),
    APIKeyStatus(fingerprint="1b676530", description="", created_ns=0, expires_ns=1),
]


def test_table():
    """Each key has a row; what it allows stays empty where nobody told."""
    stream = io.StringIO()
    print_blocks(key_blocks(KEYS), stream)

    assert [
        ["f9010b9e", "write", "1970-01-01", "00:00:00.000000", "UTC", "never", "0.7", "robot"],
        ["1b676530", "1970-01-01", "00:00:00.000000", "UTC", "expired"],
    ] == [line.split() for line in stream.getvalue().splitlines()[2:]]


def test_json():
    """The object holds every key with instants as numbers."""
    assert {
        "fingerprint": "1b676530",
        "permission": None,
        "description": "",
        "created_ns": 0,
        "expires_ns": 1,
        "expired": True,
        "generation": None,
    } == keys_to_json(KEYS)["keys"][1]
