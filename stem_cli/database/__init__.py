"""What was read, wanted and made: SQLite in WAL mode, or PostgreSQL by URL. Every change is one transaction."""

from __future__ import annotations

import logging
import os
import platform
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from stem_cli.audio import Fingerprint, Shape, fingerprint
from stem_cli.database.migrations import MIGRATIONS
from stem_cli.errors import OutputError, UsageError

_BUSY_SECONDS = 30
_PAUSE_SECONDS = 0.02
_MIGRATION_LOCK = 0x57E3  # any number, the same for all of us: PostgreSQL's advisory locks have no names


def now() -> str:
    """This moment in UTC, as the database and metadata.json write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


logging.getLogger("sqlalchemy.pool").parent = logging.getLogger("stem_cli")
"""It tells, with a traceback, of connections that were being closed when Ctrl-C came: that is for the log."""


def text_of(path: Path) -> str:
    """A path as text that every database and JSON file takes, even where its bytes are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


_NO_UTF_8 = "//"
"""At the end of a key: no path ends so."""


def key_of(path: Path) -> str:
    """A path as text that no other path has: text_of, but for names that are no UTF-8, whose bytes are told."""
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return re.sub("[\ufffd\udc80-\udcff]", _escaped, raw.decode("utf-8", "surrogateescape")) + _NO_UTF_8


def path_of_key(key: str) -> Path:
    """The path that `key_of` was given."""
    if not key.endswith(_NO_UTF_8):
        return Path(key)
    text = re.sub("\ufffd([0-9A-F]{2})", lambda found: chr(0xDC00 + int(found[1], 16)), key.removesuffix(_NO_UTF_8))
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\ufffd{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


class Database:
    """Held open. `change` and `look` give a connection inside a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """A transaction that may write; all of it happens or nothing. Raises OutputError."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise _translated(error, self._engine) from error

    def run(self, statement: str, **values: Any) -> None:
        """One change."""
        with self.change() as connection:
            connection.execute(text(statement), values)

    def rows(self, statement: str, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query."""
        with self.change() as connection:
            found = connection.execute(text(statement), values)
            names = tuple(found.keys())
            return [dict(zip(names, row, strict=True)) for row in found]

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def fingerprint(self, shape: Shape) -> Fingerprint:
        """A file's fingerprint, from memory while its path, size, time and inode are what they were."""
        stat = shape.path.stat()
        known = {
            "path": key_of(shape.path.absolute()),
            "size": stat.st_size,
            "mtime_ns": stat.st_mtime_ns,
            "inode": f"{stat.st_dev}:{stat.st_ino}",
        }
        found = self.rows(
            "SELECT digest, md5, damage FROM files"
            " WHERE path = :path AND size = :size AND mtime_ns = :mtime_ns AND inode = :inode",
            **known,
        )
        if found:
            return Fingerprint(found[0]["digest"], found[0]["md5"], found[0]["damage"])
        made = fingerprint(shape)
        values = {**known, "digest": made.digest, "md5": made.md5, "damage": made.damage}
        self.run(upsert("files", "path", values), **values)
        return made

    def start_job(self, digest: str, request: str) -> int:
        """Note that work on a song begins. Call it under the song's lock: who else is "running" it here has died."""
        with self.change() as connection:
            connection.execute(
                text(
                    "UPDATE jobs SET state = 'interrupted', finished_at = :now, error = 'its process died'"
                    " WHERE digest = :digest AND request = :request AND state = 'running' AND host = :host"
                ),
                {"now": now(), "digest": digest, "request": request, "host": platform.node()},
            )
            attempts = connection.execute(
                text("SELECT count(*) FROM jobs WHERE digest = :digest AND request = :request"),
                {"digest": digest, "request": request},
            ).scalar_one()
            made = connection.execute(
                text(
                    "INSERT INTO jobs (digest, request, state, attempts, error, host, pid, started_at, finished_at)"
                    " VALUES (:digest, :request, 'running', :attempts, '', :host, :pid, :now, '') RETURNING id"
                ),
                {
                    "digest": digest,
                    "request": request,
                    "attempts": attempts + 1,
                    "host": platform.node(),
                    "pid": os.getpid(),
                    "now": now(),
                },
            )
            return int(made.scalar_one())

    def end_job(self, job: int, state: str, error: str = "") -> None:
        """Note how work on a song ended: "done", "failed" or "interrupted"."""
        self.run(
            "UPDATE jobs SET state = :state, error = :error, finished_at = :now WHERE id = :id",
            state=state,
            error=error.encode(errors="replace").decode(),  # the name of a file in it may be no UTF-8
            now=now(),
            id=job,
        )


def upsert(table: str, key: str, values: Mapping[str, Any]) -> str:
    """An INSERT that replaces the row with the same key; the same words on SQLite and PostgreSQL."""
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values if name != key)
    return f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {changes}"  # noqa: S608


def open_database(url: str, data_dir: Path) -> Database:
    """Open and bring up to date the database at the URL, or SQLite in `data_dir`. Raises UsageError, OutputError."""
    try:
        target = make_url(url) if url else make_url("sqlite://").set(database=str(data_dir / "stem.sqlite"))
        if target.get_backend_name() not in ("sqlite", "postgresql"):
            raise UsageError(f"{target.get_backend_name()} databases are not supported", None, "Use postgresql://...")
        if target.drivername == "postgresql":
            target = target.set(drivername="postgresql+psycopg")
        if target.get_backend_name() == "sqlite" and target.database:
            Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        engine = _engine(target)
        with _disposed_on_error(engine):
            _migrate(engine)
    except ArgumentError as error:
        raise UsageError(
            f"database_url makes no sense ({error})", None, "Write postgresql://user@host/name."
        ) from error
    except ModuleNotFoundError as error:
        raise UsageError("PostgreSQL needs one more package", None, "Type: pip install 'stem-cli[postgres]'") from error
    except OSError as error:
        raise OutputError(f"the database cannot be made ({error.strerror})", data_dir, "Set STEM_DATA_DIR.") from error
    except SQLAlchemyError as error:
        raise _translated(error, engine) from error
    return Database(engine)


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


def _engine(target: Any) -> Engine:
    if target.get_backend_name() == "sqlite":
        engine = create_engine(target, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    return create_engine(target, pool_pre_ping=True)


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, below
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: Any) -> None:
    """SQLite does not wait by itself where another process changes a new database over at the same moment."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    """Read-then-write transactions of two processes would otherwise fail at once instead of waiting."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        if not inspect(connection).has_table("schema_version"):
            connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
            connection.execute(text("INSERT INTO schema_version VALUES (0)"))
        version = connection.execute(text("SELECT version FROM schema_version")).scalar_one()
        if version > len(MIGRATIONS):
            raise OutputError("the database was made by a newer stem-cli", None, "Update: pip install -U stem-cli")
        for step in MIGRATIONS[version:]:
            step(connection)
        if version < len(MIGRATIONS):
            connection.execute(text("UPDATE schema_version SET version = :version"), {"version": len(MIGRATIONS)})


def _translated(error: SQLAlchemyError, engine: Engine) -> OutputError:
    place = engine.url.render_as_string(hide_password=True)
    reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
    hint = "Check its folder and the free space, or set database_url."
    return OutputError(f"the database {place} cannot be used ({reason})", None, hint)
