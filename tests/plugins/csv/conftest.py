"""Tables to order, and one way to read them."""

from types import SimpleNamespace

import pytest
from mosaico_ingest_csv import CsvFormat
from mosaico_ingest_csv.options import CsvOptions

from mosaico_ingest.plugin import LOG_TIME, Damage
from mosaico_ingest.testing.source import source_file


def read(path, form=None, **options):
    """Open *path* and return its table of contents, rows per topic as dicts, rejects, and damage."""
    form = form or CsvFormat()
    rows, rejects, damage = {}, {}, []
    with form.open(source_file(path), form.options(**options)) as recording:
        info = recording.info
        topics = {channel.id: channel.topic for channel in info.channels}
        for item in recording.batches(list(topics), 1 << 20):
            if isinstance(item, Damage):
                damage.append(item)
                continue
            topic = topics[item.channel_id]
            rows.setdefault(topic, []).extend(item.data.to_pylist())
            if item.rejects is not None:
                rejects.setdefault(topic, []).extend(item.rejects.to_pylist())
    return SimpleNamespace(info=info, rows=rows, rejects=rejects, damage=damage)


@pytest.fixture
def table(tmp_path):
    """`table(text, **options)`: the text, or bytes, as a file, read."""

    def make(text, name="t.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, **options)

    return make


@pytest.fixture
def read_table():
    """`read_table(path, form, **options)`: a file, read."""
    return read


@pytest.fixture
def stamps():
    """`stamps(read)`: the log times of the only topic."""
    return lambda found: [row[LOG_TIME] for rows in found.rows.values() for row in rows]


@pytest.fixture
def options():
    """The class of options."""
    return CsvOptions
