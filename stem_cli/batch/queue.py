"""The queue of songs in the database: several batches take from it, and no song is taken twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from stem_cli.database import Database, key_of, now

ATTEMPTS = 3
"""A song whose process died so often is not tried again by itself: it may be the song that kills it."""
DIED = f"its process died {ATTEMPTS} times while it was separated"
DOUBTED = "doubted"
"""The status of a job whose stems lie there and are not whole: their sound was compared with its record."""
_TOGETHER = 500
_CLAIM = (
    "UPDATE queue SET state = 'running', batch = :batch, attempts = attempts + 1, started_at = :now, ended_at = ''"
    " WHERE id = (SELECT id FROM queue WHERE state = 'queued'"
    " AND EXISTS (SELECT 1 FROM wanted WHERE wanted.batch = :batch AND wanted.job = queue.id)"
    " ORDER BY lane DESC, place, id LIMIT 1{lock}) RETURNING *"
)
_LOCK = {"sqlite": "", "postgresql": " FOR UPDATE SKIP LOCKED"}


@dataclass(frozen=True)
class Job:
    """One song for one output folder.

    state: "queued", "running", "done", "failed" or "dismissed". lane: what the user said, higher is earlier; within a
    lane by place, which the rules give, lower is earlier. why: the rule. attempts: times it was begun since it last
    ended well. seconds: of the song, 0 where unknown. wish: the settings that its stems were made with. status: "made",
    "cached" or "there", or DOUBTED. files: sizes and times of what was written.
    """

    id: int
    path: str
    output: str
    state: str
    lane: int = 0
    place: int = 0
    why: str = ""
    attempts: int = 0
    error: str = ""
    exit_code: int = 0
    size: int = 0
    mtime_ns: int = 0
    seconds: float = 0.0
    wish: str = ""
    status: str = ""
    engine: str = ""
    folder: str = ""
    files: str = ""
    work_seconds: float = 0.0
    vocals_db: float | None = None
    poor: int = 0
    batch: str = ""
    added_at: str = ""
    started_at: str = ""
    ended_at: str = ""

    @property
    def unclean(self) -> bool:
        """Whether its process died while it was worked on."""
        return self.attempts > 1

    @property
    def doubted(self) -> bool:
        """Whether stems that lie there have to be compared with their record."""
        return self.unclean or self.status == DOUBTED


@dataclass(frozen=True)
class Entry:
    """A song that is to be done. place, why: as the rules give them. lane: what the user said of it before.

    doubted: its stems lie there and are not whole. ended_at: of its job, when that was looked at.
    """

    path: Path
    place: int
    why: str
    size: int
    mtime_ns: int
    seconds: float
    lane: int = 0
    doubted: bool = False
    ended_at: str = ""


@dataclass(frozen=True)
class End:
    """How the work on a song ended well."""

    status: str
    engine: str
    folder: str
    files: str
    work_seconds: float
    seconds: float
    vocals_db: float | None = None
    poor: bool = False


def jobs(database: Database, output: str = "", states: Sequence[str] = ()) -> list[Job]:
    """The jobs in the order in which they are taken; of one output folder, in some states, if that is said."""
    asked = "SELECT * FROM queue WHERE (:output = '' OR output = :output) ORDER BY lane DESC, place, id"
    found = [_job(row) for row in database.rows(asked, output=output)]
    return [job for job in found if not states or job.state in states]


def finished(database: Database, output: str) -> int:
    """How many songs of one output folder are done."""
    asked = "SELECT count(*) AS songs FROM queue WHERE output = :output AND state = 'done'"
    return int(database.rows(asked, output=output)[0]["songs"])


def enter(database: Database, batch: str, output: str, entries: Iterable[Entry]) -> int:
    """Put songs into the queue for a batch, or those that ended once into it again. Returns how many.

    What another batch has in hand stays there; both want it then. What has ended since it was looked at stays as it is.
    """
    statement = text(
        "INSERT INTO queue (path, output, state, lane, place, why, attempts, error, exit_code, size, mtime_ns, seconds,"
        " wish, status, engine, folder, files, work_seconds, poor, batch, added_at, started_at, ended_at)"
        " VALUES (:path, :output, 'queued', 0, :place, :why, 0, '', 0, :size, :mtime_ns, :seconds, '', :status, '', '',"
        " '', 0, 0, '', :now, '', '') ON CONFLICT (path, output) DO UPDATE SET"
        " place = excluded.place, why = excluded.why, size = excluded.size, mtime_ns = excluded.mtime_ns,"
        " seconds = excluded.seconds,"
        " status = CASE WHEN excluded.status = '' THEN queue.status ELSE excluded.status END,"
        " attempts = CASE WHEN queue.state IN ('queued', 'running') THEN queue.attempts ELSE 0 END,"
        " state = CASE WHEN queue.state = 'running' OR queue.ended_at <> :ended_at THEN queue.state ELSE 'queued' END"
        " RETURNING id"
    )
    wanted = text("INSERT INTO wanted (batch, job) VALUES (:batch, :job) ON CONFLICT DO NOTHING")
    waiting, count = list(entries), 0
    for start in range(0, len(waiting), _TOGETHER):
        with database.change() as connection:
            for entry in waiting[start : start + _TOGETHER]:
                values = {"path": key_of(entry.path), "output": output, "now": now(), **_of_entry(entry)}
                job = connection.execute(statement, values).scalar_one()
                connection.execute(wanted, {"batch": batch, "job": job})
                count += 1
    with database.change() as connection:
        connection.execute(text("ANALYZE queue"))  # PostgreSQL would plan for an empty table
    return count


def claim(database: Database, batch: str) -> Job | None:
    """Take the next song that this batch wants; None where none is left for it."""
    with database.change() as connection:
        statement = _CLAIM.format(lock=_LOCK[connection.dialect.name])
        row = connection.execute(text(statement), {"batch": batch, "now": now()}).mappings().one_or_none()
        return None if row is None else _job(dict(row))


def finish(database: Database, job: Job, end: End, wish: str) -> None:
    """A song is done."""
    database.run(
        "UPDATE queue SET state = 'done', error = '', exit_code = 0, attempts = 0, status = :status, engine = :engine,"
        " folder = :folder, files = :files, work_seconds = :work, seconds = :seconds, vocals_db = :vocals_db,"
        " poor = :poor, wish = :wish, batch = '', ended_at = :now WHERE id = :id AND batch = :batch",
        id=job.id,
        batch=job.batch,
        status=end.status,
        engine=end.engine,
        folder=end.folder,
        files=end.files,
        work=end.work_seconds,
        seconds=end.seconds,
        vocals_db=end.vocals_db,
        poor=int(end.poor),
        wish=wish,
        now=now(),
    )


def fail(database: Database, job: Job, error: str, exit_code: int, gone: bool = False) -> None:
    """A song failed; it is not tried again by itself while its file stays as it is. gone: it is, once it is back."""
    database.run(
        "UPDATE queue SET state = 'failed', error = :error, exit_code = :code, size = :size, batch = '',"
        " ended_at = :now WHERE id = :id AND batch = :batch",
        id=job.id,
        batch=job.batch,
        error=error.encode(errors="replace").decode().replace("\0", " "),
        code=exit_code,
        size=-1 if gone else job.size,  # no file has that size
        now=now(),
    )


def refresh(database: Database, files: Mapping[int, str]) -> None:
    """Sizes and times of stems that were found whole, so that their sound is not read again. files: by job."""
    statement = text("UPDATE queue SET files = :files WHERE id = :id AND state = 'done'")
    with database.change() as connection:
        for job, found in files.items():
            connection.execute(statement, {"id": job, "files": found})


def give_back(database: Database, job: Job) -> None:
    """A song that was begun is to be done another time, as if it had not been begun."""
    database.run(
        "UPDATE queue SET state = 'queued', attempts = attempts - 1, batch = '', started_at = ''"
        " WHERE id = :id AND batch = :batch",
        id=job.id,
        batch=job.batch,
    )


def died(database: Database, job: Job) -> bool:
    """A song whose process died, not the batch: it goes back into the queue; False where it has died too often."""
    if job.attempts >= ATTEMPTS:
        fail(database, job, DIED, 1)
        return False
    database.run("UPDATE queue SET state = 'queued', batch = '' WHERE id = :id AND batch = :batch", id=job.id,
                 batch=job.batch)  # fmt: skip
    return True


def free(connection: Connection, batch: str) -> int:
    """What a batch that died had in hand goes back into the queue; what died too often has failed. Returns how many."""
    values = {"batch": batch, "most": ATTEMPTS, "now": now()}
    connection.execute(
        text(
            "UPDATE queue SET state = 'failed', error = :died, exit_code = 1, batch = '', ended_at = :now"
            " WHERE state = 'running' AND batch = :batch AND attempts >= :most"
        ),
        {**values, "died": DIED},
    )
    freed = connection.execute(
        text("UPDATE queue SET state = 'queued', batch = '' WHERE state = 'running' AND batch = :batch"), values
    )
    return int(freed.rowcount)


def replace_place(database: Database, job_id: int, place: int, why: str) -> None:
    """Another place by the rules."""
    database.run("UPDATE queue SET place = :place, why = :why WHERE id = :id", place=place, why=why, id=job_id)


def next_up(database: Database, batch: str, count: int) -> list[Job]:
    """The next songs that this batch wants, without taking them."""
    asked = (
        "SELECT * FROM queue WHERE state = 'queued'"
        " AND EXISTS (SELECT 1 FROM wanted WHERE wanted.batch = :batch AND wanted.job = queue.id)"
        " ORDER BY lane DESC, place, id LIMIT :count"
    )
    return [_job(row) for row in database.rows(asked, batch=batch, count=count)]


def left(database: Database, batch: str) -> tuple[int, float]:
    """How many songs this batch still wants, and how many seconds of sound those are; unknown ones count 0."""
    asked = (
        "SELECT count(*) AS songs, coalesce(sum(seconds), 0) AS seconds FROM queue WHERE state = 'queued'"
        " AND EXISTS (SELECT 1 FROM wanted WHERE wanted.batch = :batch AND wanted.job = queue.id)"
    )
    (row,) = database.rows(asked, batch=batch)
    return int(row["songs"]), float(row["seconds"])


def held_elsewhere(database: Database, batch: str) -> int:
    """How many songs that this batch wants another one has in hand."""
    asked = (
        "SELECT count(*) AS songs FROM queue WHERE state = 'running' AND batch <> :batch"
        " AND EXISTS (SELECT 1 FROM wanted WHERE wanted.batch = :batch AND wanted.job = queue.id)"
    )
    (row,) = database.rows(asked, batch=batch)
    return int(row["songs"])


def _of_entry(entry: Entry) -> dict[str, Any]:
    return {
        "place": entry.place,
        "why": entry.why,
        "size": entry.size,
        "mtime_ns": entry.mtime_ns,
        "seconds": entry.seconds,
        "status": DOUBTED if entry.doubted else "",
        "ended_at": entry.ended_at,
    }


def _job(row: Mapping[str, Any]) -> Job:
    return Job(**row)
