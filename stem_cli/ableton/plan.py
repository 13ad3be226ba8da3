"""Which files a project will hold and what they are called: decided before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stem_cli.ableton import samples
from stem_cli.ableton.song import Song
from stem_cli.audio import probe
from stem_cli.disk import disk_errors
from stem_cli.dj.names import numbers, song_name, stem_name, units_for
from stem_cli.errors import OutputError
from stem_cli.folder.names import safe

ORIGINAL = "Original"
"""The name of the track with the song itself."""
_ENDING = " Project"
_SET = ".als"


@dataclass(frozen=True)
class How:
    """How the user wants it.

    bpm: of the set, None is the first song's. automation: the set follows the beats of its songs. warp: of
    `clip.WARPS`. arrange: of `arrange.ARRANGEMENTS`. reference: the songs themselves beside their stems. link: hard
    links where Live plays a file as it is. force: put it into a project that is there already.
    """

    bpm: float | None = None
    automation: bool = False
    warp: str = "remix"
    arrange: str = "end-to-end"
    reference: bool = True
    link: bool = False
    force: bool = False


@dataclass(frozen=True)
class Item:
    """A file to be. stem: "" is the song itself. source: what it is made of; None is the sum of the stems.

    name: of the file, in the folder of samples.
    """

    stem: str
    source: Path | None
    name: str


@dataclass(frozen=True)
class Plan:
    """Everything that is to be there. items: for each song, in the order of its tracks."""

    home: Path
    set_name: str
    songs: tuple[Song, ...]
    items: tuple[tuple[Item, ...], ...]

    @property
    def path(self) -> Path:
        """The set."""
        return self.home / self.set_name

    @property
    def paths(self) -> list[Path]:
        """All files, the set first."""
        return [self.path, *(self.home / samples.FOLDER / item.name for items in self.items for item in items)]


def plan(songs: Sequence[Song], output: Path, how: How) -> Plan:
    """Decide it. Raises OutputError where a project is in the way, InputError for stems that cannot be read."""
    output = output.absolute()
    units = units_for(output / samples.FOLDER / _ENDING)
    named = [partial(_song_name, song, units) for song in songs]
    found = numbers(named)
    title = safe(" + ".join(name(number) for name, number in zip(named, found, strict=True)), units)
    home = output / f"{title}{_ENDING}"
    if not how.force:
        _refuse(home)
    items = tuple(tuple(_items(song, number, units, how)) for song, number in zip(songs, found, strict=True))
    return Plan(home, f"{title}{_SET}", tuple(songs), items)


def is_new(home: Path) -> bool:
    """Whether nothing lies there yet."""
    return not os.path.lexists(home) or (home.is_dir() and not any(home.iterdir()))


def _refuse(home: Path) -> None:
    with disk_errors(home):
        if not is_new(home):
            hint = "With --force the new set goes into it, and the old one is kept in its Backup folder."
            raise OutputError("this project is there already", home, f"{hint} Or choose another --output.")


def _song_name(song: Song, units: int, number: int) -> str:
    return song_name(song.stems.artist, song.stems.title, song.stems.home.name, number, units)


def _items(song: Song, number: int, units: int, how: How) -> list[Item]:
    fields = {"artist": song.stems.artist, "title": song.stems.title, "name": song.stems.home.name}

    def named(stem: str, source: Path | None, title: str, suffix: str) -> Item:
        return Item(stem, source, stem_name("dj", {**fields, "stem": title}, suffix, number, units))

    files, record = song.stems.files, song.stems.record
    found = [named(name, path, name, samples.suffix_of(probe(path))) for name, path in files.items()]
    origin = samples.origin_of(record, bool(song.stems.summands)) if how.reference and record is not None else None
    if origin is not None:
        source, suffix = origin
        found.append(named("", source, ORIGINAL, suffix))
    return found
