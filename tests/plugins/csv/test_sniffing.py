"""Only tables are claimed, whatever they are called."""

from pathlib import Path

import pytest
from mosaico_ingest_csv.sniffing import sniff_csv, sniff_jsonl

from mosaico_ingest.plugin import SourceFile, Strength
from mosaico_ingest.testing.source import source_file

LOG = "".join(f"[INFO] [{k}.5]: node started, all well, {k} of 9\n" for k in range(40))
PROSE = "Hello, this is a text, with commas.\nAnother line, as it happens, with more.\n" * 20


def _file(name, text):
    return SourceFile(
        path=Path("/nowhere") / name, size_bytes=len(text), mtime_ns=0, head=text.encode()
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README", PROSE),
        ("LICENSE.txt", PROSE),
        ("notes.txt", "12, 13\nand so on\n"),
        ("rosout.log", LOG),
        ("out.txt", LOG),
        ("metadata.yaml", "a: 1\nb: [1, 2]\nc: [3, 4]\n"),
        ("config.json", '{\n "a": 1,\n "b": 2\n}\n'),
        ("one.json", '{"a": 1, "b": 2}\n'),
        ("page.csv", "<html><body>1,2</body></html>\n"),
        ("timestamps.txt", "1403636579763555584\n1403636579813555456\n"),
        ("empty.csv", ""),
        ("binary.csv", "a\0b,c\n"),
    ],
)
def test_strangers(name, text):
    """Logs, licences, configurations, pages and lists of times are left to others."""
    assert None is sniff_csv(_file(name, text))
    assert None is sniff_jsonl(_file(name, text))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "T.CSV", "t.txt", "t.dat"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables(name, delimiter):
    """Even rows of numbers are a table, in files called so and in plain text."""
    text = "".join(delimiter.join([str(1700000000 + k), "1.5", "2"]) + "\n" for k in range(10))

    assert (
        Strength.STRUCTURE
        is sniff_csv(_file(name, "t,a,b\n".replace(",", delimiter) + text)).strength
    )


def test_a_table_of_kinds_is_claimed_by_its_name():
    """Rows of differing length are a table only if the name says so."""
    text = "1,a,2\n2,b\n3,c,1,2,3\n4,d,4\n" * 5

    assert Strength.SUFFIX is sniff_csv(_file("t.csv", text)).strength
    assert None is sniff_csv(_file("t.txt", text))


def test_no_other_recording_is_claimed(shared_data):
    """Of all real files only those below csv/ are claimed."""
    files = [path for path in shared_data.rglob("*") if path.is_file()]
    files = [path for path in files if "licences" not in path.parts]

    claimed = {
        path for path in files if sniff_csv(source_file(path)) or sniff_jsonl(source_file(path))
    }

    assert set(shared_data.glob("csv/**/*.csv")) == claimed
