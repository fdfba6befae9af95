"""The public SDK reads what a mapping file made of a table, into its own models."""

import math

import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.mapping.file import load_mapping
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

pytestmark = pytest.mark.interop

TABLE = """\
time,ax,ay,az,yaw,lat,lon,height
1767225600.0,1,0,2,90,48.5,11.5,500
1767225601.0,2,0,3,-180,49.5,12.5,510
"""
MAPPING = """\
[[map]]
topic = "/vehicle"
ontology = "imu"
[map.fields]
acceleration = { x = "ax * g0", y = "ay", z = "az" }
angular_velocity = { x = 0, y = 0, z = "si(yaw, 'deg/s')" }
frame_id = "'base_link'"

[[map]]
topic = "/vehicle"
ontology = "gps"
[map.fields]
position = { x = "lat", y = "lon", z = "height" }
"""


def test_the_sdk_reads_mapped_columns(tmp_path):
    """Values are converted as the expressions say, and what a rule leaves out is absent in the model."""
    from mosaicolabs.models.sensors import GPS, IMU

    (tmp_path / "vehicle.csv").write_text(TABLE)
    (tmp_path / "m.toml").write_text(MAPPING)
    host = Host.discover()
    mapping = load_mapping(tmp_path / "m.toml", host.ontology)
    settings = Settings(rules=mapping.rules, options={"csv": {"split": False}})
    host = host.with_(mapping)
    report = ingest(tmp_path / "vehicle.csv", store=tmp_path / "s", settings=settings, host=host)

    with (
        serve(tmp_path / "s") as server,
        sdk.MosaicoClient.connect(server.host, server.port) as client,
    ):
        imu, gps = (
            [
                (message.timestamp_ns, message.frame_id, message.get_data(model))
                for message in client.topic_handler("vehicle", topic).get_data_streamer()
            ]
            for topic, model in (("/vehicle/imu", IMU), ("/vehicle/gps", GPS))
        )

    assert 0 == report.exit_code
    assert [(1_767_225_600 + n) * 10**9 for n in (0, 1)] == [at for at, _, _ in imu]
    assert ["base_link"] * 2 == [frame for _, frame, _ in imu]
    assert [(9.80665, 2.0), (19.6133, 3.0)] == [
        (m.acceleration.x, m.acceleration.z) for _, _, m in imu
    ]
    assert [math.pi / 2, -math.pi] == [m.angular_velocity.z for _, _, m in imu]
    assert [None, None] == [m.orientation for _, _, m in imu]
    assert [(48.5, 11.5, 500.0), (49.5, 12.5, 510.0)] == [
        (m.position.x, m.position.y, m.position.z) for _, _, m in gps
    ]
    assert [None, None] == [m.status for _, _, m in gps]
