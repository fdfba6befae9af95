"""Videos and images by way of a real server: what a reader gets is what a decoder needs."""

import hashlib
from pathlib import Path

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.testing.sink import MemorySink

av = pytest.importorskip("av", reason="PyAV is not installed: pip install mosaico-ingest[video].")

B_FRAMES = "video/pytorch+torchcodec/test/resources/h265_10bits.mp4"
T0 = 1403636579763555584


def digests(frames) -> list[str]:
    """Return a digest of each frame's pixels."""
    return [hashlib.blake2b(f.to_ndarray().tobytes(), digest_size=16).hexdigest() for f in frames]


def decoded(codec: str, packets: list[bytes]) -> list[str]:
    """Return digests of what a fresh decoder makes of *packets*."""
    context = av.CodecContext.create(codec, "r")
    frames = [frame for data in packets for frame in context.decode(av.Packet(data))]
    return digests([*frames, *context.decode(None)])


@pytest.mark.parametrize("time", [TimePolicy.Header, TimePolicy.Log])
def test_packets_come_back_as_a_decoder_needs_them(shared_data, place, time):
    """Sorted by number, rows decode to the pictures of the file; by the log they come so by themselves."""
    path = shared_data / B_FRAMES
    with av.open(str(path)) as container:
        pictures = digests(container.decode(video=0))
    with (
        serve(place) as server,
        MosaicoClient.connect(server.host, server.port) as client,
    ):
        options = {"video": {"start": "2024-05-01T12:00:00Z"}}
        report = ingest(path, client=client, settings=Settings(time=time, options=options))
        rows = client.topic_handler("h265_10bits", "/video").read().read_all()

    begin = 1714564800 * 10**9
    shown = [begin + round(k * 10**9 / 30) for k in range(30)]
    assert (0, 30) == (report.exit_code, report.stored)
    assert {"hevc"} == set(rows.column("format").to_pylist())
    assert shown == sorted(rows.column("timestamp_ns").to_pylist())
    assert pictures == decoded("hevc", rows.sort_by("sequence_id").column("data").to_pylist())
    is_in_order = rows.column("sequence_id").to_pylist() == list(range(30))
    assert is_in_order == (time is TimePolicy.Log)


def test_a_folder_of_many_images(tmp_path):
    """Metadata has room for the names of a thousand files, however many images there are."""
    folder = tmp_path / "camera"
    folder.mkdir()
    picture = av.VideoFrame(8, 8, "gray")
    picture.save(str(folder / f"{T0}.png"))
    data = (folder / f"{T0}.png").read_bytes()
    for k in range(1, 1003):
        Path(folder / f"{T0 + k}.png").write_bytes(data)
    sink = MemorySink()
    report = ingest(folder, sink=sink)

    recorded = sink.recordings["camera"]
    rows = recorded.topics["/image"].table()
    origin = recorded.plan.metadata["mosaico_ingest"]
    assert (0, 1003) == (report.exit_code, report.stored)
    assert [T0 + k for k in range(1003)] == rows.column("timestamp_ns").to_pylist()
    assert ({"png"}, {data}) == (set(rows["format"].to_pylist()), set(rows["data"].to_pylist()))
    assert (1000, 3) == (len(origin["files"]), origin["more_files"])
