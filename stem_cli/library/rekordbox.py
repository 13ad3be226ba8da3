"""rekordbox.xml: songs with tempo, key and rating, and the playlists that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from stem_cli.library.crate import Crate, Entry, Wish
from stem_cli.library.figures import date_of, positive, whole
from stem_cli.library.xml import placed

ROOT = "DJ_PLAYLISTS"
STARS = {0: 0, 51: 1, 102: 2, 153: 3, 204: 4, 255: 5}
"""Of the numbers of `Rating`."""
_HOST = "file://localhost"
_FOLDER = "0"


@dataclass(frozen=True)
class _Playlist:
    """name: its folders and itself. keys: of its songs. by_place: whether they are places, else they are numbers."""

    name: str
    keys: tuple[str, ...]
    by_place: bool


def read(path: Path, wish: Wish = None) -> tuple[Crate, ...]:
    """All playlists, and the whole collection as the first, without a name. Raises InputError.

    wish: other songs are left out, and need no memory.
    """
    by_id: dict[str, Entry] = {}
    by_place: dict[str, Entry] = {}
    playlists: list[_Playlist] = []
    for above, element in placed(path, ROOT, _is_wanted):
        place = element.get("Location", "")
        if element.tag == "NODE":
            playlists += _playlist(above, element)
        elif place and (wish is None or wish(path_of(place))):  # a TRACK of a playlist has only a Key
            by_id[element.get("TrackID", place)] = by_place[place] = _entry(element.attrib)
    lists = [_crate(one, path, by_place if one.by_place else by_id) for one in playlists]
    if wish is not None:  # what is missing is nothing then
        lists = [replace(one, left_out=()) for one in lists]
    return (Crate("", path, tuple(by_id.values())), *lists)


def _is_wanted(element: Any) -> bool:
    """A song of the collection, or a playlist that is no folder of such."""
    return bool(element.tag == "TRACK") or (element.tag == "NODE" and element.get("Type") != _FOLDER)


def _playlist(above: tuple[Any, ...], node: Any) -> Iterator[_Playlist]:
    if not any(one.tag == "PLAYLISTS" for one in above):
        return
    names = [one.get("Name", "") for one in (*above, node) if one.tag == "NODE"]
    names = names[1:] if names[0] == "ROOT" else names
    keys = tuple(track.get("Key", "") for track in node.findall("TRACK"))
    yield _Playlist("/".join(names), keys, node.get("KeyType") == "1")


def _crate(playlist: _Playlist, path: Path, songs: Mapping[str, Entry]) -> Crate:
    missing = tuple(f"{key}: not in the collection" for key in playlist.keys if key not in songs)
    return Crate(playlist.name, path, tuple(songs[key] for key in playlist.keys if key in songs), missing)


def path_of(location: str) -> PurePosixPath:
    """The file that a Location means.

    >>> str(path_of("file://localhost/C:/Music/a%20b.mp3")), str(path_of("file://localhost/Users/dj/a.mp3"))
    ('C:/Music/a b.mp3', '/Users/dj/a.mp3')
    """
    text = unquote(location.removeprefix(_HOST))
    plain = "/" + text.lstrip("/")
    return PurePosixPath(plain[1:] if re.match(r"/[A-Za-z]:/", plain) else plain)


def _entry(found: Mapping[str, str]) -> Entry:
    rating = whole(found.get("Rating", ""))
    return Entry(
        path_of(found["Location"]),
        title=found.get("Name", ""),
        artist=found.get("Artist", ""),
        album=found.get("Album", ""),
        genre=found.get("Genre", ""),
        comment=found.get("Comments", ""),
        key=found.get("Tonality", ""),
        bpm=positive(found.get("AverageBpm", "")),
        rating=STARS.get(-1 if rating is None else rating),
        seconds=positive(found.get("TotalTime", "")),
        added=date_of(found.get("DateAdded", "")),
    )
