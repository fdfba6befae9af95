"""The public SDK reads stored packets into its model of pictures, and decodes them."""

import hashlib

import mosaico_ingest_video
import pytest

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)
av = pytest.importorskip("av", reason="PyAV is not installed: pip install mosaico-ingest[video].")

pytestmark = pytest.mark.interop

VIDEOS = "video/pytorch+torchcodec/test/resources"


def digest(picture) -> str:
    """Return a digest of a picture's pixels."""
    return hashlib.blake2b(picture.tobytes(), digest_size=16).hexdigest()


@pytest.mark.parametrize(
    ("name", "sequence"), [("var_fps_video.mp4", "vfr"), ("h265_10bits.mp4", "hevc_b_frames")]
)
def test_the_sdk_decodes_stored_packets(platform, shared_data, name, sequence):
    """Packet by packet, the SDK's decoding session makes the pictures of the file, in their order."""
    path = shared_data / VIDEOS / name
    settings = Settings(name=sequence, time=TimePolicy.Log)
    host = Host.discover().without("video").with_(mosaico_ingest_video)
    report = ingest([path], client=platform.ours, settings=settings, host=host)
    assert 0 == report.exit_code
    with av.open(str(path)) as container:
        expected = [digest(frame.to_image()) for frame in container.decode(video=0)]

    from mosaicolabs.models.sensors.image import CompressedImage, StatefulDecodingSession

    found = []
    session = StatefulDecodingSession()
    with sdk.MosaicoClient.connect(platform.server.host, platform.server.port) as client:
        for message in client.topic_handler(sequence, "/video").get_data_streamer():
            image = message.get_data(CompressedImage)
            picture = session.decode(img_bytes=image.data, format=image.format, context="video")
            if picture is not None:
                found.append(digest(picture))
    session.close()

    # It never asks its decoder for the pictures that wait behind the last packet.
    assert expected[: len(found)] == found
    assert len(found) >= len(expected) - 4
