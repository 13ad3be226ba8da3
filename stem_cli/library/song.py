"""A song of a library: where it lies and what its tags and the lists of DJ programs say of it, not yet opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VOCALS = ("yes", "no", "unknown")


@dataclass(frozen=True)
class Song:
    """One file of a library; whatever nobody says of it is "" or None.

    path: absolute. inode: "device:number". rating: 0 to 5 stars. seconds: of its length. added: yyyy-mm-dd, when a DJ
    program or a scan first saw it. vocals: "yes", "no" or "unknown". crates: the names of the lists that hold it,
    folders included ("Gigs/Saturday").
    """

    path: Path
    size: int = 0
    mtime_ns: int = 0
    inode: str = ""
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
    vocals: str = "unknown"
    crates: tuple[str, ...] = ()
