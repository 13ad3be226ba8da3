"""The songs of a set: their stems, and what is known about their beats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stem_cli import stems
from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.key import Key
from stem_cli.dsp.sections import Section
from stem_cli.errors import InputError
from stem_cli.folder import Record, find_folders
from stem_cli.folder.foreign import stem_files

SLOWEST_BPM, FASTEST_BPM = 20.0, 999.0
"""Of a Live set."""


@dataclass(frozen=True)
class Stems:
    """A folder of stems, ours or another tool's.

    home: the folder, or the file of metadata in the flat layout. files: what adds up to the song, in the order of the
    table. record: what a folder of ours says of itself.
    """

    home: Path
    files: dict[str, Path]
    record: Record | None = None

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


def find_stems(path: Path) -> list[Stems]:
    """The folder of stems that the path is, or those below it. Raises InputError where there are none.

    A folder of another tool is known by the names of its files.
    """
    found = find_folders(path)
    if not found:
        return [_chosen(path.absolute(), stem_files(path))]
    return [
        _chosen(folder.place.metadata if folder.place.flat else folder.place.home, folder.paths(), folder.record)
        for folder in found
    ]


def _chosen(home: Path, files: dict[str, Path], record: Record | None = None) -> Stems:
    """Of its files those that are the stems of a song, none of them twice."""
    names = stems.adding_up(files) or tuple(name for name in files if name in stems.COMPLEMENTS)
    if not names:
        raise InputError("no file in it is a stem", home, f"Stems are: {', '.join(stems.TABLE)}.")
    return Stems(home, {name: files[name] for name in stems.ordered(names)}, record)
