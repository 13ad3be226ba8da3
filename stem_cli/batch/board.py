"""How a batch stands: what is worked on, what is done, how fast, how long it will take."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from stem_cli.batch.report import Row
from stem_cli.track import Track

_TYPICAL_SECONDS = 240.0
"""Of a song whose length nobody knows, as long as none was done."""


@dataclass
class Seat:
    """One of the places where songs are worked on, side by side."""

    name: str = ""
    engine: str = ""
    seconds: float = 0.0
    share: float = 0.0


@dataclass
class Board:
    """Held open over a batch; every thread may write on it, and a view reads it. songs, seconds: to be done in all.

    unknown: how many of the songs are of unknown length. flowing: since when sound has come out of an engine; before,
    engines were loaded, which happens once.
    """

    songs: int
    seconds: float
    unknown: int = 0
    seats: list[Seat] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    flowing: float = 0.0
    paused: bool = False
    stopping: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def ended(self, row: Row) -> None:
        """One more song has come to its end."""
        with self.lock:
            self.rows.append(row)

    def count(self, *statuses: str) -> int:
        """How many songs ended so."""
        return sum(row.status in statuses for row in self.rows)

    @property
    def left(self) -> int:
        """Songs that have not ended."""
        return max(0, self.songs - len(self.rows))

    @property
    def sound_done(self) -> float:
        """Seconds of sound that were separated, what is worked on now included."""
        with self.lock:
            worked = sum(row.song_seconds for row in self.rows if row.status in ("done", "cached"))
            return worked + sum(seat.share * seat.seconds for seat in self.seats)

    @property
    def times_real_time(self) -> float:
        """Seconds of sound a second."""
        spent = time.monotonic() - self.started
        return self.sound_done / spent if spent > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """As things go; None as long as nothing can be said."""
        with self.lock:
            known = [row.song_seconds for row in self.rows if row.song_seconds]
            mean = sum(known) / len(known) if known else _TYPICAL_SECONDS
            whole = self.seconds + self.unknown * mean
            ended = sum(row.song_seconds or mean for row in self.rows)
            ended += sum(seat.share * seat.seconds for seat in self.seats)
            spent = time.monotonic() - (self.flowing or self.started)
            return max(0.0, whole - ended) * spent / ended if ended > 0 and spent > 0 else None


class Stopped(BaseException):
    """The batch is to end now; what is worked on is given back."""


class Worker:
    """The listener of one seat: what it hears goes on the board, and nowhere else: a view's trouble is no song's.

    Raises Stopped where the batch is to end now.
    """

    def __init__(self, board: Board, seat: Seat) -> None:
        self._board, self._seat = board, seat
        self._frames = 1

    def sit(self, name: str) -> None:
        """Begin with a song; "" leaves the seat empty."""
        with self._board.lock:
            self._seat.name, self._seat.engine, self._seat.seconds, self._seat.share = name, "", 0.0, 0.0

    def begin(self, track: Track, engine: str, why: str, frames: int) -> None:  # noqa: ARG002 - the report has it
        """An engine begins."""
        self._frames = max(1, frames)
        with self._board.lock:
            self._seat.engine, self._seat.seconds, self._seat.share = engine, frames / track.rate, 0.0

    def advance(self, frames: int) -> None:
        """So many more frames are separated."""
        if self._board.stopping:
            raise Stopped
        with self._board.lock:
            self._board.flowing = self._board.flowing or time.monotonic()
            self._seat.share = min(1.0, self._seat.share + frames / self._frames)

    def note(self, text: str) -> None:
        """Something the user should know of this song."""
        with self._board.lock:
            self._board.notes.append(f"{self._seat.name}: {text}" if self._seat.name else text)
