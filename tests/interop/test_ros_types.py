"""Every type that ROS messages become is read by the public SDK, with the values of the message."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rosbags.typesys import Stores

from mosaico_ingest import MosaicoClient
from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.server.runner import ServerProcess

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins/ros/mapping"))

from ros_messages import make_world  # noqa: E402 - found on the path above
from ros_one_by_one import EXPECTED, transform  # noqa: E402

pytestmark = pytest.mark.interop

COUNT = 5
START_NS = 1_700_000_000_000_000_000
READABLE = set(sdk.Serializable._list_registered())
ROS = make_world(Stores.ROS2_JAZZY, is_ros1=False, is_tame=True)
BASES = [
    base
    for base, (tag, _) in EXPECTED.items()
    if tag in READABLE and base.replace("/", "/msg/", 1) in ROS.store.types
]
CLOUD = "sensor_msgs/PointCloud2"
JPEG = b"\xff\xd8\xff\xe0 and more"
RNG = np.random.default_rng(5)


def generated(base: str) -> list:
    """Return messages of a type, with what the SDK's models insist on."""
    messages = ROS.messages(base, COUNT, seed=len(base))
    for n, message in enumerate(messages):
        if base == "sensor_msgs/CompressedImage":
            message.data = np.frombuffer(JPEG + bytes([n]), np.uint8)
            message.format = "rgb8; jpeg compressed bgr8"
        if base == "sensor_msgs/Range":
            message.min_range, message.max_range = 0.0, 200.0
        if base == CLOUD:
            for field in message.fields:
                field.datatype = 1 + n
    return messages


def write(path: Path, topics: dict[str, tuple[str, list]]) -> None:
    """Write messages as ROS 2 does, one each nanosecond."""
    from mcap.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="ros2", library="test")
        for topic, (base, messages) in topics.items():
            channel = ROS.recorded_channel(base)
            schema = writer.register_schema(
                name=channel.type_name, encoding="ros2msg", data=channel.definition
            )
            number = writer.register_channel(topic, "cdr", schema)
            for n, payload in enumerate(ROS.payloads(base, messages)):
                stamp_ns = START_NS + n
                writer.add_message(number, stamp_ns, payload, stamp_ns)
        writer.finish()


def topic_of(base: str) -> str:
    """Return the topic that messages of a type are written to."""
    return "/" + base.replace("/", "_")


@pytest.fixture(scope="module")
def messages() -> dict[str, list]:
    """Messages of every type that the SDK has a model for."""
    return {base: generated(base) for base in BASES}


@pytest.fixture(scope="module")
def server(messages, tmp_path_factory) -> Iterator[ServerProcess]:
    """A server with recordings, ingested with the recorder's clock, which orders messages."""
    folder = tmp_path_factory.mktemp("types")
    write(folder / "types.mcap", {topic_of(b): (b, told) for b, told in messages.items()})
    tf = "tf2_msgs/TFMessage"
    write(folder / "tf.mcap", {"/tf": (tf, ROS.messages(tf, COUNT, seed=1))})
    points = {f"/{tag}": (CLOUD, clouds(tag)) for tag in FIELDS}
    write(folder / "points.mcap", points)
    pixels = {f"/{name}": ("sensor_msgs/Image", [message]) for name, message in images().items()}
    write(folder / "raw.mcap", pixels)
    write(folder / "png.mcap", pixels)
    runs = {
        "types": {},
        "tf": {"options": {"ros": {"tf": "message"}}},
        "points": {"map": {f"/{tag}": tag for tag in FIELDS}},
        "raw": {},
        "png": {"options": {"ros": {"image": "png"}}, "again": True},
    }
    with serve(folder / "store") as server:
        for name, chosen in runs.items():
            store(server, folder / f"{name}.mcap", **chosen)
        yield server


@pytest.fixture(scope="module")
def client(server) -> Iterator[object]:
    """A client of the SDK."""
    with sdk.MosaicoClient.connect(server.host, server.port) as client:
        yield client


def store(server: ServerProcess, path: Path, **settings) -> None:
    """Ingest a recording."""
    with MosaicoClient.connect(server.url) as ours:
        report = ingest(path, client=ours, settings=Settings(time=TimePolicy.Log, **settings))
    assert 0 == report.exit_code, report


def read(client, sequence: str, topic: str) -> list:
    """Return the models of a topic's messages."""
    return [m.data for m in client.topic_handler(sequence, topic).get_data_streamer()]


def test_most_types_come_from_ros():
    """Every type that the SDK has a model for is made of some ROS message, but for those that ROS lacks."""
    made = {EXPECTED[base][0] for base in BASES} | {"transform", "frame_transform", *FIELDS}

    assert {
        "floating16",
        "large_string",
        "point_2_d",
        "point_field",
        "vector_2_d",
        "vector_4_d",
    } == READABLE - made


@pytest.mark.parametrize("base", BASES)
def test_values(client, messages, base):
    """The SDK's model of each row equals its model of the values computed from the message."""
    tag, expected_row = EXPECTED[base]
    model = sdk.Serializable._get_class_type(tag)
    expected = [model.model_validate(expected_row(m)) for m in messages[base]]

    assert expected == read(client, "types", topic_of(base))


def test_transforms_as_messages(client):
    """With `--tf message`, the SDK's list of transforms is that of the message."""
    model = sdk.Serializable._get_class_type("frame_transform")
    told = ROS.messages("tf2_msgs/TFMessage", COUNT, seed=1)
    expected = [
        model.model_validate(
            {"transforms": [transform(t.transform, t.child_frame_id) for t in m.transforms]}
        )
        for m in told
    ]

    assert expected == read(client, "tf", "/tf")


FIELDS = {
    "lidar": "x:f y:f z:f intensity:f reflectivity:H beam_id:H range:f near_ir:f azimuth:f "
    "elevation:f confidence:B return_type:B point_timestamp:d",
    "radar": "x:f y:f z:f range:f azimuth:f elevation:f rcs:f snr:f doppler_velocity:f vx:f vy:f "
    "vx_comp:f vy_comp:f ax:f ay:f radial_speed:f",
    "rgbd_camera": "x:f y:f z:f rgb:f intensity:f",
    "stereo_camera": "x:f y:f z:f rgb:f intensity:f luma:B cost:B",
    "tof_camera": "x:f y:f z:f rgb:f intensity:f noise:f grayscale:f",
}
ADAPTERS = {
    "lidar": "LidarAdapter",
    "radar": "RadarAdapter",
    "rgbd_camera": "RGBDCameraAdapter",
    "stereo_camera": "StereoCameraAdapter",
    "tof_camera": "ToFCameraAdapter",
}


def clouds(tag: str) -> list:
    """Return clouds with the fields that the SDK's adapter knows, of one point more each time."""
    types = ROS.store.types
    names, codes = zip(*(field.split(":") for field in FIELDS[tag].split()), strict=True)
    step = struct.calcsize("<" + "".join(codes))
    rng = np.random.default_rng(len(tag))
    messages = ROS.messages(CLOUD, 3, seed=1)
    for n, message in enumerate(messages):
        message.height, message.width, message.point_step, message.row_step = 1, n, step, n * step
        message.is_bigendian = n == 2
        order = "<>"[n == 2]
        points = [
            struct.pack(order + "".join(codes), *rng.integers(0, 99, len(codes))) for _ in range(n)
        ]
        message.data = np.frombuffer(b"".join(points), np.uint8)
        message.fields = [
            types["sensor_msgs/msg/PointField"](
                name=name,
                offset=struct.calcsize("<" + "".join(codes[:k])),
                datatype=1 + "bBhHiIfd".index(codes[k]),
                count=1,
            )
            for k, name in enumerate(names)
        ]
    return messages


@pytest.mark.parametrize("tag", FIELDS)
def test_points(client, tag):
    """Decoded clouds are what the SDK's own adapter makes of the message."""
    from mosaicolabs.ros_bridge import adapters

    adapter = getattr(adapters, ADAPTERS[tag])
    expected = [adapter.from_dict(_as_dict(message)) for message in clouds(tag)]

    assert expected == read(client, "points", f"/{tag}")


def _as_dict(message) -> dict:
    names = ("height", "width", "is_bigendian", "point_step", "row_step", "is_dense")
    fields = [
        {n: getattr(f, n) for n in ("name", "offset", "datatype", "count")} for f in message.fields
    ]
    return {"fields": fields, "data": message.data.tobytes()} | {
        n: getattr(message, n) for n in names
    }


PIXELS = {  # channels and dtype of encodings that the SDK makes pictures of
    "mono8": (1, "u1"),
    "8UC1": (1, "u1"),
    "rgb8": (3, "u1"),
    "bgr8": (3, "u1"),
    "8UC3": (3, "u1"),
    "rgba8": (4, "u1"),
    "bayer_rggb8": (1, "u1"),
    "bayer_bggr8": (1, "u1"),
    "bayer_gbrg8": (1, "u1"),
    "bayer_grbg8": (1, "u1"),
    "mono16": (1, "u2"),
    "16UC1": (1, "u2"),
    "32FC1": (1, "f4"),
}
BYTES = (  # bytes of a pixel of others, of which it makes no picture, or one of wrong colours (bgra8)
    ("bgra8", 4),
    *(("rgb16", 6), ("rgba16", 8), ("bgr16", 6), ("bayer_rggb16", 2), ("yuv422", 2), ("nv12", 1)),
    *(("yuv422_yuy2", 2), ("16SC3", 6), ("32SC1", 4), ("32FC4", 16), ("64FC1", 8), ("64FC4", 32)),
)
SIDE = (3, 5)


def images() -> dict[str, object]:
    """Return an image of each encoding, of some in both byte orders or with padded rows, by topic."""
    rng = np.random.default_rng(9)
    made = {}
    for encoding, (channels, dtype) in PIXELS.items():
        pixels = rng.integers(0, 250, (*SIDE, channels)).astype(dtype)
        made[encoding] = _image(encoding, pixels.tobytes())
        if dtype != "u1":
            made[f"{encoding}_big"] = _image(
                encoding, pixels.astype(f">{dtype}").tobytes(), big=True
            )
    for encoding, size in BYTES:
        made[encoding] = _image(encoding, rng.bytes(SIDE[0] * SIDE[1] * size))
    made["padded"] = _image("mono8", rng.bytes(SIDE[0] * (SIDE[1] + 3)))
    return made


def _image(encoding: str, data: bytes, *, big: bool = False):
    (message,) = ROS.messages("sensor_msgs/Image", 1, seed=3)
    message.height, message.width = SIDE
    message.step, message.encoding, message.is_bigendian = len(data) // SIDE[0], encoding, int(big)
    message.data = np.frombuffer(data, np.uint8)
    return message


def pixels_of(message) -> np.ndarray:
    """Return the pixels of an image, in the order of colours that pictures have."""
    channels, dtype = PIXELS[message.encoding]
    order = "<>"[message.is_bigendian]
    pixels = np.frombuffer(message.data.tobytes(), order + dtype).reshape(*SIDE, channels)
    if message.encoding.startswith("bgr"):
        pixels = pixels[:, :, ::-1]
    return pixels[:, :, 0] if channels == 1 else pixels


@pytest.mark.parametrize("form", ["raw", "png"])
def test_bytes_of_images(client, form):
    """The SDK gives back the bytes of every encoding, padding included, raw or packed as PNG."""
    for topic, message in images().items():
        (image,) = read(client, form, f"/{topic}")

        assert form == image.format.value
        assert message.data.tolist() == image.to_linear_pixels(), topic


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")  # the SDK's use of Pillow
@pytest.mark.parametrize("form", ["raw", "png"])
@pytest.mark.parametrize("encoding", PIXELS)
def test_pixels_of_images(client, form, encoding):
    """The SDK's picture has the pixels of the message, in both byte orders."""
    for topic, message in images().items():
        if topic.removesuffix("_big") == encoding:
            (image,) = read(client, form, f"/{topic}")
            found = np.asarray(image.to_pillow())

            np.testing.assert_array_equal(pixels_of(message), found)


DRIVERS = {  # what a driver writes, and the packets it may send
    "h264": ("h264", "cisco+openh264/res/test_vd_1d.264"),
    "hevc": ("bgr8; libx265 compressed", "pytorch+torchcodec/test/resources/h265_video.mp4"),
}


@pytest.mark.parametrize("word", DRIVERS)
def test_packets_in_compressed_images(server, client, shared_data, tmp_path, word):
    """Packets that a driver sends as CompressedImage are decoded by the SDK, in the order of the topic."""
    av = pytest.importorskip(
        "av", reason="PyAV is not installed: pip install mosaico-ingest[video]."
    )
    from mosaicolabs.models.sensors.image import StatefulDecodingSession

    text, video = DRIVERS[word]
    path = shared_data / "video" / video
    with av.open(str(path)) as container:
        expected = [frame.to_image().tobytes() for frame in container.decode(video=0)]
    sent = _packets(av, path)
    packets = ROS.messages("sensor_msgs/CompressedImage", len(sent), seed=1)
    for message, data in zip(packets, sent, strict=True):
        message.format, message.data = text, np.frombuffer(data, np.uint8)
    write(tmp_path / f"{word}.mcap", {"/camera": ("sensor_msgs/CompressedImage", packets)})
    store(server, tmp_path / f"{word}.mcap")

    session, found = StatefulDecodingSession(), []
    for image in read(client, word, "/camera"):
        assert word == image.format.value
        picture = session.decode(img_bytes=image.data, format=image.format, context="camera")
        if picture is not None:
            found.append(picture.tobytes())
    session.close()

    # It never asks its decoder for the pictures that wait behind the last packet.
    assert expected[: len(found)] == found
    assert len(found) >= len(expected) - 4


def _packets(av, path: Path) -> list[bytes]:
    """Return the packets of a video as cameras send them, with start codes and parameter sets."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        if path.suffix == ".mp4":
            to_stream = av.BitStreamFilterContext(f"{stream.codec.name}_mp4toannexb", stream)
            packets = [out for packet in packets for out in to_stream.filter(packet)]
        return [bytes(packet) for packet in packets]
