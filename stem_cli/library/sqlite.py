"""Databases of DJ programs, opened so that neither the file nor its folder changes, also while the program runs."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from stem_cli.errors import InputError

MAGIC = b"SQLite format 3\0"
_WAL = 2
"""In bytes 18 and 19 of a database that writes ahead (sqlite.org/fileformat2.html)."""
_BESIDE = ("-wal", "-journal")
"""What holds a part of the database; -shm can be made anew from the first."""
_PATIENCE_SECONDS = 2.0
_COPY = "library.db"
_COPIES = 5
"""So often a copy is tried while the program writes."""


@contextmanager
def reading(path: Path, program: str) -> Iterator[sqlite3.Connection]:
    """A connection that only reads. Raises InputError where the file is damaged, is no database, or is held.

    Who merely opens a database that writes ahead changes what lies beside it, or leaves files there: so one with a log
    is read from a copy, its program running or not, and one without is taken as unchangeable.
    """
    try:
        with _place(path) as (place, options):
            text = place.absolute().as_posix()
            address = f"file://{'' if text.startswith('/') else '/'}{quote(text)}?{options}"
            with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)) as connection:
                connection.text_factory = _decoded
                connection.execute("PRAGMA trusted_schema = OFF")
                yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter from a message about damaged names
        raise refused(error, path, program) from error
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error


def refused(error: Exception, path: Path, program: str) -> InputError:
    """What a database's error means to a user."""
    told = str(error)
    if "locked" in told or "busy" in told:
        return InputError(f"another program holds it ({told})", path, f"Close {program} and try again.")
    if "no such" in told:
        return InputError(f"it is no library of {program}'s ({told})", path, "Name another file.")
    return InputError(f"this database is damaged ({told})", path, f"Take one from {program}'s backup.")


@contextmanager
def copied(path: Path, program: str) -> Iterator[Path]:
    """A copy of a database in a folder of its own, as of one moment. Raises InputError, OSError."""
    with tempfile.TemporaryDirectory(prefix="stem-library-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / _COPY
        for _ in range(_COPIES):
            before = _state(path)
            for ending in ("", *_BESIDE):
                _copy(path.with_name(path.name + ending), copy.with_name(copy.name + ending))
            if _state(path) == before:
                yield copy
                return
            time.sleep(_PATIENCE_SECONDS / _COPIES)
    raise InputError("it is being written again and again", path, f"Close {program} and try again.")


@contextmanager
def _place(path: Path) -> Iterator[tuple[Path, str]]:
    with path.open("rb") as file:
        head = file.read(20)
    if not head.startswith(MAGIC):
        raise InputError("this is no SQLite database", path, "Name another file.")
    if path.with_name(f"{path.name}-wal").exists():
        with copied(path, "the DJ program") as copy:
            yield copy, "mode=rw"
    else:
        yield path, "mode=ro" if _WAL not in head[18:20] else "mode=ro&immutable=1"


def _state(path: Path) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for ending in ("", *_BESIDE):
        try:
            status = path.with_name(path.name + ending).stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.exists() or target.name == _COPY:
        shutil.copyfile(source, target)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
