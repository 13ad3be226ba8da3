"""Files of DJ programs, read and never written: playlists, crates, collections."""

from __future__ import annotations

from pathlib import Path

from stem_cli.errors import InputError
from stem_cli.library import m3u, rekordbox, serato, traktor
from stem_cli.library.crate import Crate, Entry
from stem_cli.library.song import VOCALS, Song

__all__ = ["VOCALS", "Crate", "Entry", "Song", "read"]

_READERS = {
    ".m3u": m3u.read,
    ".m3u8": m3u.read,
    serato.CRATE: serato.read,
    serato.SMART: serato.read,
    ".nml": traktor.read,
    ".xml": rekordbox.read,
}


def read(path: Path) -> tuple[Crate, ...]:
    """The lists in a file of a DJ program, by its ending. Raises InputError where it is none, or damaged."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError("this is no list of a DJ program that is known", path, f"Known are {', '.join(_READERS)}.")
    return reader(path)
