"""
Messages of Foxglove's schemas, written by the library of each encoding and read by our decoder of it.

The schemas are stated once, as fields; from that come a protobuf descriptor, a JSON Schema and the
definitions of ROS 1 and ROS 2, in the form that recordings carry.
"""

import base64
import importlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from mosaico_ingest.plugin import Channel

__all__ = ["DRESSES", "Dress", "make_dress", "make_messages"]


SCHEMAS = {
    "Vector2": "double x, double y",
    "Vector3": "double x, double y, double z",
    "Point2": "double x, double y",
    "Point3": "double x, double y, double z",
    "Quaternion": "double x, double y, double z, double w",
    "Pose": "Vector3 position, Quaternion orientation",
    "Color": "double r, double g, double b, double a",
    "KeyValuePair": "string key, string value",
    "PackedElementField": "string name, uint32 offset, enum type",
    "Point2InFrame": "time timestamp, string frame_id, Point2 point",
    "Point3InFrame": "time timestamp, string frame_id, Point3 point",
    "PoseInFrame": "time timestamp, string frame_id, Pose pose",
    "PosesInFrame": "time timestamp, string frame_id, Pose[] poses",
    "FrameTransform": "time timestamp, string parent_frame_id, string child_frame_id, "
    "Vector3 translation, Quaternion rotation",
    "FrameTransforms": "FrameTransform[] transforms",
    "LocationFix": "time timestamp, string frame_id, double latitude, double longitude, "
    "double altitude, double[9] position_covariance, enum position_covariance_type, Color color",
    "LocationFixes": "LocationFix[] fixes",
    "CompressedImage": "time timestamp, string frame_id, bytes data, string format",
    "CompressedVideo": "time timestamp, string frame_id, bytes data, string format",
    "RawImage": "time timestamp, string frame_id, uint32 width, uint32 height, string encoding, "
    "uint32 step, bytes data",
    "CameraCalibration": "time timestamp, string frame_id, uint32 width, uint32 height, "
    "string distortion_model, double[] D, double[9] K, double[9] R, double[12] P",
    "PointCloud": "time timestamp, string frame_id, Pose pose, uint32 point_stride, "
    "PackedElementField[] fields, bytes data",
    "LaserScan": "time timestamp, string frame_id, Pose pose, double start_angle, "
    "double end_angle, double[] ranges, double[] intensities",
    "JointState": "time timestamp, string[] name, double[] position, double[] velocity, "
    "double[] effort",
    "Odometry": "time timestamp, string frame_id, string child_frame_id, Pose pose, "
    "Vector3 linear_velocity, Vector3 angular_velocity, double[36] pose_covariance, "
    "double[36] velocity_covariance",
    "Log": "time timestamp, enum level, string message, string name, string file, uint32 line",
}
OF_ROS = {  # what `foxglove_msgs` takes from ROS itself
    "Vector3": "geometry_msgs/Vector3",
    "Point3": "geometry_msgs/Point",
    "Quaternion": "geometry_msgs/Quaternion",
    "Pose": "geometry_msgs/Pose",
}
_FIELD = re.compile(r"(\w+?)(?:(\[)(\d*)\])? (\w+)")


@attrs.frozen
class SchemaField:
    """One field of a schema: a value or message of *kind*, or a list of them, of *size* where fixed."""

    name: str
    kind: str
    is_list: bool
    size: int


def fields(schema: str) -> list[SchemaField]:
    """Return the fields of a schema."""
    return [
        SchemaField(found[4], found[1], found[2] is not None, int(found[3] or 0))
        for found in map(_FIELD.fullmatch, SCHEMAS[schema].split(", "))
        if found
    ]


def make_messages(
    schema: str, count: int = 4, seed: int = 3, gaps: float = 0
) -> list[dict[str, Any]]:
    """Return random messages of a schema; *gaps* is the share of inner messages that are left out."""
    rng = np.random.default_rng(seed)
    return [message(schema, rng, gaps) for _ in range(count)]


def message(schema: str, rng: np.random.Generator, gaps: float) -> dict[str, Any]:
    """Return a random message as dictionaries; times are nanoseconds."""
    return {field.name: _value(field, rng, gaps) for field in fields(schema)}


def _value(
    field: SchemaField, rng: np.random.Generator, gaps: float, *, is_item: bool = False
) -> Any:
    if field.is_list:
        one = attrs.evolve(field, is_list=False)
        count = field.size or int(rng.integers(0, 4))
        return [_value(one, rng, gaps, is_item=True) for _ in range(count)]
    make = {
        "time": lambda: int(rng.integers(0, 2**31)) * 10**9 + int(rng.integers(0, 10**9)),
        "double": lambda: float(rng.normal(scale=100)),
        "uint32": lambda: int(rng.integers(0, 2**16)),
        "enum": lambda: int(rng.integers(0, 4)),
        "string": lambda: str(rng.choice(["", "map", "ünï", "a b"])),
        "bytes": lambda: rng.bytes(int(rng.integers(0, 40))),
    }
    if gaps and not is_item and field.kind in {"time", *SCHEMAS} and rng.random() < gaps:
        return None
    return make[field.kind]() if field.kind in make else message(field.kind, rng, gaps)


class Ros:
    """`foxglove_msgs` of one generation of ROS."""

    def __init__(self, store: Stores, *, is_ros1: bool) -> None:
        self.is_ros1 = is_ros1
        self.store = get_typestore(store)
        for schema in SCHEMAS:
            if schema not in OF_ROS:
                self.store.register(
                    get_types_from_msg(self._text(schema), f"foxglove_msgs/msg/{schema}")
                )

    def channel(self, schema: str) -> Channel:
        """Return a channel as recordings have it."""
        definition, _ = self.store.generate_msgdef(
            f"foxglove_msgs/msg/{schema}", ros_version=1 if self.is_ros1 else 2
        )
        return Channel(
            id=1,
            topic="/t",
            type_name=f"foxglove_msgs/{schema}" if self.is_ros1 else f"foxglove_msgs/msg/{schema}",
            message_encoding="ros1" if self.is_ros1 else "cdr",
            schema_encoding="ros1msg" if self.is_ros1 else "ros2msg",
            definition=definition.encode(),
        )

    def payload(self, schema: str, message: Mapping[str, Any]) -> bytes:
        """Return a message as rosbags writes it."""
        write = self.store.serialize_ros1 if self.is_ros1 else self.store.serialize_cdr
        kind = f"foxglove_msgs/msg/{schema}"
        return bytes(write(self._object(schema, message), kind))

    def _text(self, schema: str) -> str:
        kinds = {
            "time": "time" if self.is_ros1 else "builtin_interfaces/Time",
            "double": "float64",
            "enum": "uint8",
            "bytes": "uint8[]",
            "string": "string",
            "uint32": "uint32",
            **OF_ROS,
        }
        return "\n".join(
            kinds.get(field.kind, f"foxglove_msgs/{field.kind}")
            + (f"[{field.size or ''}]" if field.is_list else "")
            + f" {self._name(field)}"
            for field in fields(schema)
        )

    def _name(self, field: SchemaField) -> str:
        return field.name if self.is_ros1 else field.name.lower()

    def _object(self, schema: str, message: Mapping[str, Any]) -> Any:
        kind = OF_ROS.get(schema, f"foxglove_msgs/{schema}").replace("/", "/msg/")
        values = {
            self._name(field): self._plain(field, message[field.name]) for field in fields(schema)
        }
        return self.store.types[kind](**values)

    def _plain(self, field: SchemaField, value: Any) -> Any:
        if field.is_list and field.kind == "double":
            return np.array(value, np.float64)
        if field.is_list:
            return [self._plain(attrs.evolve(field, is_list=False), item) for item in value]
        if field.kind == "bytes":
            return np.frombuffer(value, np.uint8)
        if field.kind == "time":
            time = self.store.types["builtin_interfaces/msg/Time"]
            return time(sec=value // 10**9, nanosec=value % 10**9)
        return self._object(field.kind, value) if field.kind in SCHEMAS else value


PROTOBUF_KINDS = {"double": 1, "uint32": 7, "string": 9, "bytes": 12, "enum": 14}


class Protobuf:
    """Messages of the protobuf library; a message that is None is left out."""

    def __init__(self) -> None:
        self.files = descriptor_pb2.FileDescriptorSet()
        self.files.file.add().ParseFromString(timestamp_pb2.DESCRIPTOR.serialized_pb)
        file = self.files.file.add(name="foxglove.proto", package="foxglove", syntax="proto3")
        file.dependency.append("google/protobuf/timestamp.proto")
        levels = file.enum_type.add(name="Number")
        for number in range(9):
            levels.value.add(name=f"N{number}", number=number)
        for schema in SCHEMAS:
            kind = file.message_type.add(name=schema)
            for number, field in enumerate(fields(schema), 1):
                added = kind.field.add(name=field.name, number=number)
                added.label = 3 if field.is_list else 1
                added.type = PROTOBUF_KINDS.get(field.kind, 11)
                if field.kind == "time":
                    added.type_name = ".google.protobuf.Timestamp"
                elif field.kind == "enum":
                    added.type_name = ".foxglove.Number"
                elif field.kind in SCHEMAS:
                    added.type_name = f".foxglove.{field.kind}"
        pool = descriptor_pool.DescriptorPool()
        for part in self.files.file:
            pool.Add(part)
        self.classes = {
            schema: message_factory.GetMessageClass(
                pool.FindMessageTypeByName(f"foxglove.{schema}")
            )
            for schema in SCHEMAS
        }

    def channel(self, schema: str) -> Channel:
        """Return a channel as recordings have it."""
        return Channel(
            id=1,
            topic="/t",
            type_name=f"foxglove.{schema}",
            message_encoding="protobuf",
            schema_encoding="protobuf",
            definition=self.files.SerializeToString(),
        )

    def payload(self, schema: str, message: Mapping[str, Any]) -> bytes:
        """Return a message as the library writes it."""
        made = self.classes[schema]()
        self._fill(made, schema, message)
        return made.SerializeToString()

    def _fill(self, made: Any, schema: str, message: Mapping[str, Any]) -> None:
        for field in fields(schema):
            value = message[field.name]
            if value is None:
                continue
            if field.kind == "time":
                getattr(made, field.name).FromNanoseconds(value)
            elif field.kind in SCHEMAS and field.is_list:
                for item in value:
                    self._fill(getattr(made, field.name).add(), field.kind, item)
            elif field.kind in SCHEMAS:
                part = getattr(made, field.name)
                part.SetInParent()
                self._fill(part, field.kind, value)
            elif field.is_list:
                getattr(made, field.name).extend(value)
            else:
                setattr(made, field.name, value)


class Json:
    """Messages as JSON texts, with a JSON Schema; a value that is None is left out."""

    def channel(self, schema: str) -> Channel:
        """Return a channel as recordings have it."""
        definition = {"title": f"foxglove.{schema}", **self._schema(schema)}
        return Channel(
            id=1,
            topic="/t",
            type_name=f"foxglove.{schema}",
            message_encoding="json",
            schema_encoding="jsonschema",
            definition=json.dumps(definition).encode(),
        )

    def payload(self, schema: str, message: Mapping[str, Any]) -> bytes:
        """Return a message as text."""
        return json.dumps(self._plain(schema, message)).encode()

    def _schema(self, schema: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {field.name: self._kind(field) for field in fields(schema)},
        }

    def _kind(self, field: SchemaField) -> dict[str, Any]:
        if field.is_list:
            return {"type": "array", "items": self._kind(attrs.evolve(field, is_list=False))}
        whole = {"type": "integer"}
        kinds = {
            "double": {"type": "number"},
            "uint32": whole,
            "enum": {"oneOf": [{"title": f"N{k}", "const": k} for k in range(9)]},
            "string": {"type": "string"},
            "bytes": {"type": "string", "contentEncoding": "base64"},
            "time": {"type": "object", "properties": {"sec": whole, "nsec": whole}},
        }
        return kinds[field.kind] if field.kind in kinds else self._schema(field.kind)

    def _plain(self, schema: str, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            field.name: self._text(field, message[field.name])
            for field in fields(schema)
            if message[field.name] is not None
        }

    def _text(self, field: SchemaField, value: Any) -> Any:
        if field.is_list:
            return [self._text(attrs.evolve(field, is_list=False), item) for item in value]
        if field.kind == "bytes":
            return base64.b64encode(value).decode()
        if field.kind == "time":
            return {"sec": value // 10**9, "nsec": value % 10**9}
        return self._plain(field.kind, value) if field.kind in SCHEMAS else value


@attrs.frozen
class Dress:
    """An encoding of messages: the library that writes them, and our decoder that reads them."""

    name: str
    encoding: Any
    decoder: Any

    def mapped(self, schemas: Iterable[str]) -> list[str]:
        """Return those of *schemas* that it has under Foxglove's names."""
        is_ros = isinstance(self.encoding, Ros)
        return [schema for schema in schemas if not (is_ros and schema in OF_ROS)]

    def channel(self, schema: str) -> Channel:
        """Return a channel as recordings have it."""
        return self.encoding.channel(schema)

    def columns(self, schema: str, messages: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Return messages as they are decoded."""
        payloads = [self.encoding.payload(schema, message) for message in messages]
        decoded = self.decoder.compile(self.channel(schema))(pa.array(payloads, pa.binary()))
        assert not decoded.rejects, decoded.rejects
        return decoded.data


DRESSES: dict[str, tuple[str, Callable[[], Any]]] = {
    "cdr": ("mosaico_ingest_ros", lambda: Ros(Stores.ROS2_JAZZY, is_ros1=False)),
    "ros1": ("mosaico_ingest_ros", lambda: Ros(Stores.ROS1_NOETIC, is_ros1=True)),
    "protobuf": ("mosaico_ingest_protobuf", Protobuf),
    "json": ("mosaico_ingest_json", Json),
}


def make_dress(name: str) -> Dress:
    """Return the encoding *name*."""
    module, encoding = DRESSES[name]
    decoders = importlib.import_module(module).mosaico_decoders()
    (decoder,) = (decoder for decoder in decoders if decoder.name == name)
    return Dress(name, encoding(), decoder)
