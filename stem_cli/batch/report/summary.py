"""What came of each track of a batch, and the figures of the whole."""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

STATUSES: Mapping[str, str] = {
    "failed": "failed",
    "done": "separated",
    "cached": "taken from the cache",
    "there": "there already",
    "skipped": "skipped",
}
"""What may come of a track, and how that is told; what needs a look comes first."""

SLOWEST = 10
"""So many of the slowest tracks are shown."""
AGAIN = "Mend or replace the file, then run the batch again with --retry-failed."
_HOUR, _MINUTE = 3600, 60
_BLANKS = {ord(sign): " " for sign in "\n\r\t"}
_NO_LETTERS = ("Cc", "Cs", "Zl", "Zp")  # control, bytes that are no text, ends of lines and paragraphs


@dataclass(frozen=True)
class Row:
    """One track. engine: its id or name, "" where none worked. song_seconds, work_seconds: 0 where nobody knows.

    vocals_db: estimated SI-SDR of the vocals. poor: judged so. folder: where its stems lie. error: what happened.
    hint: what to do about it; without one a general word is shown.
    """

    path: Path
    status: str
    engine: str = ""
    song_seconds: float = 0.0
    work_seconds: float = 0.0
    vocals_db: float | None = None
    poor: bool = False
    folder: Path | None = None
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Summary:
    """A batch from its start to its end. left: tracks that still wait. why: it ended before all were done, or ""."""

    started: datetime
    ended: datetime
    rows: tuple[Row, ...]
    left: int = 0
    why: str = ""

    @property
    def seconds(self) -> float:
        """How long it took; 0 where the clock was set back meanwhile."""
        return max(0.0, (self.ended - self.started).total_seconds())

    @property
    def counts(self) -> dict[str, int]:
        """How many tracks came to what, in the order of STATUSES."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in STATUSES if found[status]}

    @property
    def of(self) -> dict[str, tuple[Row, ...]]:
        """The rows by what came of them."""
        return {status: tuple(row for row in self.rows if row.status == status) for status in STATUSES}

    @property
    def song_seconds(self) -> float:
        """Length of all songs that were separated."""
        return sum(row.song_seconds for row in self.of["done"])

    @property
    def times_real_time(self) -> float | None:
        """Seconds of separated song in a second of the batch."""
        return self.song_seconds / self.seconds if self.seconds and self.song_seconds else None

    @property
    def slowest(self) -> tuple[Row, ...]:
        """The separated tracks that took longest, longest first."""
        return tuple(sorted(self.of["done"], key=lambda row: -row.work_seconds)[:SLOWEST])

    @property
    def engines(self) -> tuple[Engine, ...]:
        """What each engine did, the busiest first."""
        by_name: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.engine and row.status != "failed":
                by_name.setdefault(row.engine, []).append(row)
        found = [_engine(name, rows) for name, rows in by_name.items()]
        return tuple(sorted(found, key=lambda one: (-one.tracks, one.name)))


@dataclass(frozen=True)
class Engine:
    """What an engine did. times_real_time: of what it separated in this batch. vocals_db: the median."""

    name: str
    tracks: int
    song_seconds: float
    work_seconds: float
    times_real_time: float | None
    vocals_db: float | None
    poor: int


def _engine(name: str, rows: Sequence[Row]) -> Engine:
    made = [row for row in rows if row.status == "done"]
    song, work = sum(row.song_seconds for row in made), sum(row.work_seconds for row in made)
    heard = [row.vocals_db for row in rows if row.vocals_db is not None]
    speed, vocals = song / work if work and song else None, statistics.median(heard) if heard else None
    return Engine(name, len(rows), song, work, speed, vocals, sum(row.poor for row in rows))


# ------------------------------------------------------------------------------------------------------------- in words


def readable(text: Path | str) -> str:
    """A name that no terminal and no browser takes for an order: what is no letter becomes a question mark in a box."""
    plain = str(text).translate(_BLANKS)
    return "".join("�" if unicodedata.category(letter) in _NO_LETTERS else letter for letter in plain)


def length(seconds: float) -> str:
    """3:05 or 12:03:05; "" for nothing."""
    whole = round(seconds)
    hours, minutes, rest = whole // _HOUR, whole % _HOUR // _MINUTE, whole % _MINUTE
    if not whole:
        return f"{seconds:.1f} s" if seconds > 0 else ""
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def speed(times: float | None) -> str:
    """12.3x; "" for nothing."""
    return "" if times is None else f"{times:.1f}x"


def vocals(row: Row | Engine) -> str:
    """The vocals' estimate, "poor" beside it where they are."""
    heard = "" if row.vocals_db is None else f"{row.vocals_db:.1f} dB"
    return f"{heard} poor".strip() if isinstance(row, Row) and row.poor else heard


def advice(row: Row) -> str:
    """What to do about a track that failed."""
    return row.hint or AGAIN


def totals(summary: Summary) -> tuple[tuple[str, str], ...]:
    """The figures of the whole, each with its name; those that say nothing are left out."""
    rows = (
        ("tracks", str(len(summary.rows))),
        *((STATUSES[status], str(count)) for status, count in summary.counts.items()),
        ("still waiting", str(summary.left or "")),
        ("judged poor", str(sum(row.poor for row in summary.rows) or "")),
        ("music separated", length(summary.song_seconds)),
        ("time taken", length(summary.seconds)),
        ("times real time", speed(summary.times_real_time)),
        ("started", f"{summary.started:%Y-%m-%d %H:%M}"),
        ("ended", f"{summary.ended:%Y-%m-%d %H:%M}"),
        ("ended early", readable(summary.why)),
    )
    return tuple((name, value) for name, value in rows if value)
