"""rekordbox.xml: songs with tempo, key and rating, and the playlists that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from stem_cli.library.crate import Crate, Entry
from stem_cli.library.figures import date_of, positive, whole
from stem_cli.library.xml import elements

ROOT = "DJ_PLAYLISTS"
STARS = {0: 0, 51: 1, 102: 2, 153: 3, 204: 4, 255: 5}
"""Of the numbers of `Rating`."""
_HOST = "file://localhost"
_FOLDER = "0"


def read(path: Path) -> tuple[Crate, ...]:
    """All playlists, and the whole collection as the first, without a name. Raises InputError."""
    by_id, by_place = _songs(path)
    crates = [Crate("", path, tuple(by_id.values()))]
    for root in elements(path, ROOT, "PLAYLISTS"):
        for node in root:
            crates += _crates(node, (), path, by_id, by_place)
    return tuple(crates)


def _songs(path: Path) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """By number, and by place as it stands there: a playlist names songs by either."""
    by_id: dict[str, Entry] = {}
    by_place: dict[str, Entry] = {}
    for collection in elements(path, ROOT, "TRACK"):
        place = collection.get("Location")
        if place:  # a TRACK of a playlist has only a Key
            entry = _entry(collection.attrib)
            by_id[collection.get("TrackID", place)] = by_place[place] = entry
    return by_id, by_place


def _crates(
    node: Any, above: tuple[str, ...], path: Path, by_id: Mapping[str, Entry], by_place: Mapping[str, Entry]
) -> Iterator[Crate]:
    name = node.get("Name", "")
    names = above if not above and name == "ROOT" else (*above, name)
    if node.get("Type") == _FOLDER:
        for inner in node.findall("NODE"):
            yield from _crates(inner, names, path, by_id, by_place)
        return
    keys = [track.get("Key", "") for track in node.findall("TRACK")]
    songs = by_place if node.get("KeyType") == "1" else by_id
    missing = tuple(f"{key}: not in the collection" for key in keys if key not in songs)
    yield Crate("/".join(names), path, tuple(songs[key] for key in keys if key in songs), missing)


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
