"""Folders of images: which image has which time, and what is missing."""

import pytest
from mosaico_ingest_video import ImageFolder
from mosaico_ingest_video.options import ImageOptions

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import source_file

T0 = 1403636579763555584


def test_names_in_a_list_decide(make_images, rows_of, tmp_path):
    """An image has the time beside its name; what is only in the list is lost, what is not in it is named."""
    pictures = make_images(tmp_path / "data", ["a.png", "b.png", "z.png"])
    rows = [(T0 + 3, "b.png"), (T0 + 1, "a.png"), (T0 + 2, "gone.png")]
    (tmp_path / "data.csv").write_text(
        "#timestamp [ns],filename\n" + "".join(f"{t},{n}\n" for t, n in rows)
    )
    info, tables, damage = rows_of(ImageFolder(), tmp_path)
    table = tables["/image"]

    assert [T0 + 1, T0 + 3] == table.column("log_time_ns").to_pylist()
    assert pictures[:2] == table.column("payload").to_pylist()
    assert (3, {1: 1}) == (info.messages, info.damage[0].lost)
    assert any("z.png" in finding for finding in info.findings)
    assert [] == damage


def test_several_cameras_with_one_list(make_images, rows_of, tmp_path):
    """KITTI odometry: a channel per folder, relative times from --start."""
    for name in ("image_0", "image_1"):
        make_images(tmp_path / name, ["000000.png", "000001.png"])
    (tmp_path / "times.txt").write_text("0.000000e+00\n1.036224e-01\n")
    info, tables, _ = rows_of(ImageFolder(), tmp_path, ImageOptions(start="1700000000"))

    assert ["/image_0", "/image_1"] == [channel.topic for channel in info.channels]
    for table in tables.values():
        expected = [1_700_000_000 * 10**9, 1_700_000_000 * 10**9 + 103_622_400]
        assert expected == table.column("log_time_ns").to_pylist()


def test_a_rate(make_images, rows_of, tmp_path):
    """--fps gives images without a list their times, in the order of their names."""
    make_images(tmp_path, ["1.png", "2.png", "3.png"])
    _, tables, _ = rows_of(ImageFolder(), tmp_path, ImageOptions(fps="30000/1001", start="0"))

    assert [0, 33_366_667, 66_733_333] == tables["/image"].column("log_time_ns").to_pylist()


def test_no_clock_at_all(make_images, tmp_path):
    """Images that nothing gives a time are refused with the flags that do."""
    make_images(tmp_path, ["1.png", "2.png"])

    with pytest.raises(SourceError, match=r"--timestamps FILE .* --fps"):
        ImageFolder().open(source_file(tmp_path), ImageOptions())


def test_a_list_of_another_length(make_images, tmp_path):
    """Times without names must be as many as the images; both numbers are told."""
    make_images(tmp_path, ["1.png", "2.png"])
    (tmp_path / "times.txt").write_text("0.5\n")

    with pytest.raises(SourceError, match=r"lists 1 time, but .* holds 2 images"):
        ImageFolder().open(source_file(tmp_path), ImageOptions())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:40], "cut off after 40 bytes"),
        (lambda data: b"", "no image"),
        (lambda data: b"\xff\xd8\xff\xe0\xff\xd9", "is jpeg, expected png"),
    ],
)
def test_an_image_that_is_not_whole(make_images, rows_of, tmp_path, spoil, reason):
    """A broken image costs itself: its time and file are named, the others are stored."""
    pictures = make_images(tmp_path, [f"{T0 + k}.png" for k in range(3)])
    (tmp_path / f"{T0 + 1}.png").write_bytes(spoil(pictures[1]))
    _, tables, damage = rows_of(ImageFolder(), tmp_path)

    assert [pictures[0], pictures[2]] == tables["/image"].column("payload").to_pylist()
    assert [((T0 + 1, T0 + 1), {1: 1})] == [(d.time_range_ns, d.lost) for d in damage]
    assert reason in damage[0].reason


def test_links_are_not_followed(make_images, rows_of, tmp_path):
    """A link out of the folder is no image of it."""
    make_images(tmp_path / "set", [f"{T0}.png", f"{T0 + 1}.png"])
    make_images(tmp_path / "other", ["x.png"])
    (tmp_path / "set" / f"{T0 + 2}.png").symlink_to(tmp_path / "other" / "x.png")
    info, _, _ = rows_of(ImageFolder(), tmp_path / "set")

    assert 2 == info.messages


def test_a_folder_that_only_looks_like_images(tmp_path):
    """A list without images is refused."""
    (tmp_path / "data").mkdir()
    (tmp_path / "timestamps.txt").write_text("2011-09-26 13:02:25.5\n")

    with pytest.raises(SourceError, match="holds no image"):
        ImageFolder().open(source_file(tmp_path), ImageOptions())
