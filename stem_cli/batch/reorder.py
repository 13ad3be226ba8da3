"""What a user does to the queue while batches run."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from stem_cli.batch.queue import Job
from stem_cli.database import Database, upsert

_PAUSED = "paused"


def to_top(database: Database, jobs: Sequence[Job]) -> None:
    """Next, in the order in which they are given."""
    with database.change() as connection:
        highest = connection.execute(text("SELECT coalesce(max(lane), 0) FROM queue WHERE state = 'queued'")).scalar()
        _lanes(connection, jobs, [max(0, int(highest or 0)) + len(jobs) - number for number in range(len(jobs))])


def to_bottom(database: Database, jobs: Sequence[Job]) -> None:
    """Last of all, in the order in which they are given."""
    with database.change() as connection:
        lowest = connection.execute(text("SELECT coalesce(min(lane), 0) FROM queue WHERE state = 'queued'")).scalar()
        _lanes(connection, jobs, [min(0, int(lowest or 0)) - 1 - number for number in range(len(jobs))])


def set_priority(database: Database, jobs: Sequence[Job], lane: int) -> None:
    """Before all songs of a lower priority; 0 is what songs have that nobody has moved."""
    with database.change() as connection:
        _lanes(connection, jobs, [lane] * len(jobs))


def retry(database: Database, jobs: Sequence[Job]) -> None:
    """Into the queue again."""
    with database.change() as connection:
        for job in jobs:
            connection.execute(
                text(
                    "UPDATE queue SET state = 'queued', attempts = 0, error = '', exit_code = 0"
                    " WHERE id = :id AND state IN ('failed', 'dismissed')"
                ),
                {"id": job.id},
            )


def dismiss(database: Database, jobs: Sequence[Job]) -> None:
    """Known, and not to be told of or tried any more until the file changes."""
    with database.change() as connection:
        for job in jobs:
            connection.execute(
                text("UPDATE queue SET state = 'dismissed' WHERE id = :id AND state IN ('failed', 'queued')"),
                {"id": job.id},
            )


def pause(database: Database, paused: bool) -> None:
    """Whether batches begin further songs; those in hand are finished."""
    values = {"name": _PAUSED, "value": "yes" if paused else "no"}
    database.run(upsert("switches", "name", values), **values)


def is_paused(database: Database) -> bool:
    """Whether the queue is paused."""
    found = database.rows("SELECT value FROM switches WHERE name = :name", name=_PAUSED)
    return bool(found) and found[0]["value"] == "yes"


def _lanes(connection: object, jobs: Sequence[Job], lanes: Sequence[int]) -> None:
    for job, lane in zip(jobs, lanes, strict=True):
        connection.execute(  # type: ignore[attr-defined]
            text("UPDATE queue SET lane = :lane WHERE id = :id"), {"id": job.id, "lane": lane}
        )
