"""What the plugin hands in."""

import mosaico_ingest_ros

from mosaico_ingest.plugin import API_VERSION


def test_decoders():
    """The plugin hands in one decoder per serialisation of ROS."""
    names = [decoder.name for decoder in mosaico_ingest_ros.mosaico_decoders()]

    assert names == ["cdr", "ros1"]
    assert mosaico_ingest_ros.MOSAICO_API <= API_VERSION


def test_mappers():
    """Every mapper of the plugin is handed in, under a name of its own."""
    names = [mapper.name for mapper in mosaico_ingest_ros.mosaico_mappers()]

    assert names
    assert len(set(names)) == len(names)
