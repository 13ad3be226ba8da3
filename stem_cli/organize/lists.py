"""Lists of what lies there, for the programs that were named: rekordbox.xml, crates, M3U8, and how to import them.

They hold the songs of all runs (`manifest`), not those of the last one only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stem_cli import stems, tags
from stem_cli.disk import disk_errors, drive_of, replace_synced
from stem_cli.dj import m3u8
from stem_cli.dj.m3u8 import write_m3u8
from stem_cli.dj.names import same
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, location, write_xml
from stem_cli.dj.serato_crate import FOLDER, SUFFIX, crate_name, on_drive, write_crate
from stem_cli.organize import manifest, readme
from stem_cli.organize.carry import refuse_foreign
from stem_cli.organize.manifest import LIST, Manifest, Ours, Remembered
from stem_cli.organize.programs import Demand
from stem_cli.organize.seen import Seen

HOME = PurePosixPath("_DJ")
PLAYLIST, XML, README = HOME / "Stems.m3u8", HOME / "rekordbox.xml", HOME / "README.txt"
CRATES = HOME / "Serato" / FOLDER
TOP = "Stems"
"""The crate above all others of ours."""


@dataclass(frozen=True)
class _Row:
    """One stem in the lists. path: below the output folder."""

    song: Remembered
    kind: str
    path: str


@dataclass(frozen=True)
class Lists:
    """What the lists are to hold. seen: where the DJ's computer sees the output folder, if elsewhere than here."""

    output: Path
    songs: Sequence[Remembered]
    demand: Demand
    seen: Seen

    def rows(self) -> Iterator[_Row]:
        """Every stem, song by song; a `.stem.mp4` needs no list, as programs find it by themselves."""
        for song in self.songs:
            for kind in stems.ordered([kind for kind in song.files if kind]):
                yield _Row(song, kind, song.files[kind])

    def crates(self) -> dict[PurePosixPath, list[str]]:
        """By crate its songs: one for each kind of stem, and one in it for each crate of the DJ that holds the song.

        Crates whose names some file system takes for one are one.
        """
        found = dict[PurePosixPath, list[str]]()
        names = dict[str, str]()
        if self.demand.crates:
            root = drive_of(self.output)
            for row in self.rows():
                path, kind = (
                    on_drive(*self.seen.on_drive(self.output.absolute() / row.path, root)),
                    stems.title(row.kind),
                )
                for levels in ((TOP, kind), *((TOP, *name.split("/"), kind) for name in row.song.crates)):
                    name = crate_name(levels)
                    found.setdefault(CRATES / names.setdefault(same(name), name), []).append(path)
        return found

    def paths(self) -> list[str]:
        """Of all lists, below the output folder. Raises UsageError where they could not name what lies there."""
        if self.demand.xml:
            location(self.seen.place(self.output.absolute()))
        return _paths(self.demand, self.crates())


def _paths(demand: Demand, crates: Iterable[PurePosixPath]) -> list[str]:
    return [str(place) for place in (PLAYLIST, README, *([XML] if demand.xml else []), *crates)]


def write_lists(lists: Lists, programs: Sequence[str], ours: Manifest) -> list[str]:
    """Write them all; what was there of ours is replaced, and crates that no song is left of are removed.

    Returns their paths below the output folder. Raises OutputError.
    """
    output, crates = lists.output, lists.crates()
    wanted = _paths(lists.demand, crates)
    refuse_foreign(output, wanted, ours)
    if lists.demand.crates:
        _remove_empty(output, ours, wanted)
    ours.songs, ours.programs = list(lists.songs), tuple(programs)
    ours.files |= {path: ours.files.get(path, Ours(LIST, 0, 0)) for path in wanted}
    manifest.write(output, ours)
    with disk_errors(output / HOME):
        (output / HOME).mkdir(parents=True, exist_ok=True)
    home = lists.seen.place(output.absolute() / HOME)
    write_m3u8(output / PLAYLIST, (_entry(row, lists) for row in lists.rows()), home)
    if lists.demand.xml:
        _write_xml(lists, ours)
    for place, paths in crates.items():
        with disk_errors(output / place):
            (output / place).parent.mkdir(parents=True, exist_ok=True)
        write_crate(output / place, paths)
    with disk_errors(output / README):
        replace_synced(output / README, readme.text(programs, lists.seen.place(output.absolute())))
    return wanted


def _remove_empty(output: Path, ours: Manifest, wanted: Sequence[str]) -> None:
    """Our own crates whose songs are gone or have left the DJ's crate."""
    for path, one in list(ours.files.items()):
        if one.made_from == LIST and path.endswith(SUFFIX) and path not in wanted:
            with disk_errors(output / path), suppress(FileNotFoundError):
                (output / path).unlink()
            del ours.files[path]


def _entry(row: _Row, lists: Lists) -> m3u8.Item:
    place = lists.seen.place(lists.output.absolute() / row.path)
    return m3u8.Item(place, row.song.artist, f"{row.song.title} ({stems.title(row.kind)})", row.song.seconds)


def _write_xml(lists: Lists, ours: Manifest) -> None:
    told = [(stems.title(row.kind), row.song.crates) for row in lists.rows()]
    tracks = (_track(row, lists, ours.files.get(row.path)) for row in lists.rows())
    write_xml(lists.output / XML, tracks, len(told), by_stem_and_crate(told))


def _track(row: _Row, lists: Lists, one: Ours | None) -> XmlTrack:
    path, seconds = lists.output / row.path, row.song.seconds
    size = path.stat().st_size if path.exists() else 0
    return XmlTrack(
        path=lists.seen.place(lists.output.absolute() / row.path),
        tags=tags.read(path),
        prepared=row.song.listed,
        size=size,
        seconds=seconds,
        rate=one.rate if one is not None else 0,
        bitrate=round(size * 8 / 1000 / seconds) if seconds else 0,
    )
