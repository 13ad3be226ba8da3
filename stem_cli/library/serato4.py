"""Serato 4's library: SQLite files that replace "database V2" and the crates.

`root.sqlite` holds the songs of this computer, `_Serato_/Library/location.sqlite` those of a drive. Songs are rows of
`asset` with `portable_id`, the path from the drive's root; crates are rows of `container`, one inside another;
`container_asset` says which songs a crate holds, itself or by way of `space_asset`. (winson0123/usbversal
and whats-now-playing; the schema that Serato DJ Lite 4.0.9 writes, version 202, as published by those who dumped it.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from stem_cli.errors import InputError
from stem_cli.library import m3u, serato
from stem_cli.library.crate import Crate, Entry
from stem_cli.library.figures import day, positive, stars, words
from stem_cli.library.sqlite import reading

ENDING = ".sqlite"
NAMES = ("root.sqlite", "location.sqlite")
HISTORY = "master.sqlite"
PROGRAM = "Serato"
_ROOT = 0
"""The type of a container that is no crate, but what all crates hang on."""
_WANTED = ("name", "artist", "album", "genre", "comments", "key", "bpm", "rating", "length_ms", "length_sec")


def read(path: Path) -> tuple[Crate, ...]:
    """All crates, and all songs as the first, without a name. Raises InputError."""
    if path.name.lower() == HISTORY:
        hint = f"Name {NAMES[0]} in the same folder, or the crates in _Serato_/Subcrates."
        raise InputError("this is what Serato has played, not its library", path, hint)
    with reading(path, PROGRAM) as database:
        songs = _songs(database, path)
        return (Crate("", path, tuple(songs.values())), *_crates(database, path, songs))


def _songs(database: sqlite3.Connection, path: Path) -> dict[int, Entry]:
    columns = _columns(database, "asset")
    wanted = [name for name in (*_WANTED, "time_added", "location_id") if name in columns]
    roots = _roots(database, path)
    own = serato.drive_of(path)
    rows = database.execute(f"SELECT id, portable_id, {', '.join([*wanted, 'NULL'])} FROM asset ORDER BY id")  # noqa: S608
    songs = {}
    for number, portable, *rest in rows:
        fields = dict(zip(wanted, rest, strict=False))
        if words(portable):
            root = roots.get(fields.get("location_id"), own)
            songs[number] = _entry(serato.path_of(words(portable), root), fields)
    return songs


def _roots(database: sqlite3.Connection, path: Path) -> dict[Any, PurePosixPath]:
    """By location: where its paths start, for a database that holds the songs of several drives."""
    if not _columns(database, "location_connections"):
        return {}
    rows = database.execute("SELECT location_id, database_uri FROM location_connections WHERE database_uri <> ''")
    places = {number: m3u.path_of(words(uri), path.parent) for number, uri in rows}
    return {number: serato.root_of(place) for number, place in places.items() if place is not None}


def _crates(database: sqlite3.Connection, path: Path, songs: Mapping[int, Entry]) -> list[Crate]:
    kind = "type" if "type" in _columns(database, "container") else "1"
    parent = "parent_id" if "parent_id" in _columns(database, "container") else "NULL"
    held = _held(database)
    rows = database.execute(f"SELECT id, {parent}, name, {kind} FROM container ORDER BY id").fetchall()  # noqa: S608
    containers = {number: (above, words(name), kind) for number, above, name, kind in rows}
    return [
        Crate(_name(number, containers), path, tuple(songs[song] for song in held.get(number, ()) if song in songs))
        for number, (_, _, kind) in containers.items()
        if kind != _ROOT
    ]


def _name(number: int, containers: Mapping[Any, tuple[Any, str, Any]]) -> str:
    names: list[str] = []
    seen = set()
    at: Any = number
    while at in containers and at not in seen and containers[at][2] != _ROOT:
        seen.add(at)
        names.insert(0, containers[at][1])
        at = containers[at][0]
    return "/".join(names)


def _held(database: sqlite3.Connection) -> dict[Any, list[int]]:
    """By crate: its songs, each once, in their order."""
    columns = _columns(database, "container_asset")
    order = "ca.list_order, ca.rowid" if "list_order" in columns else "ca.rowid"
    join = "" if "asset_id" in columns else " JOIN space_asset sa ON sa.id = ca.space_asset_id"
    song = "ca.asset_id" if "asset_id" in columns else "sa.asset_id"
    held: dict[Any, dict[int, None]] = {}
    rows = database.execute(f"SELECT ca.container_id, {song} FROM container_asset ca{join} ORDER BY {order}")  # noqa: S608
    for crate, number in rows:
        held.setdefault(crate, {})[number] = None
    return {crate: list(numbers) for crate, numbers in held.items()}


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


def _entry(path: PurePosixPath, fields: Mapping[str, object]) -> Entry:
    milliseconds = positive(fields.get("length_ms"))
    rating = fields.get("rating")
    return Entry(
        path,
        title=words(fields.get("name")),
        artist=words(fields.get("artist")),
        album=words(fields.get("album")),
        genre=words(fields.get("genre")),
        comment=words(fields.get("comments")),
        key=words(fields.get("key")),
        bpm=positive(fields.get("bpm")),
        rating=None if rating is None else stars(rating, 1.0),
        seconds=milliseconds / 1000 if milliseconds else positive(fields.get("length_sec")),
        added=day(fields.get("time_added")),
    )
