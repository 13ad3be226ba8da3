"""The batches that run: each holds a lock as long as its process lives, and on other machines a lease."""

from __future__ import annotations

import os
import platform
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text

from stem_cli.batch import queue
from stem_cli.database import Database, now, upsert
from stem_cli.disk import disk_errors
from stem_cli.errors import BusyError, OutputError

_LEASE_SECONDS, _BEAT_SECONDS = 60.0, 10.0
"""A machine that says nothing for so long has given up its songs, in the clock of the database."""
_CLOCK = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}
_TABLE_LOCK = {"sqlite": "SELECT 1", "postgresql": "LOCK TABLE batches IN EXCLUSIVE MODE"}
_FOLDER = "batches"


@contextmanager
def joined(database: Database, data_dir: Path, command: str, exclusive: bool) -> Iterator[str]:
    """Be one of the batches while this is open; its id is given. What dead ones had in hand is free first.

    Raises BusyError where this one wants to be alone and another runs.
    """
    batch = uuid.uuid4().hex
    row = {
        "id": batch,
        "home": home_of(data_dir),
        "host": platform.node(),
        "pid": os.getpid(),
        "command": command.encode(errors="replace").decode(),
        "started_at": now(),
    }
    folder = data_dir / _FOLDER
    with disk_errors(folder, "Set STEM_DATA_DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{batch}.lock")
        lock.acquire(timeout=0)
    try:
        with database.change() as connection:
            connection.execute(text(_TABLE_LOCK[connection.dialect.name]))
            others = _sweep(connection, data_dir)
            if exclusive and others:
                raise BusyError(f"another batch runs ({others[0]})", None, "Wait for it, or leave out --exclusive.")
            _sign_in(connection, row)
        with _beating(database, row):
            yield batch
    finally:
        _leave(database, batch)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def home_of(data_dir: Path) -> str:
    """This machine and this folder of data: who shares both can see the locks of the others."""
    return f"{platform.node()}:{data_dir.absolute()}"


def running(database: Database, data_dir: Path) -> list[str]:
    """The batches that run, in words, after what dead ones had in hand was freed."""
    with database.change() as connection:
        connection.execute(text(_TABLE_LOCK[connection.dialect.name]))
        return _sweep(connection, data_dir)


def _sweep(connection: Connection, data_dir: Path) -> list[str]:
    asked = text("SELECT id, home, host, pid, started_at, lease FROM batches")
    clock, home, alive = _clock(connection), home_of(data_dir), []
    for row in connection.execute(asked).mappings().all():
        dead = _is_dead(data_dir, row["id"]) if row["home"] == home else row["lease"] < clock
        if not dead:
            alive.append(f"process {row['pid']} on {row['host']} since {row['started_at'][:16].replace('T', ' ')} UTC")
            continue
        queue.free(connection, row["id"])
        _forget(connection, row["id"], with_wishes=row["home"] == home)  # a machine that sleeps goes on with them
    return alive


def _is_dead(data_dir: Path, batch: str) -> bool:
    """Whether nobody holds the lock of a batch of this machine."""
    lock = FileLock(data_dir / _FOLDER / f"{batch}.lock")
    try:
        lock.acquire(timeout=0)
    except FileNotFoundError:
        return True  # the folder itself is gone
    except (Timeout, OSError):
        return False  # a lock that cannot be asked tells nothing of a batch that may live
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
    return True


def _sign_in(connection: Connection, row: Mapping[str, Any]) -> None:
    """Be in the list of batches, with a lease from now on."""
    statement = upsert("batches", "id", {**row, "lease": 0.0})
    connection.execute(text(statement), {**row, "lease": _clock(connection) + _LEASE_SECONDS})


def _clock(connection: Connection) -> float:
    """Seconds since 1970, of the database: machines' own clocks differ, and jump."""
    asked = f"SELECT {_CLOCK[connection.dialect.name]}"
    return float(connection.execute(text(asked)).scalar_one())


@contextmanager
def _beating(database: Database, row: Mapping[str, Any]) -> Iterator[None]:
    """Renew the lease in a thread while this is open, also after a sleep in which others took us for dead."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(_BEAT_SECONDS):
            try:
                with database.change() as connection:
                    _sign_in(connection, row)
            except OutputError:
                continue  # the next beat may reach it; other machines wait for a lease to end

    thread = threading.Thread(target=beat, name="batch lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _leave(database: Database, batch: str) -> None:
    with database.change() as connection:
        queue.free(connection, batch)
        _forget(connection, batch, with_wishes=True)


def _forget(connection: Connection, batch: str, with_wishes: bool) -> None:
    if with_wishes:
        connection.execute(text("DELETE FROM wanted WHERE batch = :batch"), {"batch": batch})
    connection.execute(text("DELETE FROM batches WHERE id = :batch"), {"batch": batch})
