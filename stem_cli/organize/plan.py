"""Which file goes where, and as what: decided before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from stem_cli import stems
from stem_cli.audio import FORMATS
from stem_cli.dj import names
from stem_cli.dj.ni_stem import ORDER, SUFFIX
from stem_cli.folder import StemFolder
from stem_cli.folder.names import safe
from stem_cli.organize.programs import Demand

LAYOUTS = ("per-track", "by-stem", "mirror")
"""A folder a song, a folder a stem, or the tree of the library."""


@dataclass(frozen=True)
class Arrangement:
    """How the user wants it. naming: a name of `dj.names.NAMINGS`, or a template. root: of the library, for "mirror".

    stem_files: whether `.stem.mp4` files are made where a program plays them. only: stems, () is all.
    """

    demand: Demand
    layout: str = "per-track"
    naming: str = "dj"
    root: Path | None = None
    stem_files: bool = True
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Song:
    """A song's folder of stems. name: "Artist - Title", its own among all. number: tells songs of one name apart."""

    folder: StemFolder
    name: str
    number: int

    @property
    def title(self) -> str:
        """As in its tags, else the name of its file."""
        return str(self.folder.record.tags.get("title") or Path(self.folder.record.source.path).stem)


@dataclass(frozen=True)
class Item:
    """One file to be. path: below the output folder. kind: a stem, a complement, or "" for a `.stem.mp4`.

    form, depth, rate: as it will be. as_it_is: whether the file that lies there will do.
    """

    song: Song
    kind: str
    path: PurePosixPath
    form: str
    depth: str
    rate: int
    as_it_is: bool

    @property
    def source(self) -> Path:
        """The stem's file now."""
        return self.song.folder.paths()[self.kind]


@dataclass(frozen=True)
class Plan:
    """Everything that is to be there. without: songs that give no `.stem.mp4`, and why."""

    songs: tuple[Song, ...]
    items: tuple[Item, ...]
    without: tuple[str, ...] = ()


def plan(folders: Sequence[StemFolder], how: Arrangement, output: Path) -> Plan:
    """Decide it. Songs of one name are numbered in the order of their folders. Raises UsageError for a bad template."""
    units = names.units_for(output)
    numbers = names.numbers([partial(_name, folder, units) for folder in folders])
    root = how.root or _common([Path(folder.record.source.path).parent for folder in folders])
    songs: list[Song] = []
    items: list[Item] = []
    taken: set[str] = set()
    for folder, number in zip(folders, numbers, strict=True):
        song, inner = _apart(folder, number, taken, lambda song: _items(song, how, root, units), units)
        songs.append(song)
        items += inner
    without = [f"{song.name}: no .stem.mp4 without {', '.join(lacking)}" for song, lacking in _wanting(songs, how)]
    return Plan(tuple(songs), tuple(items), tuple(without))


def _apart(
    folder: StemFolder, number: int, taken: set[str], items_of: Callable[[Song], list[Item]], units: int
) -> tuple[Song, list[Item]]:
    """The song and its files, numbered so that no file has the path of one before it, on any file system."""
    while True:
        song = Song(folder, _name(folder, units, number), number)
        items = items_of(song)
        paths = {names.same(str(item.path)) for item in items}
        if not paths & taken:
            taken |= paths
            return song, items
        number += 1


def _items(song: Song, how: Arrangement, root: Path, units: int) -> list[Item]:
    above = _folder_of(song, how, root)
    items = [_item(song, file.name, above, how, units) for file in song.folder.record.files if _wanted(file, how)]
    if how.demand.stem_file and how.stem_files and not _lacking(song):
        items.append(_stem_file(song, above, how))
    return items


def _wanting(songs: Sequence[Song], how: Arrangement) -> Iterator[tuple[Song, list[str]]]:
    """The songs that give no `.stem.mp4` though one is wanted, and what they lack."""
    if how.demand.stem_file and how.stem_files:
        yield from ((song, lacking) for song in songs if (lacking := _lacking(song)))


def _name(folder: StemFolder, units: int, number: int = 1) -> str:
    tags, source = folder.record.tags, Path(folder.record.source.path)
    return names.song_name(str(tags.get("artist") or ""), str(tags.get("title") or ""), source.stem, number, units)


def _wanted(file: object, how: Arrangement) -> bool:
    return not how.only or getattr(file, "name", "") in how.only


def _folder_of(song: Song, how: Arrangement, root: Path) -> PurePosixPath:
    if how.layout == "per-track":
        return PurePosixPath(song.name)
    if how.layout == "by-stem":
        return PurePosixPath()
    source = Path(song.folder.record.source.path).parent
    inner = source.relative_to(root) if source.is_relative_to(root) else Path()
    return PurePosixPath(*(safe(part) for part in inner.parts))


def _item(song: Song, kind: str, above: PurePosixPath, how: Arrangement, units: int) -> Item:
    record = song.folder.record
    form, depth, rate = how.demand.form(record.format), how.demand.depth(record.depth), record.source.rate
    rate = how.demand.rate(rate) if FORMATS[form].holds_rate(rate) else 44100
    suffix = FORMATS[form].suffix
    name = names.stem_name(how.naming, _fields(song, kind), suffix, song.number, units)
    folder = PurePosixPath(safe(stems.title(kind))) if how.layout == "by-stem" else above
    same = (form, depth, rate) == (record.format, record.depth, record.source.rate)
    return Item(song, kind, folder / name, form, depth, rate, same)


def _fields(song: Song, kind: str) -> dict[str, str]:
    tags, source = song.folder.record.tags, song.folder.record.source
    told = {name: str(tags.get(name) or "") for name in ("artist", "title", "album", "genre", "bpm", "key", "year")}
    return {**told, "stem": kind, "name": Path(source.path).stem, "hash8": source.digest[:8]}


def _lacking(song: Song) -> list[str]:
    there = {stems.TABLE[file.name].family for file in song.folder.record.files if file.name in stems.TABLE}
    return [name for name in ORDER if name not in there]


def _stem_file(song: Song, above: PurePosixPath, how: Arrangement) -> Item:
    folder = PurePosixPath("Stem files") if how.layout == "by-stem" else above
    record = song.folder.record
    return Item(song, "", folder / f"{song.name}{SUFFIX}", "stem", record.depth, record.source.rate, as_it_is=False)


def _common(paths: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(paths))
    except ValueError:  # none, or of several drives
        return Path()
