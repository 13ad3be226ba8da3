"""VirtualDJ's database.xml and its lists, `.vdjfolder`.

The database: `VirtualDJ_Database` holds `Song FilePath` with `Tags` (Author, Title, Genre, Album, Bpm, Key, Stars),
`Infos` (SongLength, FirstSeen), `Scan` (Bpm, Key), `Comment`; Bpm is the seconds of one beat. A list: `VirtualFolder`
with `song path artist title songlength bpm key`, in which bpm is beats a minute. Streams begin with `netsearch://`.
(Mixxx wiki "Virtual DJ Cue Storage Format", and public programs that read and write both; no list of ours came from
VirtualDJ itself.)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from stem_cli.library.crate import Crate, Entry
from stem_cli.library.figures import day, positive, stars
from stem_cli.library.m3u import path_of
from stem_cli.library.xml import elements, root_of

ROOT, LIST_ROOT = "VirtualDJ_Database", "VirtualFolder"
_FILTER_ROOT = "FilterFolder"
DATABASE, LIST = "database.xml", ".vdjfolder"
FOLDERS = ("MyLists", "Folders", "Playlists", "Sideview")
"""Where lists lie beside the database."""
SUBFOLDER = ".subfolders"
"""At the end of the name of a folder that holds the lists inside a list."""
_SLOWEST = 10.0
"""What is below is no tempo in beats a minute, but the seconds of a beat."""


def read(path: Path) -> tuple[Crate, ...]:
    """All songs of the database, as one list without a name. Raises InputError."""
    return (_crate("", path, ROOT, "Song", "FilePath"),)


def read_list(path: Path) -> tuple[Crate, ...]:
    """The one list of a `.vdjfolder`; one without songs where it is a filter. Raises InputError."""
    if root_of(path) == _FILTER_ROOT:
        return (Crate(path.stem, path, (), ("a filter: only VirtualDJ knows its songs; make a list of them",)),)
    return (_crate(path.stem, path, LIST_ROOT, "song", "path"),)


def _crate(name: str, path: Path, root: str, tag: str, attribute: str) -> Crate:
    entries: list[Entry] = []
    left_out: list[str] = []
    for song in elements(path, root, tag):
        text = song.get(attribute, "")
        place = path_of(text, path.parent) if text else None
        if place is not None:
            entries.append(_entry(place, song))
        elif text:
            left_out.append(f"{text}: a stream, no file")
    return Crate(name, path, tuple(entries), tuple(left_out))


def _entry(path: PurePosixPath, song: Any) -> Entry:
    tags, infos, scan = (_attributes(song, name) for name in ("Tags", "Infos", "Scan"))
    rating = tags.get("Stars")
    return Entry(
        path,
        title=tags.get("Title", song.get("title", "")),
        artist=tags.get("Author", song.get("artist", "")),
        album=tags.get("Album", ""),
        genre=tags.get("Genre", ""),
        comment=song.findtext("Comment", ""),
        key=tags.get("Key") or scan.get("Key") or song.get("key", ""),
        bpm=_tempo(scan.get("Bpm") or tags.get("Bpm") or song.get("bpm", "")),
        rating=None if rating is None else stars(rating, 5),
        seconds=positive(infos.get("SongLength") or song.get("songlength", "")),
        added=day(infos.get("FirstSeen", "")),
    )


def _tempo(text: str) -> float | None:
    """Beats a minute of either way to write it.

    >>> _tempo("0.46875"), _tempo("124.5")
    (128.0, 124.5)
    """
    number = positive(text)
    if number is None:
        return None
    return positive(round(60 / number, 2)) if number < _SLOWEST else number


def _attributes(song: Any, name: str) -> Mapping[str, str]:
    found = song.find(name)
    return {} if found is None else found.attrib
