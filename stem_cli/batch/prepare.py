"""What a batch has to do: songs without their stems, in the order of the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from stem_cli.batch import queue
from stem_cli.batch.finished import stand_of
from stem_cli.batch.queue import Entry, Job
from stem_cli.batch.rules import Rule, ordered
from stem_cli.database import Database, key_of
from stem_cli.library import Song

_ROOM = 1_000_000
"""Places of one rule: more songs than a library has."""


@dataclass(frozen=True)
class Again:
    """What is to be done although it was done once. verify: compare the sound of all finished stems with its record."""

    retry_failed: bool = False
    verify: bool = False
    upgrade: bool = False


@dataclass
class Prepared:
    """entries: what is to be done, the first first. finished: songs that have their stems.

    otherwise: those of them that were made with other settings, or when other engines were ready. failed: known
    failures, which are not tried again. lost: finished songs whose stems are not whole any more, and why. fresh: by job
    the sizes and times of whole stems that another program wrote tags into.
    """

    entries: list[Entry] = field(default_factory=list)
    finished: int = 0
    otherwise: int = 0
    failed: list[Job] = field(default_factory=list)
    dismissed: int = 0
    lost: dict[Path, str] = field(default_factory=dict)
    fresh: dict[int, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of all songs to do whose length is known."""
        return sum(entry.seconds for entry in self.entries)

    @property
    def unknown(self) -> int:
        """How many are of unknown length."""
        return sum(not entry.seconds for entry in self.entries)


def prepare(
    database: Database,
    output: str,
    wish: str,
    songs: Iterable[Song],
    rules: Sequence[Rule],
    named: Sequence[str],
    again: Again,
) -> Prepared:
    """Sort songs into what is to be done and what is not. named: lists of the command line, for the rules."""
    jobs = {job.path: job for job in queue.jobs(database, output)}
    found = Prepared()
    wanted = [song for song in songs if _is_due(found, song, jobs.get(key_of(song.path)), wish, again)]
    queue.refresh(database, found.fresh)
    for number, placed in enumerate(ordered(wanted, rules, named, date.today())):
        song, job = placed.song, jobs.get(key_of(placed.song.path))
        entry = Entry(
            path=song.path,
            place=place_of(placed.place, number),
            why=placed.why,
            size=song.size,
            mtime_ns=song.mtime_ns,
            seconds=song.seconds or 0.0,
            lane=0 if job is None else job.lane,
            doubted=song.path in found.lost,
            ended_at="" if job is None else job.ended_at,
        )
        found.entries.append(entry)
    found.entries.sort(key=lambda entry: -entry.lane)
    return found


def place_of(rule: int, number: int) -> int:
    """The place in the queue: by the number of the rule, then in the order in which the songs were named."""
    return rule * _ROOM + number % _ROOM


def _is_due(found: Prepared, song: Song, job: Job | None, wish: str, again: Again) -> bool:
    """Whether a song is to be done; else it is counted where it belongs."""
    if job is None or job.state in ("queued", "running") or (job.size, job.mtime_ns) != (song.size, song.mtime_ns):
        return True
    if job.state == "failed":
        if not again.retry_failed:
            found.failed.append(job)
        return again.retry_failed
    if job.state == "dismissed":
        found.dismissed += 1
        return False
    stand = stand_of(job, again.verify)
    if stand.files:
        found.fresh[job.id] = stand.files
    if stand.fault:
        found.lost[song.path] = stand.fault
        return True
    if job.wish != wish and again.upgrade:
        return True
    found.finished += 1
    found.otherwise += job.wish != wish
    return False
