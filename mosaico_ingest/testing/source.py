"""
`SourceContract`: what every source format promises, as a pytest class to subclass.

A plugin author gives a format and good recordings with their counts; the rest is derived from them by
reading again in other sizes, from cursors, cut short, and with bits turned over. Register the module
for assertion rewriting (`pytest.register_assert_rewrite("mosaico_ingest.testing.source")`) to see values
in failures.

Must not know: any particular format. Next: `mosaico_ingest.hooks.contracts`.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from mosaico_ingest.errors import SourceError
from mosaico_ingest.hooks.contracts import Recording, SourceFormat
from mosaico_ingest.model.batch import Cursor, RawBatch
from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.source import HEAD_BYTES, SourceFile
from mosaico_ingest.testing.files import contents, copy_recording, open_files, spread

__all__ = ["Row", "SourceContract", "read_rows", "source_file"]

Row = tuple[object, ...]
"""One message: the values of its row, in the order of the batch's columns."""

_WHOLE = 1 << 20


def source_file(path: Path) -> SourceFile:
    """Return *path* as sniffers see it."""
    path = path.absolute()
    stat = path.stat()
    if path.is_dir():
        children = sorted(path.iterdir())
        return SourceFile(
            path=path,
            size_bytes=sum(child.stat().st_size for child in children if child.is_file()),
            mtime_ns=stat.st_mtime_ns,
            entries=tuple(child.name for child in children),
            is_dir=True,
        )
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    return SourceFile(path=path, size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, head=head)


def read_rows(
    recording: Recording,
    channels: Collection[int] | None = None,
    target_bytes: int = _WHOLE,
    cursor: Cursor | None = None,
) -> tuple[dict[int, list[Row]], list[Damage]]:
    """Return all rows per channel id, in the order they came, and the damage that was met."""
    wanted = [c.id for c in recording.info.channels] if channels is None else channels
    rows: dict[int, list[Row]] = {}
    damage: list[Damage] = []
    for item in recording.batches(wanted, target_bytes, cursor):
        if isinstance(item, Damage):
            damage.append(item)
        else:
            rows.setdefault(item.channel_id, []).extend(_rows(item))
    return rows, damage


class SourceContract:
    """
    The promises of a source format.

    Subclass it, override the fixtures `source_format` and `recordings`, and set the class attributes.

    Attributes:
        plugin_module: Import name of the plugin, for the test that heavy imports are delayed.
        heavy_modules: Modules that importing the plugin must not load.
        has_checksums: Whether a turned bit inside a message is always noticed in every recording.
        cuts: Number of places at which recordings are cut short.
        flips: Number of bits that are turned over, one at a time.
    """

    plugin_module: str = ""
    heavy_modules: Sequence[str] = ("mcap", "rosbags", "av", "pandas")
    has_checksums: bool = False
    cuts: int = 24
    flips: int = 24

    @pytest.fixture
    def source_format(self) -> SourceFormat:
        """The format under test."""
        raise NotImplementedError

    @pytest.fixture
    def recordings(self) -> Mapping[Path, Mapping[str, int]]:
        """Good recordings (small files or directories), each with its messages per topic."""
        raise NotImplementedError

    @pytest.fixture
    def options(self, source_format: SourceFormat) -> object:
        """The options that recordings are opened with: the defaults."""
        return None if source_format.options is None else source_format.options()

    def test_claims_its_recordings(
        self, source_format: SourceFormat, recordings: Mapping[Path, Mapping[str, int]]
    ) -> None:
        """Every good recording is claimed, and something else is not."""
        stranger = SourceFile(
            path=Path("/nowhere/notes.txt"), size_bytes=5, mtime_ns=0, head=b"hello"
        )

        assert all(source_format.sniff(source_file(path)) for path in recordings)
        assert source_format.sniff(stranger) is None

    def test_sniffs_without_opening(
        self, source_format: SourceFormat, recordings: Mapping[Path, Mapping[str, int]]
    ) -> None:
        """A claim rests on head and entries alone: the path need not exist, and asking again agrees."""
        for path in recordings:
            file = source_file(path)
            gone = attrs.evolve(file, path=Path("/nowhere") / path.name)

            assert source_format.sniff(file) == source_format.sniff(gone)

    def test_counts_are_right(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """All messages come, as many as expected and as declared, and nothing is called damaged."""
        for path, expected in recordings.items():
            with source_format.open(source_file(path), options) as recording:
                info = recording.info
                rows, damage = read_rows(recording)
            found: Counter[str] = Counter()
            for channel in info.channels:
                found[channel.topic] += len(rows.get(channel.id, ()))
                assert channel.messages in (None, len(rows.get(channel.id, ())))

            assert dict(expected) == {topic: n for topic, n in found.items() if n}
            assert info.messages in (None, sum(expected.values()))
            assert (damage, info.damage) == ([], ())

    def test_info_can_travel(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """The table of contents is picklable, its channel ids are unique and its files exist."""
        for path in recordings:
            with source_format.open(source_file(path), options) as recording:
                info = recording.info

            assert info == pickle.loads(pickle.dumps(info))  # noqa: S301 (our own bytes)
            assert len({c.id for c in info.channels}) == len(info.channels)
            assert info.size_bytes == sum(file.stat().st_size for file in info.files)

    def test_batches_are_numbered(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """Batches of a channel count from 0 without gaps, are not empty and keep their columns."""
        for path in recordings:
            batches = _batches(source_format, path, options, target_bytes=100)
            for channel_id in {b.channel_id for b in batches}:
                own = [b for b in batches if b.channel_id == channel_id]

                assert list(range(len(own))) == [b.seq for b in own]
                assert all(b.data.num_rows for b in own)
                assert len({tuple(b.data.schema.names) for b in own}) == 1

    def test_order_does_not_depend_on_the_batch_size(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """Rows come in stored order: the same whether messages leave one by one or all together."""
        for path in recordings:
            with source_format.open(source_file(path), options) as recording:
                whole, single, some = (
                    read_rows(recording, target_bytes=n)[0] for n in (_WHOLE, 1, 2000)
                )

            assert whole == single
            assert whole == some

    def test_only_wanted_channels_come(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """A channel read alone gives what it gives among the others, and no other channel comes."""
        for path in recordings:
            with source_format.open(source_file(path), options) as recording:
                whole, _ = read_rows(recording)
                nothing, _ = read_rows(recording, ())
                for channel in recording.info.channels:
                    alone, _ = read_rows(recording, {channel.id})

                    assert {k: v for k, v in whole.items() if k == channel.id} == alone
            assert nothing == {}

    def test_cursors_restart_after_their_batch(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """From the cursor of any batch exactly the messages follow that had not come with it."""
        for path in recordings:
            batches = _batches(source_format, path, options, target_bytes=700)
            for k in spread(len(batches), 12):
                cursor = batches[k].cursor
                if cursor is None:
                    continue
                rest: dict[int, list[Row]] = {}
                for batch in batches[k + 1 :]:
                    rest.setdefault(batch.channel_id, []).extend(_rows(batch))
                cursor = pickle.loads(pickle.dumps(cursor))  # noqa: S301 (our own bytes)
                with source_format.open(source_file(path), options) as recording:
                    again, _ = read_rows(recording, target_bytes=900, cursor=cursor)

                assert rest == again

    def test_cut_short(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
        tmp_path: Path,
    ) -> None:
        """A recording that ends too early gives the messages before the cut, and never raises."""
        for path in recordings:
            whole = _by_topic(source_format, path, options)[0]
            size = _last_file(source_format, path, options).stat().st_size
            for at in spread(size, self.cuts):
                copy = copy_recording(path, tmp_path)
                victim = _last_file(source_format, copy, options)
                os.truncate(victim, at)
                rows = _by_topic(source_format, copy, options)[0]

                for topic, own in rows.items():
                    assert own == whole.get(topic, [])[: len(own)], f"{path} cut at {at}: {topic}"

    def test_turned_bits(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
        tmp_path: Path,
    ) -> None:
        """One wrong bit anywhere never raises, and with checksums no wrong message is given."""
        for path in recordings:
            whole, _ = _by_topic(source_format, path, options)
            known = Counter(row[-1] for own in whole.values() for row in own)
            last = _last_file(source_format, path, options)
            for at in spread(last.stat().st_size, self.flips):
                copy = copy_recording(path, tmp_path)
                victim = _last_file(source_format, copy, options)
                content = bytearray(victim.read_bytes())
                content[at] ^= 1 << at % 8
                victim.write_bytes(content)
                rows, _ = _by_topic(source_format, copy, options)
                found = Counter(row[-1] for own in rows.values() for row in own)

                if self.has_checksums:
                    assert found <= known, f"{path}, bit turned in byte {at}"

    def test_known_damage_is_told_once(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
        tmp_path: Path,
    ) -> None:
        """What opening has listed as damage is not told again by reading."""
        for path in recordings:
            copy = copy_recording(path, tmp_path)
            victim = _last_file(source_format, copy, options)
            os.truncate(victim, victim.stat().st_size * 6 // 10)
            try:
                with source_format.open(source_file(copy), options) as recording:
                    _, damage = read_rows(recording)
                    known = recording.info.damage
            except SourceError:
                continue

            assert [d for d in damage if d in known] == []

    def test_everything_is_released(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
    ) -> None:
        """Leaving the block closes every file and ends every thread, also in the middle of reading."""
        for path in recordings:
            before = open_files(), threading.active_count()
            with source_format.open(source_file(path), options) as recording:
                batches = recording.batches([c.id for c in recording.info.channels], 1)
                next(batches, None)

            assert before == (open_files(), threading.active_count())

    def test_leaves_nothing_behind(
        self,
        source_format: SourceFormat,
        recordings: Mapping[Path, Mapping[str, int]],
        options: object,
        tmp_path: Path,
    ) -> None:
        """Reading changes no file and adds none."""
        for path in recordings:
            copy = copy_recording(path, tmp_path)
            before = contents(copy.parent)
            _by_topic(source_format, copy, options)

            assert before == contents(copy.parent)

    def test_heavy_imports_are_delayed(self) -> None:
        """Importing the plugin loads none of the heavy modules, beyond what the door itself has."""
        code = (
            "import sys, mosaico_ingest.plugin; before = set(sys.modules)\n"
            f"import {self.plugin_module}; print(*set(sys.modules) - before)"
        )
        run = subprocess.run(  # noqa: S603 (our own interpreter)
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )

        assert set() == set(self.heavy_modules) & set(run.stdout.split())


def _rows(batch: RawBatch) -> list[Row]:
    """Return the rows of *batch* as tuples of Python values."""
    return list(zip(*(column.to_pylist() for column in batch.data.columns), strict=True))


def _batches(
    source_format: SourceFormat, path: Path, options: object, *, target_bytes: int
) -> list[RawBatch]:
    """Return every batch of a good recording."""
    with source_format.open(source_file(path), options) as recording:
        channels = [c.id for c in recording.info.channels]
        items = list(recording.batches(channels, target_bytes))
    return [item for item in items if isinstance(item, RawBatch)]


def _by_topic(
    source_format: SourceFormat, path: Path, options: object
) -> tuple[dict[str, list[Row]], list[Damage]]:
    """
    Return rows per topic and all damage, of a recording that may be damaged.

    Only `open` may refuse, with a `SourceError`; then nothing was read. Channels that share a topic are
    told apart by their order.
    """
    try:
        opened = source_format.open(source_file(path), options)
    except SourceError:
        return {}, []
    with opened as recording:
        rows, damage = read_rows(recording)
        seen: Counter[str] = Counter()
        named: dict[str, list[Row]] = {}
        for channel in recording.info.channels:
            seen[channel.topic] += 1
            named[f"{channel.topic}#{seen[channel.topic]}"] = rows.get(channel.id, [])
        return named, [*recording.info.damage, *damage]


def _last_file(source_format: SourceFormat, path: Path, options: object) -> Path:
    """Return the file that holds the end of a good recording."""
    with source_format.open(source_file(path), options) as recording:
        return recording.info.files[-1]
