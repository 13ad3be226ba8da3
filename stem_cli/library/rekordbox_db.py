"""rekordbox 6 and 7 keep their library in an encrypted SQLite file, `master.db`; read by way of pyrekordbox.

Songs are rows of djmdContent, lists of djmdPlaylist, what is in them of djmdSongPlaylist. pyrekordbox (MIT, extra
`rekordbox`) has the key, which is one for all users, and brings SQLCipher. Its own classes would make one query a song.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from stem_cli.errors import InputError
from stem_cli.library.crate import Crate, Entry
from stem_cli.library.figures import date_of, positive, stars, words
from stem_cli.library.sqlite import copied, refused

NAME, ENDING = "master.db", ".db"
PROGRAM = "rekordbox"
_FOLDER, _INTELLIGENT = 1, 4
"""Attributes of a list, beside 0 for an ordinary one."""
_STREAM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_SONGS = """
SELECT c.ID, c.FolderPath, c.Title, a.Name, l.Name, g.Name, c.Commnt, k.ScaleName, c.BPM, c.Rating, c.Length,
c.StockDate FROM djmdContent c LEFT JOIN djmdArtist a ON a.ID = c.ArtistID LEFT JOIN djmdAlbum l ON l.ID = c.AlbumID
LEFT JOIN djmdGenre g ON g.ID = c.GenreID LEFT JOIN djmdKey k ON k.ID = c.KeyID
WHERE c.rb_local_deleted = 0 ORDER BY c.rowid"""
_LISTS = "SELECT ID, ParentID, Name, Attribute FROM djmdPlaylist WHERE rb_local_deleted = 0 ORDER BY ParentID, Seq"
_HELD = "SELECT PlaylistID, ContentID FROM djmdSongPlaylist WHERE rb_local_deleted = 0 ORDER BY PlaylistID, TrackNo"


def read(path: Path) -> tuple[Crate, ...]:
    """All playlists, and the whole collection as the first, without a name. Raises InputError."""
    with _opened(path) as database:
        songs, streams = _songs(database)
        lists = {row[0]: row[1:] for row in database.execute(_LISTS)}
        held: dict[Any, list[Any]] = {}
        for playlist, song in database.execute(_HELD):
            held.setdefault(playlist, []).append(song)
    crates = [Crate("", path, tuple(songs.values()), tuple(streams.values()))]
    for number, (_, _, kind) in lists.items():
        if kind != _FOLDER:
            crates.append(_crate(_name(number, lists), path, kind, held.get(number, []), songs, streams))
    return tuple(crates)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A connection to a copy: whoever opens the file itself may change it, or what lies beside it."""
    try:
        from pyrekordbox.masterdb.database import BLOB, deobfuscate
        from sqlcipher3 import dbapi2
    except ImportError as error:
        hint = "Type: pip install 'stem-cli[rekordbox]', or export a rekordbox.xml."
        raise InputError("reading rekordbox's own database needs the extra rekordbox", path, hint) from error
    try:
        with copied(path, PROGRAM) as copy, closing(dbapi2.connect(str(copy))) as database:
            database.text_factory = _decoded
            database.execute("PRAGMA cipher_log_level = NONE")  # else it writes to the terminal
            database.execute(f"PRAGMA key = '{deobfuscate(BLOB)}'")
            yield database
    except (dbapi2.Error, UnicodeDecodeError) as error:
        if "not a database" in str(error):
            hint = f"Name the {NAME} of rekordbox 6 or 7, or export a rekordbox.xml."
            raise InputError("this is no database of rekordbox's, or a damaged one", path, hint) from error
        raise refused(error, path, PROGRAM) from error
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error


def _songs(database: Any) -> tuple[dict[Any, Entry], dict[Any, str]]:
    """By number: the songs that are files, and why the others are none."""
    songs: dict[Any, Entry] = {}
    streams: dict[Any, str] = {}
    for number, place, *fields in database.execute(_SONGS):
        text = words(place)
        if _STREAM.match(text):
            streams[number] = f"{text}: a stream, no file"
        elif text:
            songs[number] = _entry(PurePosixPath(text.replace("\\", "/")), fields)
    return songs, streams


def _crate(
    name: str, path: Path, kind: Any, held: list[Any], songs: Mapping[Any, Entry], streams: Mapping[Any, str]
) -> Crate:
    if kind == _INTELLIGENT:
        return Crate(
            name, path, (), ("an intelligent playlist: only rekordbox knows its songs; copy them into another",)
        )
    missing = tuple(streams.get(one, f"{one}: not in the collection") for one in held if one not in songs)
    return Crate(name, path, tuple(songs[one] for one in held if one in songs), missing)


def _name(number: Any, lists: Mapping[Any, tuple[Any, Any, Any]]) -> str:
    names: list[str] = []
    seen = set()
    while number in lists and number not in seen:
        seen.add(number)
        names.insert(0, words(lists[number][1]))
        number = lists[number][0]
    return "/".join(names)


def _entry(path: PurePosixPath, fields: list[object]) -> Entry:
    title, artist, album, genre, comment, key, tempo, rating, seconds, added = fields
    hundredths = positive(tempo)
    return Entry(
        path,
        title=words(title),
        artist=words(artist),
        album=words(album),
        genre=words(genre),
        comment=words(comment),
        key=words(key),
        bpm=None if hundredths is None else hundredths / 100,
        rating=None if rating is None else stars(rating, 5),
        seconds=positive(seconds),
        added=date_of(words(added)),
    )


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
