import io

from mosaico_ingest.hooks.discovery import PluginState, PluginStatus
from mosaico_ingest.reports.plugins import plugin_blocks, plugins_to_json
from mosaico_ingest.reports.text import print_blocks

STATUSES = (
    PluginStatus(
        name="mcap",
        distribution="mosaico-ingest",
        version="0.1.0",
        status=PluginState.Loaded,
        contributions=("source mcap", *(f"ontology t{n}" for n in range(5))),
    ),
    PluginStatus(
        name="video",
        distribution="other",
        version="2",
        status=PluginState.MissingExtra,
        reason="needs the module 'av', which is not installed",
    ),
)


def test_listing_says_why_a_plugin_is_missing():
    """Each plugin has a row, a long kind is counted, and what is not loaded says why."""
    stream = io.StringIO()
    print_blocks(plugin_blocks(STATUSES), stream)

    assert (
        "plugin  status         version  distribution    hands in\n"
        "------  -------------  -------  --------------  ---------------------------------\n"
        "mcap    loaded         0.1.0    mosaico-ingest  source mcap, ontology (5 of them)\n"
        "video   missing extra  2        other\n"
        "  video: missing extra: needs the module 'av', which is not installed\n"
    ) == stream.getvalue()


def test_json_lists_every_contribution():
    """Machines get every contribution by its name."""
    told = plugins_to_json(STATUSES)

    assert [6, 0] == [len(plugin["contributions"]) for plugin in told["plugins"]]
