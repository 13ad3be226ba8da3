"""The book of tasks: every one stands in the database before it is sent, so that none is paid twice.

A booking's number is the key of its order: a service that gets the same order with the same key again carries it out
once. As long as it is not known what became of an order (`doubts`), it is sent with no other key and no other source.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from typing import Any

from stem_cli.database import Database, now
from stem_cli.engines.cloud.service import Source
from stem_cli.errors import BusyError

OPEN, STARTED = "open", "started"
DELIVERED, FAILED, CANCELLED, GIVEN_UP = "delivered", "failed", "cancelled", "given up"
"""States. Of the first two there is at most one booking for the same work; the others are ends."""


@dataclass(frozen=True)
class Booking:
    """One order. id: its key. doubts: how often it was sent without it being known whether the task was started.

    source_id, source_until: the song at the service, and when it goes, seconds since 1970. started: when the task was,
    or 0. cost_minutes, minutes_before: what it takes, and what the account had.
    """

    id: str
    state: str
    doubts: int
    source_id: str
    source_until: float
    task_id: str
    started: float
    cost_minutes: float
    minutes_before: float | None

    @property
    def number(self) -> str:
        """What a user calls it."""
        return self.id[:8]


_COLUMNS = ", ".join(field.name for field in fields(Booking))

_BOOK = (
    "INSERT INTO bookings (id, service, work, state, doubts, source_id, source_until, task_id, started, cost_minutes,"
    " minutes_before, error, made_at, changed_at)"
    " VALUES (:id, :service, :work, 'open', 0, '', 0, '', 0, :cost, :before, '', :now, :now)"
    " ON CONFLICT DO NOTHING"
)


class Book:
    """Held open: the bookings of one work, which is one song made by one model of one service."""

    def __init__(self, database: Database, service: str, work: str) -> None:
        self._database = database
        self._work = {"service": service, "work": work}

    def current(self) -> Booking | None:
        """The booking that is under way."""
        return self._first("state IN ('open', 'started')")

    def delivered(self) -> Booking | None:
        """The last one whose stems were handed over."""
        return self._first("state = 'delivered'")

    def _first(self, condition: str) -> Booking | None:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM bookings WHERE service = :service AND work = :work AND {condition}"  # noqa: S608
            " ORDER BY made_at DESC LIMIT 1",
            **self._work,
        )
        return Booking(**rows[0]) if rows else None

    def book(self, cost_minutes: float, minutes_before: float | None) -> Booking:
        """Book an order; where another process was first, its booking. Raises BusyError where that has just ended."""
        self._database.run(
            _BOOK,
            id=str(uuid.uuid4()),
            cost=cost_minutes,
            before=minutes_before,
            now=now(),
            **self._work,
        )
        found = self.current()
        if found is None:
            raise dealt_with()
        return found

    def renew(self, booking: Booking) -> Booking:
        """A new key and no source, for an order that was never sent or always refused."""
        return self._changed(
            booking,
            "id = :new, source_id = '', source_until = 0",
            "state = 'open' AND doubts = 0 AND source_id = :old",
            new=str(uuid.uuid4()),
            old=booking.source_id,
        )

    def uploaded(self, booking: Booking, source: Source) -> Booking:
        """The song is there; where another process was first, it is the other's."""
        change = "source_id = :source, source_until = :until"
        return self._changed(booking, change, "source_id = ''", source=source.id, until=source.until)

    def sending(self, booking: Booking) -> Booking:
        """The order is about to be sent: from now on it is not known whether the task was started."""
        return self._changed(booking, "doubts = doubts + 1", "state = 'open'")

    def not_started(self, booking: Booking) -> Booking:
        """The order that was sent last was surely not carried out."""
        return self._changed(booking, "doubts = doubts - 1", "state = 'open' AND doubts > 0")

    def started(self, booking: Booking, task: str, at: float) -> Booking:
        """The task runs under this number since `at`, seconds since 1970."""
        return self._changed(
            booking, "state = 'started', task_id = :task, started = :at", "state = 'open'", task=task, at=at
        )

    def close(self, booking: Booking, state: str, error: str = "") -> None:
        """It ends here."""
        self._database.run(
            "UPDATE bookings SET state = :state, error = :error, changed_at = :now WHERE id = :id",
            id=booking.id,
            state=state,
            error=error.encode(errors="replace").decode(),
            now=now(),
        )

    def reread(self, booking: Booking) -> Booking:
        """The booking as it is now: other processes write into it as well. Raises BusyError where it is no more."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM bookings WHERE id = :id", id=booking.id)  # noqa: S608
        found = Booking(**rows[0]) if rows else self.current()
        if found is None:
            raise dealt_with()
        return found

    def _changed(self, booking: Booking, change: str, condition: str, **values: Any) -> Booking:
        """The booking after a change, which is made only where the condition holds; else as others have made it."""
        rows = self._database.rows(
            f"UPDATE bookings SET {change}, changed_at = :now WHERE id = :id AND {condition} RETURNING {_COLUMNS}",  # noqa: S608
            id=booking.id,
            now=now(),
            **values,
        )
        return Booking(**rows[0]) if rows else self.reread(booking)


def dealt_with() -> BusyError:
    """The error of two processes that get in one another's way."""
    return BusyError("another process has just dealt with the same task", None, "Type the same command again.")
