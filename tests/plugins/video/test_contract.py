"""The promises of every source format and mapper, kept by videos and folders of images."""

from collections.abc import Mapping

import pyarrow as pa
import pytest
from mosaico_ingest_ontology import mosaico_ontologies
from mosaico_ingest_video import ImageFolder, VideoFormat
from mosaico_ingest_video.mapper import COLUMNS, PacketMapper

from mosaico_ingest.plugin import Channel
from mosaico_ingest.testing.mapper import MapperContract, MapperSample
from mosaico_ingest.testing.source import SourceContract

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


class TestVideoFormat(SourceContract):
    """Containers that survive being cut, one with its index at the front, one with sound."""

    plugin_module = "mosaico_ingest_video"
    heavy_modules = ("av", "pyarrow.compute", "mosaico_ingest_video.recording")
    cuts = 12
    flips = 12

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        return VideoFormat()

    @pytest.fixture
    def recordings(self, make_video, tmp_path):
        """A video per container."""
        folder = tmp_path / "videos"
        folder.mkdir()
        short = {"g": "4", "preset": "ultrafast"}
        paths = {
            make_video(folder / "a.mkv", options={"g": "4", "bf": "2"}, sound=True): 12,
            make_video(folder / "b.avi", "mjpeg", 6, pixels="yuvj420p"): 6,
            make_video(folder / "c.mp4", options=short, container=FRAGMENTED): 12,
            make_video(folder / "d.mp4", options=short, container={"movflags": "faststart"}): 12,
        }
        counts: dict[object, Mapping[str, int]] = {p: {"/video": n} for p, n in paths.items()}
        counts[folder / "a.mkv"] = {"/video": 12, "/audio": 12}
        return counts


class TestImageFolder(SourceContract):
    """Images with a list, and with their times as names."""

    plugin_module = "mosaico_ingest_video"
    heavy_modules = ("av", "mosaico_ingest_video.folder")

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        return ImageFolder()

    @pytest.fixture
    def recordings(self, make_images, tmp_path):
        """KITTI's and EuRoC's layout, and bare stamps."""
        kitti, euroc, stamps = (tmp_path / name for name in ("image_02", "cam0", "stamps"))
        make_images(kitti / "data", [f"{k:010}.png" for k in range(5)])
        times = [f"2011-09-26 13:02:{k:02}.594360375\n" for k in range(5)]
        (kitti / "timestamps.txt").write_text("".join(times))
        names = [f"{1403636579763555584 + k * 50_000_000}.png" for k in range(4)]
        make_images(euroc / "data", names)
        rows = [f"{name[:-4]},{name}\r\n" for name in names]
        (euroc / "data.csv").write_text("#timestamp [ns],filename\r\n" + "".join(rows))
        make_images(stamps, names)
        return {kitti: {"/image": 5}, euroc: {"/image": 4}, stamps: {"/image": 4}}


class TestPacketMapper(MapperContract):
    """Every kind that has a type, and one that is kept as bytes."""

    @pytest.fixture
    def mapper(self):
        """The mapper under test."""
        return PacketMapper()

    @pytest.fixture
    def ontologies(self):
        """The platform's types."""
        return mosaico_ontologies()

    @pytest.fixture
    def samples(self):
        """Three packets of every kind; they carry the time of showing as a header would."""
        data = pa.record_batch(
            [pa.array([0, 1, 2**32 - 1], pa.uint32()), pa.array([b"", b"\0", b"abc" * 99])],
            schema=COLUMNS,
        )
        kinds = ("video/h264", "video/hevc", "image/jpeg", "image/png", "image/tiff", "audio/aac")
        return {
            kind: MapperSample(
                channel=Channel(
                    id=1, topic="/x", type_name=kind, message_encoding="arrow", columns=COLUMNS
                ),
                data=data,
                has_header=True,
            )
            for kind in kinds
        }
