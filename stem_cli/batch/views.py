"""How a batch is told while it runs: a dashboard on a terminal, plain lines elsewhere, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from stem_cli.batch.board import Board
from stem_cli.batch.report import Row
from stem_cli.batch.report.summary import length, readable

_PLAIN_SECONDS = 60.0
_WORDS = {"done": "separated", "cached": "from the cache", "there": "there already", "failed": "failed"}


class Off:
    """Nothing but what went wrong. Also the shape of every view."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.each: Callable[[Row], None] = lambda row: None  # noqa: ARG005
        """Called with each song that has ended."""
        self._told = self._noted = 0

    def open(self) -> None:
        """The batch begins."""

    def changed(self) -> None:
        """Something may have moved; called from one thread only."""
        for note in self.board.notes[self._noted :]:
            self._noted += 1
            self.note(note)
        for row in self.board.rows[self._told :]:
            self._told += 1
            self.ended(row)
            self.each(row)
        self.moved()

    def ended(self, row: Row) -> None:
        """A song has come to its end."""
        if row.status == "failed":
            sys.stderr.write(f"stem: {_failure(row)}\n")

    def moved(self) -> None:
        """The board has changed."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def close(self) -> None:
        """The batch is over."""
        self.changed()


class Plain(Off):
    """A line a song, and every minute how far it is."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self._shown = time.monotonic()

    def ended(self, row: Row) -> None:
        """One line."""
        if row.status == "failed":
            super().ended(row)
            return
        speed = f" in {length(row.work_seconds)}" if row.status == "done" else ""
        sys.stderr.write(f"{readable(row.path.name)}: {_WORDS.get(row.status, row.status)}{speed}\n")

    def moved(self) -> None:
        """How far it is, once a minute."""
        if time.monotonic() - self._shown >= _PLAIN_SECONDS:
            self._shown = time.monotonic()
            sys.stderr.write(f"{standing(self.board)}\n")

    def note(self, text: str) -> None:
        """A line."""
        sys.stderr.write(f"stem: {text}\n")


class Json(Off):
    """One JSON object a line on stderr."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self._shown = 0.0

    def ended(self, row: Row) -> None:
        """The event "ended"."""
        _say(event="ended", file=str(row.path), status=row.status, error=row.error)

    def moved(self) -> None:
        """The event "progress", once a second."""
        if time.monotonic() - self._shown >= 1.0:
            self._shown = time.monotonic()
            board = self.board
            eta = board.seconds_left
            _say(
                event="progress",
                ended=len(board.rows),
                songs=board.songs,
                failed=board.count("failed"),
                times_real_time=round(board.times_real_time, 2),
                seconds_left=None if eta is None else round(eta, 1),
                now=[seat.name for seat in board.seats if seat.name],
            )

    def note(self, text: str) -> None:
        """The event "note"."""
        _say(event="note", text=text)


def _say(**values: Any) -> None:
    sys.stderr.write(json.dumps(values, ensure_ascii=True) + "\n")
    sys.stderr.flush()


def _failure(row: Row) -> str:
    return f"{readable(row.path)}: {readable(row.error)}. {row.hint}".strip()


def standing(board: Board) -> str:
    """How far a batch is, in one line."""
    eta = board.seconds_left
    left = f", about {length(eta) or '0:00'} left" if eta is not None else ""
    failed = f", {board.count('failed')} failed" if board.count("failed") else ""
    return f"{len(board.rows)} of {board.songs}{failed}, {board.times_real_time:.1f}x real time{left}"
