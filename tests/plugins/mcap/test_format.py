"""Sniffing: by magic and by the names in a directory, nothing else."""

from pathlib import Path

import pytest
from mosaico_ingest_mcap import MOSAICO_API, McapFormat, mosaico_sources

from mosaico_ingest.plugin import SourceFile, Strength

MAGIC = b"\x89MCAP0\r\n"


def _sniff(head=b"", entries=(), name="x"):
    match = McapFormat().sniff(
        SourceFile(
            path=Path("/nowhere") / name,
            size_bytes=len(head),
            mtime_ns=0,
            head=head,
            entries=tuple(sorted(entries)),
            is_dir=bool(entries),
        )
    )
    return match and match.strength


@pytest.mark.parametrize("head", [MAGIC + b"\x01" * 50, MAGIC, MAGIC[:5]])
def test_claims_by_magic(head):
    """The first bytes decide, also where the file ends soon after or inside them."""
    assert Strength.MAGIC == _sniff(head, name="recording.txt")


@pytest.mark.parametrize("head", [b"", MAGIC[:3], b"#ROSBAG V2.0\n", b"\x89PNG\r\n\x1a\n"])
def test_leaves_other_files_alone(head):
    """Neither an empty file nor a suffix is enough."""
    assert _sniff(head, name="recording.mcap") is None


@pytest.mark.parametrize(
    "entries",
    [
        ("metadata.yaml", "run_0.mcap"),
        ("metadata.yaml", "a.mcap", "b.mcap"),
        ("run_0.mcap", "run_1.mcap", "run_10.mcap"),
        ("RUN_0.MCAP", "notes.txt"),
    ],
)
def test_claims_a_bag_directory(entries):
    """A directory is a bag by its metadata.yaml or by numbered parts of one name, beside anything else."""
    assert Strength.STRUCTURE == _sniff(entries=entries)


@pytest.mark.parametrize(
    "entries",
    [
        ("metadata.yaml", "run_0.db3"),
        ("metadata.yaml", "run_0.db3", "run_0.mcap"),
        ("a.mcap", "b.mcap"),
        ("a_0.mcap", "b_0.mcap"),
        ("metadata.yaml", "notes.txt"),
        ("run_0.mcap.zstd",),
    ],
)
def test_leaves_other_directories_alone(entries):
    """Recordings that merely lie side by side are no bag, and .db3 belongs to another plugin."""
    assert _sniff(entries=entries) is None


def test_the_plugin_announces_its_format():
    """The plugin states its API and hands in one format."""
    assert ((1, 0), ["mcap"]) == (MOSAICO_API, [source.name for source in mosaico_sources()])
