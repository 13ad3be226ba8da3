"""Which file goes where, and as what: decided before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from stem_cli import stems
from stem_cli.audio import FORMATS
from stem_cli.dj import names
from stem_cli.dj.ni_stem import ORDER, SUFFIX
from stem_cli.folder import StemFile, StemFolder
from stem_cli.folder.names import safe
from stem_cli.organize.before import digest_of, matched
from stem_cli.organize.foreign import Adopted
from stem_cli.organize.manifest import Manifest, Remembered
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
    """A song's folder of stems. name: "Artist - Title", its own among all. number: tells songs of one name apart.

    before: what an earlier run made of it.
    """

    folder: StemFolder
    name: str
    number: int
    before: Remembered | None = None

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

    @cached_property
    def _by_song(self) -> dict[int, list[Item]]:
        found: dict[int, list[Item]] = {}
        for item in self.items:
            found.setdefault(id(item.song), []).append(item)
        return found

    def items_of(self, song: Song) -> list[Item]:
        """The files of one of its songs."""
        return self._by_song.get(id(song), [])


@dataclass
class _Taken:
    """Paths that a song cannot have: of songs of this run, and of others of earlier runs, whose stems may be old."""

    paths: set[str]
    owners: dict[str, str]

    def has(self, path: str, digest: str) -> bool:
        return path in self.paths or self.owners.get(path, digest) != digest


def plan(folders: Sequence[StemFolder], how: Arrangement, output: Path, kept: Manifest | None = None) -> Plan:
    """Decide it. kept: what lies in the output folder.

    A song that is there already keeps its number; songs of one name are numbered in the order of their folders.
    Raises UsageError for a bad template.
    """
    kept = kept or Manifest()
    units, before = names.units_for(output), matched(folders, kept.songs)
    others = _others(kept.songs, before)
    numbers = _numbers(folders, before, [song.name for song in others], units)
    root = how.root or _common([Path(folder.record.source.path).parent for folder in folders])
    taken = _Taken(
        {names.same(path) for song in others for path in song.files.values()},
        {names.same(path): file.digest for path, file in kept.files.items() if file.digest},
    )
    found: dict[int, tuple[Song, list[Item]]] = {}
    for place in sorted(range(len(folders)), key=lambda place: before[place] is None):
        first = Song(folders[place], "", numbers[place], before[place])
        found[place] = _apart(first, taken, lambda song: _items(song, how, root, units), units)
    songs = [found[place][0] for place in range(len(folders))]
    items = [item for place in range(len(folders)) for item in found[place][1]]
    without = [f"{song.name}: no .stem.mp4 {why}" for song, why in _wanting(songs, how)]
    return Plan(tuple(songs), tuple(items), tuple(without))


def _others(songs: Sequence[Remembered], before: Sequence[Remembered | None]) -> list[Remembered]:
    """The songs of earlier runs that this one does not touch."""
    now = {id(song) for song in before}
    return [song for song in songs if id(song) not in now]


def _numbers(
    folders: Sequence[StemFolder], before: Sequence[Remembered | None], others: Sequence[str], units: int
) -> list[int]:
    found = {
        place: song.number
        for place, song in enumerate(before)
        if song is not None and song.name == _name(folders[place], units, song.number)
    }
    new = [place for place in range(len(folders)) if place not in found]
    taken = [*others, *(_name(folders[place], units, number) for place, number in found.items())]
    given = names.numbers([partial(_name, folders[place], units) for place in new], taken)
    found |= dict(zip(new, given, strict=True))
    return [found[place] for place in range(len(folders))]


def _apart(song: Song, taken: _Taken, items_of: Callable[[Song], list[Item]], units: int) -> tuple[Song, list[Item]]:
    """The song and its files, numbered so that no file has the path of another song's, on any file system."""
    digest, number = digest_of(song.folder), song.number
    while True:
        song = replace(song, name=_name(song.folder, units, number), number=number)
        items = items_of(song)
        paths = {names.same(str(item.path)) for item in items}
        if not any(taken.has(path, digest) for path in paths):
            taken.paths |= paths
            return song, items
        number += 1


def _items(song: Song, how: Arrangement, root: Path, units: int) -> list[Item]:
    above = _folder_of(song, how, root)
    items = [_item(song, file, above, how, units) for file in song.folder.record.files if _wanted(file, how)]
    if how.demand.stem_file and how.stem_files and not hindrance(song):
        items.append(_stem_file(song, above, how))
    return items


def _wanting(songs: Sequence[Song], how: Arrangement) -> Iterator[tuple[Song, str]]:
    """The songs that give no `.stem.mp4` though one is wanted, and why."""
    if how.demand.stem_file and how.stem_files:
        yield from ((song, why) for song in songs if (why := hindrance(song)))


def _name(folder: StemFolder, units: int, number: int = 1) -> str:
    tags, source = folder.record.tags, Path(folder.record.source.path)
    return names.song_name(str(tags.get("artist") or ""), str(tags.get("title") or ""), source.stem, number, units)


def _wanted(file: StemFile, how: Arrangement) -> bool:
    return not how.only or file.name in how.only


def _folder_of(song: Song, how: Arrangement, root: Path) -> PurePosixPath:
    if how.layout == "per-track":
        return PurePosixPath(song.name)
    if how.layout == "by-stem":
        return PurePosixPath()
    source = Path(song.folder.record.source.path).parent
    inner = source.relative_to(root) if source.is_relative_to(root) else Path()
    return PurePosixPath(*(safe(part) for part in inner.parts))


def _item(song: Song, file: StemFile, above: PurePosixPath, how: Arrangement, units: int) -> Item:
    form, depth, now = how.demand.form(file.format), how.demand.depth(file.depth), rate_of(song.folder, file.name)
    rate = how.demand.rate(now) if FORMATS[form].holds_rate(now) else 44100
    suffix = FORMATS[form].suffix
    name = names.stem_name(how.naming, _fields(song, file.name), suffix, song.number, units)
    folder = PurePosixPath(safe(stems.title(file.name))) if how.layout == "by-stem" else above
    same = (form, depth, rate) == (file.format, file.depth, now)
    return Item(song, file.name, folder / name, form, depth, rate, same)


def rate_of(folder: StemFolder, kind: str) -> int:
    """The sample rate of a stem as it lies there: the song's, but for what other tools have made."""
    own = folder.record.source.rate
    return folder.rates.get(kind, own) if isinstance(folder, Adopted) else own


def _fields(song: Song, kind: str) -> dict[str, str]:
    tags, source = song.folder.record.tags, song.folder.record.source
    told = {name: str(tags.get(name) or "") for name in ("artist", "title", "album", "genre", "key", "year")}
    bpm = tags.get("bpm")
    told["bpm"] = f"{bpm:g}" if isinstance(bpm, float) else str(bpm or "")  # 124, not 124.0
    return {**told, "stem": kind, "name": Path(source.path).stem, "hash8": source.digest[:8]}


def hindrance(song: Song) -> str:
    """Why no `.stem.mp4` can be made of it, "" where one can."""
    kinds = [file.name for file in song.folder.record.files if file.name in stems.TABLE]
    there = {stems.TABLE[kind].family for kind in kinds}
    lacking = [name for name in ORDER if name not in there]
    if lacking:
        return f"without {', '.join(lacking)}"
    rates = sorted({rate_of(song.folder, kind) for kind in kinds})
    return f"of stems of several sample rates ({', '.join(map(str, rates))} Hz)" if len(rates) > 1 else ""


def _stem_file(song: Song, above: PurePosixPath, how: Arrangement) -> Item:
    folder = PurePosixPath("Stem files") if how.layout == "by-stem" else above
    record = song.folder.record
    return Item(song, "", folder / f"{song.name}{SUFFIX}", "stem", record.depth, record.source.rate, as_it_is=False)


def _common(paths: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(paths))
    except ValueError:  # none, or of several drives
        return Path()
