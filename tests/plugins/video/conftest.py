"""Small videos made by PyAV, and folders of images, as the video plugin meets them."""

import struct
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.plugin import Damage, RecordingInfo
from mosaico_ingest.testing.source import source_file

pytest.register_assert_rewrite("mosaico_ingest.testing.source", "mosaico_ingest.testing.mapper")


@pytest.fixture(scope="session")
def av():
    """PyAV; skips without the extra."""
    return pytest.importorskip(
        "av", reason="PyAV is not installed: pip install mosaico-ingest[video]."
    )


@pytest.fixture(scope="session")
def make_video(av) -> Callable[..., Path]:
    """`make_video(path, codec, frames)`: write a moving pattern; the suffix decides on the container."""

    def make(
        path: Path,
        codec: str = "libx264",
        frames: int = 12,
        *,
        size: tuple[int, int] = (64, 48),
        pixels: str = "yuv420p",
        rate: Fraction | int = 25,
        pts: Sequence[int] | None = None,
        time_base: Fraction | None = None,
        options: dict[str, str] | None = None,
        container: dict[str, str] | None = None,
        metadata: dict[str, str] | None = None,
        sound: bool = False,
    ) -> Path:
        width, height = size
        y, x = np.mgrid[:height, :width]
        with av.open(str(path), "w", container_options=container or {}) as out:
            out.metadata.update(metadata or {})
            stream = out.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = width, height, pixels
            stream.options = options or {}
            stream.codec_context.thread_count = 1
            if time_base is not None:
                stream.codec_context.time_base = time_base
            audio = out.add_stream("pcm_s16le", rate=8000) if sound else None
            for k in range(frames):
                pattern = ((x * 3 + y * 5 + k * 17) % 256).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(np.dstack([pattern] * 3), format="rgb24")
                frame.pts = k if pts is None else pts[k]
                frame.time_base = time_base or Fraction(1) / rate
                out.mux(stream.encode(frame))
                if audio is not None:
                    tone = np.full((1, 320), k, np.int16)
                    piece = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
                    piece.sample_rate, piece.pts = 8000, k * 320
                    out.mux(audio.encode(piece))
            out.mux(stream.encode())
        return path

    return make


@pytest.fixture
def rows_of() -> Callable[..., tuple[RecordingInfo, dict[str, pa.Table], list[Damage]]]:
    """`rows_of(format, path, options)`: contents, rows per topic and the damage met in reading."""

    def read(source, path: Path, options=None, target_bytes: int = 1 << 20):
        with source.open(source_file(path), options) as recording:
            topics = {channel.id: channel.topic for channel in recording.info.channels}
            batches: dict[str, list[pa.RecordBatch]] = {topic: [] for topic in topics.values()}
            damage = []
            for item in recording.batches(list(topics), target_bytes):
                if isinstance(item, Damage):
                    damage.append(item)
                else:
                    batches[topics[item.channel_id]].append(item.data)
        tables = {topic: pa.Table.from_batches(own) for topic, own in batches.items() if own}
        return recording.info, tables, damage

    return read


@pytest.fixture(scope="session")
def png() -> Callable[[int], bytes]:
    """`png(grey)`: a picture of two by two pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    def make(grey: int) -> bytes:
        header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
        pixels = zlib.compress(bytes([0, grey, grey, 0, grey, grey]))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            chunk(kind, data)
            for kind, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
        )

    return make


@pytest.fixture
def make_images(png) -> Callable[..., list[bytes]]:
    """`make_images(folder, names)`: write a picture per name; returns their bytes."""

    def make(folder: Path, names: Sequence[str]) -> list[bytes]:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = [png(10 + k) for k in range(len(names))]
        for name, picture in zip(names, pictures, strict=True):
            (folder / name).write_bytes(picture)
        return pictures

    return make
