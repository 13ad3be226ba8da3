"""Which file goes where, and as what: decided before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
    songs = [
        Song(folder, _name(folder, units, number), number) for folder, number in zip(folders, numbers, strict=True)
    ]
    root = how.root or _common([Path(song.folder.record.source.path).parent for song in songs])
    items: list[Item] = []
    without: list[str] = []
    for song in songs:
        above = _folder_of(song, how, root)
        items += [_item(song, file.name, above, how, units) for file in song.folder.record.files if _wanted(file, how)]
        if how.demand.stem_file and how.stem_files:
            lacking = _lacking(song)
            if lacking:
                without.append(f"{song.name}: no .stem.mp4 without {', '.join(lacking)}")
            else:
                items.append(_stem_file(song, above, how))
    return Plan(tuple(songs), tuple(items), tuple(without))


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
