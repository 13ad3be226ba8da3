"""The schema, step by step. A step is never edited once it has been released; a change is a new step at the end."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

_BIG_KEY = {"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "postgresql": "BIGSERIAL PRIMARY KEY"}


def _run(connection: Connection, *statements: str) -> None:
    key = _BIG_KEY[connection.dialect.name]
    for statement in statements:
        connection.execute(text(statement.replace("{key}", key)))


def m001_tracks_jobs_separations(connection: Connection) -> None:
    """Files we have read, songs, jobs, what was made, how good it is, and every file of stems."""
    _run(
        connection,
        "CREATE TABLE files (path TEXT PRIMARY KEY, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,"
        " inode TEXT NOT NULL, digest TEXT NOT NULL, md5 TEXT NOT NULL, damage TEXT NOT NULL)",
        "CREATE INDEX files_digest ON files (digest)",
        "CREATE TABLE tracks (digest TEXT PRIMARY KEY, path TEXT NOT NULL, artist TEXT NOT NULL, title TEXT NOT NULL,"
        " album TEXT NOT NULL, genre TEXT NOT NULL, bpm DOUBLE PRECISION, musical_key TEXT NOT NULL,"
        " seconds DOUBLE PRECISION NOT NULL, rate INTEGER NOT NULL, channels INTEGER NOT NULL, frames BIGINT NOT NULL,"
        " seen_at TEXT NOT NULL)",
        "CREATE TABLE jobs (id {key}, digest TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL,"
        " attempts INTEGER NOT NULL, error TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,"
        " started_at TEXT NOT NULL, finished_at TEXT NOT NULL)",
        "CREATE INDEX jobs_digest ON jobs (digest, state)",
        "CREATE TABLE separations (id {key}, job_id BIGINT NOT NULL, digest TEXT NOT NULL, engine_id TEXT NOT NULL,"
        " span TEXT NOT NULL, folder TEXT NOT NULL, cached INTEGER NOT NULL, seconds DOUBLE PRECISION NOT NULL,"
        " made_at TEXT NOT NULL)",
        "CREATE INDEX separations_digest ON separations (digest)",
        "CREATE TABLE quality (separation_id BIGINT NOT NULL, stem TEXT NOT NULL, measure TEXT NOT NULL,"
        " value DOUBLE PRECISION, PRIMARY KEY (separation_id, stem, measure))",
        "CREATE TABLE artifacts (id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,"
        " path TEXT NOT NULL, source_digest TEXT NOT NULL, source_artifact TEXT NOT NULL, span TEXT NOT NULL,"
        " engine_id TEXT NOT NULL, meta TEXT NOT NULL, made_at TEXT NOT NULL)",
        "CREATE INDEX artifacts_source ON artifacts (source_digest)",
        "CREATE INDEX artifacts_path ON artifacts (path)",
    )


def m002_bookings(connection: Connection) -> None:
    """Tasks of cloud services, booked before they are sent: no two that are open for the same work."""
    _run(
        connection,
        "CREATE TABLE bookings (id TEXT PRIMARY KEY, service TEXT NOT NULL, work TEXT NOT NULL, state TEXT NOT NULL,"
        " doubts INTEGER NOT NULL, source_id TEXT NOT NULL, source_until DOUBLE PRECISION NOT NULL,"
        " task_id TEXT NOT NULL, started DOUBLE PRECISION NOT NULL, cost_minutes DOUBLE PRECISION NOT NULL,"
        " minutes_before DOUBLE PRECISION, error TEXT NOT NULL, made_at TEXT NOT NULL, changed_at TEXT NOT NULL)",
        "CREATE INDEX bookings_work ON bookings (service, work)",
        "CREATE UNIQUE INDEX bookings_open ON bookings (service, work) WHERE state IN ('open', 'started')",
    )


def m003_attempts(connection: Connection) -> None:
    """The engines that were tried for a separation, because one of them was judged poor."""
    _run(
        connection,
        "CREATE TABLE attempts (separation_id BIGINT NOT NULL, place INTEGER NOT NULL, engine_id TEXT NOT NULL,"
        " model TEXT NOT NULL, vocals_db DOUBLE PRECISION, poor INTEGER NOT NULL, kept INTEGER NOT NULL,"
        " why TEXT NOT NULL, PRIMARY KEY (separation_id, place))",
    )


def m004_library_queue(connection: Connection) -> None:
    """Songs of a library as a scan has read them; the queue of batches; the batches that run and what each is to do."""
    _run(
        connection,
        "CREATE TABLE library (path TEXT PRIMARY KEY, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,"
        " inode TEXT NOT NULL, title TEXT NOT NULL, artist TEXT NOT NULL, album TEXT NOT NULL, genre TEXT NOT NULL,"
        " comment TEXT NOT NULL, musical_key TEXT NOT NULL, bpm DOUBLE PRECISION, rating INTEGER,"
        " seconds DOUBLE PRECISION, added TEXT NOT NULL, vocals TEXT NOT NULL, no_song TEXT NOT NULL,"
        " gone INTEGER NOT NULL)",
        "CREATE TABLE queue (id {key}, path TEXT NOT NULL, output TEXT NOT NULL, state TEXT NOT NULL,"
        " lane INTEGER NOT NULL, place INTEGER NOT NULL, why TEXT NOT NULL, attempts INTEGER NOT NULL,"
        " error TEXT NOT NULL, exit_code INTEGER NOT NULL, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,"
        " seconds DOUBLE PRECISION NOT NULL, wish TEXT NOT NULL, status TEXT NOT NULL, engine TEXT NOT NULL,"
        " folder TEXT NOT NULL, files TEXT NOT NULL, work_seconds DOUBLE PRECISION NOT NULL,"
        " vocals_db DOUBLE PRECISION, poor INTEGER NOT NULL, batch TEXT NOT NULL, added_at TEXT NOT NULL,"
        " started_at TEXT NOT NULL, ended_at TEXT NOT NULL, UNIQUE (path, output))",
        "CREATE INDEX queue_next ON queue (lane DESC, place, id) WHERE state = 'queued'",
        "CREATE INDEX queue_batch ON queue (batch) WHERE state = 'running'",
        "CREATE TABLE batches (id TEXT PRIMARY KEY, home TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,"
        " command TEXT NOT NULL, lease DOUBLE PRECISION NOT NULL, started_at TEXT NOT NULL)",
        "CREATE TABLE wanted (batch TEXT NOT NULL, job BIGINT NOT NULL, PRIMARY KEY (batch, job))",
        "CREATE TABLE switches (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    )


def m005_analyses(connection: Connection) -> None:
    """What songs are musically, by the digest of their sound: the whole result as JSON, tempo and key beside it."""
    _run(
        connection,
        "CREATE TABLE analyses (digest TEXT PRIMARY KEY, version INTEGER NOT NULL, bpm DOUBLE PRECISION,"
        " musical_key TEXT NOT NULL, result TEXT NOT NULL, made_at TEXT NOT NULL)",
    )


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    m001_tracks_jobs_separations,
    m002_bookings,
    m003_attempts,
    m004_library_queue,
    m005_analyses,
)
"""All steps in order; the version of a database is how many it has taken."""
