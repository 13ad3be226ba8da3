"""The songs of a set: their stems, and what is known about their beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stem_cli import stems
from stem_cli.ableton.left_out import LeftOut, left_out
from stem_cli.audio import require_whole
from stem_cli.dj.names import numbers
from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.key import Key
from stem_cli.dsp.sections import Section
from stem_cli.errors import InputError
from stem_cli.folder import Record, StemFolder, find_folders
from stem_cli.folder.foreign import stem_files

SLOWEST_BPM, FASTEST_BPM = 20.0, 999.0
"""Of a Live set."""
_ALL_VOICES = "vocals"
"""Its parts are all of it, whoever made them; which drums are all of a kit depends on the model."""


@dataclass(frozen=True)
class Stems:
    """A folder of stems, ours or another tool's.

    home: the folder, or the file of metadata in the flat layout. files: what adds up to the song, in the order of the
    table. record: what a folder of ours says of itself. adds_up: the files whose sum is the song bit for bit, () where
    that is not known. left_out: what lies there and is not among the files.
    """

    home: Path
    files: dict[str, Path]
    record: Record | None = None
    adds_up: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def artist(self) -> str:
        """As in the song's tags, or ""."""
        return "" if self.record is None else str(self.record.tags.get("artist") or "")

    @property
    def title(self) -> str:
        """As in the song's tags, else the name of its file, or of the folder of another tool."""
        if self.record is None:
            return self.home.name
        return str(self.record.tags.get("title") or Path(self.record.source.path).stem)

    @property
    def bpm(self) -> float | None:
        """As in the song's tags, where that makes sense."""
        bpm = None if self.record is None else self.record.tags.get("bpm")
        return float(bpm) if isinstance(bpm, int | float) and SLOWEST_BPM <= bpm <= FASTEST_BPM else None

    @property
    def summands(self) -> list[Path]:
        """The files whose sum is the song; none where they are not all there."""
        return [self.files[name] for name in self.adds_up] if set(self.adds_up) <= set(self.files) else []

    @property
    def name(self) -> str:
        """ "Artist - Title", for people."""
        return " - ".join(filter(None, (self.artist, self.title)))


@dataclass(frozen=True)
class Song:
    """A song for a set: its stems, its beats, its sections, and its key where that is known."""

    stems: Stems
    grid: BeatGrid
    sections: tuple[Section, ...] = ()
    key: Key | None = None


@dataclass(frozen=True)
class Label:
    """What a song is called in its set, where no other is called so. full: with its artist."""

    full: str
    title: str


def labels(songs: Sequence[Song]) -> tuple[Label, ...]:
    """Of the songs of a set: the second of a name is numbered, and so is that of a title."""
    full = _numbered([song.stems.name for song in songs])
    titles = _numbered([song.stems.title for song in songs])
    return tuple(map(Label, full, titles))


def _numbered(names: Sequence[str]) -> list[str]:
    ways = [partial(_with_number, name) for name in names]
    return [way(number) for way, number in zip(ways, numbers(ways), strict=True)]


def _with_number(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"


def find_stems(path: Path) -> list[Stems]:
    """The folder of stems that the path is, or those below it. Raises InputError where there are none.

    A folder of another tool is known by the names of its files.
    """
    found = find_folders(path)
    if not found:
        return [_chosen(path.absolute(), stem_files(path))]
    return [_of_folder(folder) for folder in found]


def _of_folder(folder: StemFolder) -> Stems:
    home = folder.place.metadata if folder.place.flat else folder.place.home
    made = _chosen(home, folder.paths(), folder.record)
    folder.existing(made.files)
    for one in made.files.values():
        require_whole(one)
    return made


def _chosen(home: Path, files: dict[str, Path], record: Record | None = None) -> Stems:
    """Of its files those that are the stems of a song, none of them twice: parts in place of what they add up to."""
    names = stems.adding_up(files) or tuple(name for name in files if name in stems.COMPLEMENTS)
    if not names:
        raise InputError("no file in it is a stem", home, f"Stems are: {', '.join(stems.TABLE)}.")
    parts = {stem: _parts(stem, files, record) or (stem,) for stem in names}
    chosen = stems.ordered([part for name in names for part in parts[name]])
    adds_up = () if record is None else tuple(part for name in record.song.parts for part in parts.get(name, (name,)))
    left = left_out(home, files, chosen, record is not None)
    return Stems(home, {name: files[name] for name in chosen}, record, adds_up, left)


def _parts(stem: str, files: dict[str, Path], record: Record | None) -> tuple[str, ...]:
    """The parts that lie beside a stem and add up to it: () where there are none, or not surely all."""
    there = tuple(part for part in stems.PARTS.get(stem, ()) if part in files)
    if record is None:
        return there if stem == _ALL_VOICES and there == stems.PARTS[stem] else ()
    engines = {record.divided.get(part, "") for part in there}  # of one second pass, which leaves nothing over
    return there if len(engines) == 1 and "" not in engines else ()
