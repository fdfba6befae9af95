"""Packed clouds become lists per quantity, whatever their packing."""

import struct
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import pyarrow as pa
import pytest
from mosaico_ingest_ontology import mosaico_ontologies
from mosaico_ingest_ros.mapping import mappers
from mosaico_ingest_ros.mapping.points import PointsMapper
from mosaico_ingest_ros.mapping.quantities import DECODED

from mosaico_ingest.errors import DecodeError, PlanError
from mosaico_ingest.plugin import Fit, Mapper, MapRequest, Ontology, TimePolicy, Times
from mosaico_ingest.testing.mapper import MapperContract, MapperSample

BASE = "sensor_msgs/PointCloud2"
TYPES = {ontology.tag: ontology for ontology in mosaico_ontologies()}
CODES = dict(zip("bBhHiIfd", range(1, 9), strict=True))  # of `struct` and of PointField
XYZ = ("x:f", "y:f", "z:f")


@attrs.frozen(kw_only=True)
class Packing:
    """
    How a cloud is packed.

    Args:
        fields: Name and `struct` code of each number, `name:code`.
        gap: Bytes behind each point.
        padding: Bytes behind each row.
        is_big: Byte order.
        height: Rows.
    """

    fields: Sequence[str] = XYZ
    gap: int = 0
    padding: int = 0
    is_big: bool = False
    height: int = 1


def cloud(ros2, points: Sequence[Sequence[float]], packing: Packing, stamp=(7, 0)):
    """Return a message with *points*, each the values of the fields, packed one by one."""
    kinds = ros2.store.types
    names, codes = zip(*(field.split(":") for field in packing.fields), strict=True)
    order = ">" if packing.is_big else "<"
    step = struct.calcsize("<" + "".join(codes)) + packing.gap
    width = len(points) // packing.height
    offsets = [struct.calcsize("<" + "".join(codes[:k])) for k in range(len(codes))]
    data = b""
    for k, point in enumerate(points):
        data += struct.pack(order + "".join(codes), *point) + b"\xaa" * packing.gap
        if (k + 1) % width == 0:
            data += b"\xbb" * packing.padding
    return kinds["sensor_msgs/msg/PointCloud2"](
        header=kinds["std_msgs/msg/Header"](
            stamp=kinds["builtin_interfaces/msg/Time"](sec=stamp[0], nanosec=stamp[1]),
            frame_id="lidar",
        ),
        height=packing.height,
        width=width,
        fields=[
            kinds["sensor_msgs/msg/PointField"](
                name=name, offset=offset, datatype=CODES[code], count=1
            )
            for name, code, offset in zip(names, codes, offsets, strict=True)
        ],
        is_bigendian=packing.is_big,
        point_step=step,
        row_step=width * step + packing.padding,
        data=np.frombuffer(data, np.uint8),
        is_dense=True,
    )


def decoded(ros2, messages, tag="lidar", *, shift: int = 0) -> list[dict]:
    """Return the rows of *messages* but the first *shift*."""
    data = ros2.columns(BASE, messages).slice(shift)
    request = MapRequest(
        channel=ros2.channel(BASE),
        columns=data.schema,
        ontology=TYPES[tag],
        time=TimePolicy.Header,
        options=None,
    )
    batch = PointsMapper(tag).compile(request)(
        data, Times(log_ns=pa.array(range(data.num_rows), pa.int64()))
    )
    batch.validate(full=True)
    return batch.to_pylist()


class TestPointsMapper(MapperContract):
    """The contract, for each type, on clouds of two packings and an empty one."""

    @pytest.fixture(params=DECODED)
    def mapper(self, request) -> Mapper:
        """A mapper of clouds."""
        return next(m for m in mappers() if m.name == f"ros-{request.param}")

    @pytest.fixture
    def ontologies(self) -> Sequence[Ontology]:
        """The platform's types."""
        return mosaico_ontologies()

    @pytest.fixture
    def samples(self, ros2) -> Mapping[str, MapperSample]:
        """Clouds."""
        points = [(1.5, float("nan"), -2.5), (4.0, 5.0, float("inf"))]
        messages = [
            cloud(ros2, points, Packing()),
            cloud(ros2, points, Packing(is_big=True, gap=3)),
            cloud(ros2, [], Packing()),
            cloud(ros2, [(*p, 9.0) for p in points], Packing(fields=[*XYZ, "intensity:f"])),
        ]
        sample = MapperSample(
            channel=ros2.channel(BASE), data=ros2.columns(BASE, messages * 2), has_header=True
        )
        return {"clouds": sample}


def test_clouds_stay_packed_unless_asked(ros2):
    """The claims on decoding say what is lost, and stand behind the one that keeps the bytes."""
    columns = ros2.columns(BASE, [cloud(ros2, [], Packing())]).schema
    claims = {m.name: m.claim(ros2.channel(BASE), columns, None) for m in mappers()}

    assert Fit.EXACT == claims.pop("ros").fit
    assert {f"ros-{tag}": (tag, Fit.FAMILY) for tag in DECODED} == {
        name: (claim.tag, claim.fit) for name, claim in claims.items()
    }
    assert "fields of points beyond x, y, z, rgb, intensity" in claims["ros-rgbd_camera"].losses


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("is_big", [False, True])
def test_numbers_of_every_type(ros2, code, is_big):
    """Numbers of any datatype and byte order are read, unaligned too, as the type's own."""
    packing = Packing(fields=["skip:B", *XYZ, f"intensity:{code}"], is_big=is_big, gap=1)
    (row,) = decoded(ros2, [cloud(ros2, [(1, 0.5, -1.0, 2.0, 100)], packing)])

    assert ([0.5], [-1.0], [2.0], [100.0]) == tuple(row[n] for n in ("x", "y", "z", "intensity"))
    assert row["beam_id"] is None


@pytest.mark.parametrize(
    "packing",
    [
        Packing(),
        Packing(height=2),
        Packing(height=2, gap=5),
        Packing(height=2, padding=6),
        Packing(height=3, padding=1, gap=2, is_big=True),
    ],
    ids=str,
)
def test_packings(ros2, packing):
    """Gaps between points and padding behind rows are passed over."""
    first = [(k, k + 0.25, -k) for k in range(6)]
    second = [(10 * k, 1.0, 2.0) for k in range(12)]
    rows = decoded(ros2, [cloud(ros2, first, packing), cloud(ros2, second, packing)])

    assert [[p[0] for p in points] for points in (first, second)] == [row["x"] for row in rows]
    assert [[p[1] for p in points] for points in (first, second)] == [row["y"] for row in rows]


def test_careless_row_steps(ros2):
    """Data of just the size of their points have no padding, whatever `row_step` says."""
    message = cloud(ros2, [(k, 0, 0) for k in range(4)], Packing(height=2))
    for row_step in (0, 12, 10_000):
        message.row_step = row_step

        assert [0.0, 1.0, 2.0, 3.0] == decoded(ros2, [message])[0]["x"]


def test_layouts_change_between_messages(ros2):
    """Each message of a batch is read by its own layout; what it lacks is null in its row alone."""
    plain = Packing()
    rich = Packing(fields=["ring:H", "z:d", "y:f", "x:h", "intensity:B"], is_big=True)
    messages = [
        cloud(ros2, [(1, 2, 3), (4, 5, 6)], plain),
        cloud(ros2, [(31, 9.5, 8, 7, 200)], rich),
        cloud(ros2, [], Packing()),
        cloud(ros2, [(10, 11, 12)], plain),
        cloud(ros2, [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)], rich),
    ]
    rows = decoded(ros2, messages)

    assert [[1, 4], [7], [], [10], [3, 8]] == [row["x"] for row in rows]
    assert [[3, 6], [9.5], [], [12], [1, 6]] == [row["z"] for row in rows]
    assert [None, [31], None, None, [0, 5]] == [row["beam_id"] for row in rows]
    assert [None, [200], None, None, [4, 9]] == [row["intensity"] for row in rows]
    assert rows[2:] == [
        row | {"recording_timestamp_ns": k + 2}
        for k, row in enumerate(decoded(ros2, messages, shift=2))
    ]


def test_values_that_are_no_number_stay(ros2):
    """Points without a return keep their NaN, and infinities their sign."""
    points = [(float("nan"), float("inf"), float("-inf"))]
    (row,) = decoded(ros2, [cloud(ros2, points, Packing())])

    assert "[nan] [inf] [-inf]" == f"{row['x']} {row['y']} {row['z']}"


def test_empty_clouds(ros2):
    """A cloud without points, or without any field, gives empty lists."""
    bare = cloud(ros2, [], Packing())
    bare.fields, bare.point_step, bare.width = [], 0, 5
    for message in (cloud(ros2, [], Packing(fields=[*XYZ, "ring:H"])), bare):
        (row,) = decoded(ros2, [message])

        assert [] == row["x"] == row["y"] == row["z"]
        assert row["beam_id"] in ([], None)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("t:I", 1_500_000, 0.0015),  # nanoseconds of an Ouster
        ("time:f", 0.25, 0.25),  # seconds of a Velodyne
        ("timestamp:d", 1_700_000_000.75, 0.5),  # a clock in seconds
        ("timestamp:d", 1_700_000_000_750_000_128.0, 0.500000128),  # a clock in nanoseconds
        ("Offset_Time:I", 2_000, 2e-6),
    ],
)
def test_times_of_points(ros2, field, value, expected):
    """Times become seconds from the stamp of the message, whichever unit and zero the driver has."""
    message = cloud(
        ros2, [(0, 0, 0, value)], Packing(fields=[*XYZ, field]), stamp=(1_700_000_000, 250_000_000)
    )
    other = cloud(ros2, [(0, 0, 0)], Packing())
    first, second = decoded(ros2, [message, other])

    assert pytest.approx([expected], abs=1e-9) == first["point_timestamp"]
    assert second["point_timestamp"] is None


def test_ranges_in_millimetres(ros2):
    """Whole numbers of a range count millimetres, as Ouster writes them; others metres."""
    whole = cloud(ros2, [(0, 0, 0, 2500)], Packing(fields=[*XYZ, "range:I"]))
    metres = cloud(ros2, [(0, 0, 0, 2.5)], Packing(fields=[*XYZ, "range:f"]))

    assert [[2.5], [2.5]] == [row["range"] for row in decoded(ros2, [whole, metres])]


@pytest.mark.parametrize("field", ["rgb:I", "rgb:f", "rgba:I"])
@pytest.mark.parametrize("is_big", [False, True])
def test_colours_keep_their_bits(ros2, field, is_big):
    """A packed colour is no number: its 32 bits are kept, those of a NaN too."""
    bits = 0x7FA01020
    value = bits if field.endswith("I") else struct.unpack("<f", struct.pack("<I", 0x00A01020))[0]
    packing = Packing(fields=[*XYZ, field], is_big=is_big)
    data = ros2.columns(BASE, [cloud(ros2, [(0, 0, 0, value)], packing)])
    mapper = PointsMapper("rgbd_camera")
    request = MapRequest(
        channel=ros2.channel(BASE),
        columns=data.schema,
        ontology=TYPES["rgbd_camera"],
        time=TimePolicy.Header,
        options=None,
    )
    colours = mapper.compile(request)(data, Times(log_ns=pa.array([1]))).column("rgb").flatten()

    expected = bits if field.endswith("I") else 0x00A01020
    assert [expected] == colours.to_numpy().view(np.uint32).tolist()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"data": np.zeros(30, np.uint8)}, r"2 points of 12 bytes has 30 bytes of data, not 36"),
        ({"width": 2**32 - 1, "height": 2**32 - 1}, r"has 36 bytes of data"),
        ({"point_step": 8}, r"at byte 8 of its point, which has 8"),
        ({"fields": []}, r"has no field 'x', 'y', 'z', which 'lidar' requires; it has none"),
    ],
)
def test_broken_clouds(ros2, change, told):
    """What a cloud cannot be is told with the flag that keeps it as it is."""
    message = cloud(ros2, [(1, 2, 3)] * 3, Packing(height=1))
    if "data" in change:
        message.width, message.height = 3, 1
        told = told.replace("2 points", "1 x 3 points")
    for name, value in change.items():
        setattr(message, name, value)

    with pytest.raises(DecodeError, match=told) as caught:
        decoded(ros2, [message])
    assert "Use --map /topic=point_cloud2" in str(caught.value)


def test_rows_without_points(ros2):
    """Four billion rows of no points are an empty cloud, and take no memory."""
    message = cloud(ros2, [(1, 2, 3)], Packing())
    message.height, message.width, message.row_step = 2**32 - 1, 0, 5

    assert [] == decoded(ros2, [message])[0]["x"]


def test_any_numbers_in_a_header(ros2):
    """Whatever sizes, offsets and types a cloud claims, it is refused or has lists of one length."""
    rng = np.random.default_rng(11)
    numbers = [0, 1, 2, 3, 4, 8, 12, 2**31, 2**32 - 1]
    outcomes = set()
    for _ in range(300):
        message = cloud(ros2, [(1, 2, 3, 4)] * 6, Packing(fields=[*XYZ, "ring:H"], height=2))
        for name in ("height", "width", "point_step", "row_step"):
            if rng.random() < 0.3:
                setattr(message, name, int(rng.choice(numbers)))
        field = message.fields[int(rng.integers(4))]
        if rng.random() < 0.3:
            field.offset, field.datatype = int(rng.choice(numbers)), int(rng.integers(12))
        try:
            (row,) = decoded(ros2, [message])
        except DecodeError:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            lengths = {len(row[name]) for name in DECODED["lidar"] if row[name] is not None}

            assert len(lengths) == 1
    assert {"refused", "read"} == outcomes


def test_numbers_that_do_not_fit(ros2):
    """A beam number beyond 16 bits is refused, not wrapped."""
    message = cloud(ros2, [(0, 0, 0, 70_000)], Packing(fields=[*XYZ, "ring:I"]))

    with pytest.raises(DecodeError, match=r"Field 'ring' of a cloud \(uint32\) .* uint16 cannot"):
        decoded(ros2, [message])


def test_arrays_are_no_quantity(ros2):
    """A field of several numbers per point is not read as one."""
    message = cloud(ros2, [(0, 0, 0, 1, 2)], Packing(fields=[*XYZ, "intensity:f", "rest:f"]))
    message.fields[3].count = 2

    assert decoded(ros2, [message])[0]["intensity"] is None


def test_other_types_are_refused(ros2):
    """A mapper of clouds makes one type only."""
    data = ros2.columns(BASE, [cloud(ros2, [], Packing())])
    request = MapRequest(
        channel=ros2.channel(BASE),
        columns=data.schema,
        ontology=TYPES["radar"],
        time=TimePolicy.Log,
        options=None,
    )

    with pytest.raises(PlanError, match=r"'ros-lidar' cannot make 'radar' of channel '/topic'"):
        PointsMapper("lidar").compile(request)
