"""Attachments are read where they lie, block by block, and the checksum of all records is compared."""

import pytest

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import AttachmentSource

LARGE = bytes(range(256)) * 4096 * 3  # 3 MiB


@pytest.fixture(params=[True, False], ids=["summary", "no summary"])
def attached(request, tmp_path):
    """A recording with three attachments, with and without a summary that lists them."""
    from mcap.writer import IndexType, Writer

    options = {} if request.param else {"index_types": IndexType.NONE, "use_statistics": False}
    path = tmp_path / "a.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream, **options)
        writer.start()
        channel = writer.register_channel("/a", "x", 0)
        writer.add_attachment(5, 4, "empty", "", b"")
        writer.add_message(channel, log_time=1, publish_time=1, data=b"1")
        writer.add_attachment(7, 6, "large.bin", "application/octet-stream", LARGE)
        writer.add_attachment(9, 8, "ké.yaml", "text/yaml", b"k: 1")
        writer.finish()
    return path


def test_attachments_come_back(attached, kit):
    """The bytes of every attachment come back, in blocks that are not large."""
    with kit.open(attached) as recording:
        blocks = [list(recording.attachment(i)) for i in range(3)]
        sizes = [a.size_bytes for a in recording.info.attachments]

    assert isinstance(recording, AttachmentSource)
    assert [b"", LARGE, b"k: 1"] == [b"".join(parts) for parts in blocks]
    assert [0, len(LARGE), 4] == sizes
    assert max(len(part) for parts in blocks for part in parts) <= 1 << 20


def test_a_changed_attachment_is_told(attached, kit):
    """Bytes that do not fit their checksum end in an error that names the attachment."""
    content = bytearray(attached.read_bytes())
    content[content.index(LARGE[:600]) + 500] ^= 1
    attached.write_bytes(content)

    with (
        kit.open(attached) as recording,
        pytest.raises(SourceError, match=r"'large\.bin'.*checksum"),
    ):
        list(recording.attachment(1))


def test_an_attachment_that_is_not_there_is_told(attached, kit):
    """Where the summary points to something else, nothing is given."""
    content = bytearray(attached.read_bytes())
    content[content.index("ké.yaml".encode())] = ord("q")
    attached.write_bytes(content)
    with kit.open(attached) as recording:
        # Without a summary its name is what stands there, with one it is what the summary says.
        name = recording.info.attachments[2].name
        reason = "checksum" if name.startswith("q") else "no such record"

        with pytest.raises(SourceError, match=reason):
            list(recording.attachment(2))


def write_with_data_crc(path):
    """Write messages outside chunks, with a checksum of all records."""
    from mcap.writer import Writer

    with path.open("wb") as stream:
        writer = Writer(stream, use_chunking=False, enable_data_crcs=True)
        writer.start()
        channel = writer.register_channel("/a", "x", 0)
        for k in range(100):
            writer.add_message(channel, log_time=k, publish_time=k, data=b"payload %03d" % k)
        writer.finish()


def test_a_change_that_only_the_checksum_of_all_shows_is_told(tmp_path, kit):
    """A flipped bit in a payload outside chunks is damage without a known loss; every message is given."""
    path = tmp_path / "a.mcap"
    write_with_data_crc(path)
    before = kit.read(path)[2]
    content = bytearray(path.read_bytes())
    content[content.index(b"payload 050") + 1] ^= 1
    path.write_bytes(content)
    info, rows, damage = kit.read(path)

    assert [] == before
    assert 100 == sum(map(len, rows.values()))
    assert [True] == ["checksum of all" in found.reason for found in damage]
    assert [{}] == [found.lost for found in damage]
    assert () == info.damage


def test_the_checksum_of_all_is_not_asked_of_a_part(tmp_path, kit):
    """Who reads on from a cursor, or some channels only, has not seen all records."""
    path = tmp_path / "a.mcap"
    write_with_data_crc(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"payload 050") + 1] ^= 1
    path.write_bytes(content)
    with kit.open(path) as recording:
        (channel,) = recording.info.channels
        first = next(iter(recording.batches([channel.id], 100)))
        rest = list(recording.batches([channel.id], 100, first.cursor))

    assert rest
    assert all(hasattr(item, "data") for item in rest)
