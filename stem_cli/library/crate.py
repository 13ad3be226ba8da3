"""What is read of the files of DJ programs: songs by their paths, and the lists that hold them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Entry:
    """A song as a DJ program knows it; whatever it does not say is "" or None.

    path: as on the machine that wrote it, with forward slashes ("C:/Music/a.mp3"). rating: 0 to 5 stars.
    seconds: of its length. added: yyyy-mm-dd.
    """

    path: PurePosixPath
    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    comment: str = ""
    key: str = ""
    bpm: float | None = None
    rating: int | None = None
    seconds: float | None = None
    added: str = ""


@dataclass(frozen=True)
class Crate:
    """A list of songs in its own order. name: its folders and itself, "Gigs/Saturday". source: the file it stands in.

    left_out: entries that are no files, and why: streams, missing paths.
    """

    name: str
    source: Path
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = field(default=())


Wish = Callable[[PurePosixPath], bool] | None
"""Which songs are asked for, by their paths; None is all."""


def only(crate: Crate, wish: Wish) -> Crate:
    """The list with the songs alone that are asked for."""
    if wish is None:
        return crate
    return replace(crate, entries=tuple(entry for entry in crate.entries if wish(entry.path)))
