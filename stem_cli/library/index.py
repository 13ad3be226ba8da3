"""The library in the database: what a scan has read is read again only when a file has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import text

from stem_cli.database import Database, key_of, path_of_key, upsert
from stem_cli.library.song import Song
from stem_cli.library.tagged import song_of
from stem_cli.library.walk import Found

_TOGETHER = 500
"""Files that are written down in one transaction: a scan that is stopped has lost no more."""
_FIELDS = (
    "size, mtime_ns, inode, title, artist, album, genre, comment, musical_key, bpm, rating, seconds, added, vocals,"
    " no_song, gone"
)


@dataclass
class Tally:
    """What a scan found. left_out: files and folders that are not taken, and why.
    fresh: what is new or has changed. notes: what else a user should know, in words.
    """

    songs: list[Song] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    moved: int = 0
    gone: int = 0
    left_out: list[str] = field(default_factory=list)
    fresh: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, text: str) -> None:
        """Note what is not taken."""
        self.left_out.append(text)


@dataclass(frozen=True)
class _Known:
    """A row. mark: size, time and inode. no_song: why the file is none, or "". gone: not there at the last scan."""

    row: Mapping[str, Any]
    mark: tuple[int, int, str]
    no_song: str
    gone: bool

    @property
    def song(self) -> Song:
        """The song in it."""
        return _song(self.row)


def update(
    database: Database,
    roots: Iterable[Path],
    found: Iterable[Found],
    tally: Tally,
    ready: Callable[[Found], bool] = lambda found: True,  # noqa: ARG005
    advance: Callable[[int], None] = lambda count: None,  # noqa: ARG005
) -> Tally:
    """Bring the library up to date with what lies below the roots, all of which is in `found`.

    A file is read where its size, time or inode differ from what is known. A missing one that turns up elsewhere
    with the same size, tags and sound is the same song; where its digest is not known, with the same time as well, and
    with the same name where there are no tags. Those that are not `ready` are left for later. Raises OutputError.
    """
    known = _all_known(database)
    lost: dict[int, list[Song]] | None = None
    waiting: list[tuple[Song, str]] = []
    seen: dict[str, int] = {}
    for number, one in enumerate(found, 1):
        seen[key_of(one.path)] = number
        old = known.get(key_of(one.path))
        if old is not None and not old.gone and old.mark == (one.size, one.mtime_ns, one.inode):
            _sort(tally, old.song, old.no_song)
        elif ready(one):
            waiting.append(_read(one, old, tally))
        if len(waiting) >= _TOGETHER:
            lost = _by_size(known) if lost is None else lost
            _write(database, waiting, known, lost, tally)
        if number % _TOGETHER == 0:
            advance(_TOGETHER)
    if waiting:
        _write(database, waiting, known, _by_size(known) if lost is None else lost, tally)
    _mark_gone(database, [path for path in known if path not in seen and not known[path].gone], roots, tally)
    tally.songs.sort(key=lambda song: seen[key_of(song.path)])
    return tally


def found_at(paths: Iterable[Path], tally: Tally) -> Iterator[Found]:
    """Single files, wherever they lie."""
    for path in paths:
        try:
            yield Found.of(path, path.stat())
        except OSError as error:
            tally.leave_out(f"{path}: it cannot be read ({error.strerror})")


def remember_vocals(database: Database, path: Path, vocals: str) -> None:
    """What a look at a song has shown: "yes" or "no"."""
    database.run("UPDATE library SET vocals = :vocals WHERE path = :path", vocals=vocals, path=key_of(path))


def _sort(tally: Tally, song: Song, no_song: str) -> None:
    if not no_song:
        tally.songs.append(song)
    elif no_song != "it is a stem":
        tally.leave_out(f"{song.path}: {no_song}")


def _read(found: Found, old: _Known | None, tally: Tally) -> tuple[Song, str]:
    song, no_song = song_of(found, date.today().isoformat() if old is None else old.song.added)
    if old is not None and song.vocals == "unknown" and (old.song.size, old.song.seconds) == (song.size, song.seconds):
        song = replace(song, vocals=old.song.vocals)
    if not no_song and not _is_new(old):
        tally.changed += 1
        tally.fresh.add(song.path)
    return song, no_song


def _is_new(old: _Known | None) -> bool:
    """Whether what is a song now was none at the last scan."""
    return old is None or old.gone or bool(old.no_song)


def _write(
    database: Database,
    waiting: list[tuple[Song, str]],
    known: Mapping[str, _Known],
    lost: dict[int, list[Song]],
    tally: Tally,
) -> None:
    """Write down what was read, and empty the list of it."""
    befores = [_taken(database, song, lost) if key_of(song.path) not in known else None for song, _ in waiting]
    with database.change() as connection:
        for (song, no_song), before in zip(waiting, befores, strict=True):
            if before is not None:
                song = replace(song, added=before.added, vocals=before.vocals)
                _move(connection, before.path, song.path)
                tally.moved += 1
            elif not no_song and _is_new(known.get(key_of(song.path))):
                tally.new += 1
                tally.fresh.add(song.path)
            values = {"path": key_of(song.path), **_columns(song, no_song)}
            connection.execute(text(upsert("library", "path", values)), values)
            _sort(tally, song, no_song)
    waiting.clear()


def _by_size(known: Mapping[str, _Known]) -> dict[int, list[Song]]:
    """Songs by their size; whether one is missing is looked at when another of the same size turns up."""
    found: dict[int, list[Song]] = {}
    for one in known.values():
        if not one.no_song:
            found.setdefault(one.mark[0], []).append(one.song)
    return found


def _taken(database: Database, song: Song, lost: Mapping[int, list[Song]]) -> Song | None:
    """The song that this one is, if that one is not there any more; it is lost no longer."""
    for other in sorted(lost.get(song.size, []), key=lambda one: one.mtime_ns != song.mtime_ns):
        if _tags(other) == _tags(song) and _is_missing(other.path) and _sounds_like(database, song, other):
            lost[song.size].remove(other)
            return other
    return None


def _is_missing(path: Path) -> bool:
    """Whether a file is surely not there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _tags(song: Song) -> tuple[object, ...]:
    return song.title, song.artist, song.album, song.genre, song.bpm, song.seconds


def _sounds_like(database: Database, song: Song, other: Song) -> bool:
    """Whether the digest of the missing file is that of this one; where none was taken, whether all else agrees."""
    from stem_cli.audio import probe
    from stem_cli.errors import InputError

    known = database.rows("SELECT digest FROM files WHERE path = :path", path=key_of(other.path))
    if not known:
        named = bool(song.title or song.artist) or song.path.name == other.path.name
        return named and song.mtime_ns == other.mtime_ns
    with suppress(InputError, OSError):
        return database.fingerprint(probe(song.path)).digest == str(known[0]["digest"])
    return False


def _move(connection: Any, before: Path, after: Path) -> None:
    """Everything that is known of a path is known of another one from now on."""
    paths = {"before": key_of(before), "after": key_of(after)}
    connection.execute(text("DELETE FROM library WHERE path = :after"), paths)
    connection.execute(text("UPDATE library SET path = :after WHERE path = :before"), paths)
    _move_jobs(connection, paths)


def _move_jobs(connection: Any, paths: Mapping[str, str]) -> None:
    """Where the new path is in the queue itself, its own row stays, but for one that waits where the song is done."""
    done = "SELECT output FROM queue WHERE path = :before AND state = 'done'"
    connection.execute(
        text(f"DELETE FROM queue WHERE path = :after AND state NOT IN ('running', 'done') AND output IN ({done})"),  # noqa: S608
        paths,
    )
    own = "SELECT output FROM queue WHERE path = :after"
    connection.execute(
        text(f"UPDATE queue SET path = :after WHERE path = :before AND output NOT IN ({own})"),  # noqa: S608
        paths,
    )
    connection.execute(text("DELETE FROM queue WHERE path = :before AND state <> 'running'"), paths)


def _mark_gone(database: Database, paths: list[str], roots: Iterable[Path], tally: Tally) -> None:
    below = tuple(str(root).rstrip("/\\") + sign for root in roots for sign in "/\\")
    missing = [path for path in paths if str(path_of_key(path)).startswith(below)]
    with database.change() as connection:
        for path in missing:
            moved = connection.execute(
                text("UPDATE library SET gone = 1 WHERE path = :path AND no_song = ''"), {"path": path}
            )
            tally.gone += moved.rowcount


def _all_known(database: Database) -> dict[str, _Known]:
    rows = database.rows(f"SELECT path, {_FIELDS} FROM library")  # noqa: S608 - names of our own
    return {
        row["path"]: _Known(row, (row["size"], row["mtime_ns"], row["inode"]), row["no_song"], bool(row["gone"]))
        for row in rows
    }


def _song(row: Mapping[str, Any]) -> Song:
    return Song(
        path=path_of_key(row["path"]),
        size=row["size"],
        mtime_ns=row["mtime_ns"],
        inode=row["inode"],
        title=row["title"],
        artist=row["artist"],
        album=row["album"],
        genre=row["genre"],
        comment=row["comment"],
        key=row["musical_key"],
        bpm=row["bpm"],
        rating=row["rating"],
        seconds=row["seconds"],
        added=row["added"],
        vocals=row["vocals"],
    )


def _columns(song: Song, no_song: str) -> dict[str, Any]:
    return {
        "size": song.size,
        "mtime_ns": song.mtime_ns,
        "inode": song.inode,
        "title": song.title,
        "artist": song.artist,
        "album": song.album,
        "genre": song.genre,
        "comment": song.comment,
        "musical_key": song.key,
        "bpm": song.bpm,
        "rating": song.rating,
        "seconds": song.seconds,
        "added": song.added,
        "vocals": song.vocals,
        "no_song": no_song,
        "gone": 0,
    }
