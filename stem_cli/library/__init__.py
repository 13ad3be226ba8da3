"""Files of DJ programs, read and never written: playlists, crates, collections."""

from __future__ import annotations

from stem_cli.library.crate import Crate, Entry
from stem_cli.library.named import choose, default_libraries, lists_of
from stem_cli.library.readers import read
from stem_cli.library.resolve import Listings, drives, resolve
from stem_cli.library.song import VOCALS, Song

__all__ = [
    "VOCALS",
    "Crate",
    "Entry",
    "Listings",
    "Song",
    "choose",
    "default_libraries",
    "drives",
    "lists_of",
    "read",
    "resolve",
]
