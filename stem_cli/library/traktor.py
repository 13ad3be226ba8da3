"""Traktor's collection.nml: songs with tempo, key and rating, and playlists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from stem_cli.library.crate import Crate, Entry
from stem_cli.library.figures import date_of, positive, whole
from stem_cli.library.xml import elements

ROOT = "NML"
_SEPARATOR = "/:"
_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_KEYS = (*_TONICS, *(f"{tonic}m" for tonic in _TONICS))
"""By MUSICAL_KEY's number."""
_STAR = 51


def read(path: Path) -> tuple[Crate, ...]:
    """All playlists, and the whole collection as the first, without a name. Raises InputError."""
    songs: dict[str, Entry] = {}
    for element in elements(path, ROOT, "ENTRY"):
        location = element.find("LOCATION")
        if location is not None:  # an ENTRY of a playlist has only a key
            songs[_key(location.attrib)] = _entry(element, location.attrib)
    crates = [Crate("", path, tuple(songs.values()))]
    for element in elements(path, ROOT, "PLAYLISTS"):
        for node in element:
            crates += _crates(node, (), path, songs)
    return tuple(crates)


def _crates(node: Any, above: tuple[str, ...], path: Path, songs: Mapping[str, Entry]) -> Iterator[Crate]:
    name = node.get("NAME", "")
    names = above if not above and name == "$ROOT" else (*above, name)
    if node.get("TYPE") == "FOLDER":
        for inner in node.iterfind("SUBNODES/NODE"):
            yield from _crates(inner, names, path, songs)
        return
    keys = [one.get("KEY", "") for one in node.iterfind("PLAYLIST/ENTRY/PRIMARYKEY")]
    missing = tuple(f"{key}: not in the collection" for key in keys if key not in songs)
    yield Crate("/".join(names), path, tuple(songs[key] for key in keys if key in songs), missing)


def _key(location: Mapping[str, str]) -> str:
    return location.get("VOLUME", "") + location.get("DIR", "") + location.get("FILE", "")


def path_of(location: Mapping[str, str]) -> PurePosixPath:
    """The file that a LOCATION means: on the system's own volume of a Mac, on another one, or on a drive of Windows."""
    inside = location.get("DIR", "").replace(_SEPARATOR, "/") + location.get("FILE", "").replace("//", ":")
    volume = location.get("VOLUME", "")
    if len(volume) == 2 and volume[1] == ":":
        return PurePosixPath(volume + inside)
    if volume and volume != "Macintosh HD" and not inside.startswith(("/Volumes/", "/Users/")):
        return PurePosixPath(f"/Volumes/{volume}{inside}")
    return PurePosixPath(inside)


def _entry(element: Any, location: Mapping[str, str]) -> Entry:
    info, tempo, key, album = (_attributes(element, name) for name in ("INFO", "TEMPO", "MUSICAL_KEY", "ALBUM"))
    place = whole(key.get("VALUE", ""))
    ranking = positive(info.get("RANKING", ""))
    return Entry(
        path_of(location),
        title=element.get("TITLE", ""),
        artist=element.get("ARTIST", ""),
        album=album.get("TITLE", ""),
        genre=info.get("GENRE", ""),
        comment=info.get("COMMENT", ""),
        key=_KEYS[place] if place is not None and 0 <= place < len(_KEYS) else info.get("KEY", ""),
        bpm=positive(tempo.get("BPM", "")),
        rating=None if ranking is None else min(5, round(ranking / _STAR)),
        seconds=positive(info.get("PLAYTIME_FLOAT", "") or info.get("PLAYTIME", "")),
        added=date_of(info.get("IMPORT_DATE", "")),
    )


def _attributes(element: Any, name: str) -> Mapping[str, str]:
    found = element.find(name)
    return {} if found is None else found.attrib
