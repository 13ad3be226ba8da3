"""The dashboard of a batch: now, next, done, failed, speed, time left, room on the disk."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stem_cli.batch.board import Board, Seat
from stem_cli.batch.report import Row
from stem_cli.batch.report.summary import length, readable
from stem_cli.batch.views import Json, Off, Plain
from stem_cli.errors import StemError

if TYPE_CHECKING:
    from rich.console import Console, Group

_REFRESH_SECONDS = 0.25
_NEXT_SECONDS = 2.0
_NEXT = 5
_BAR = 24


class Dashboard(Off):
    """Redrawn four times a second on a terminal; failures and notes scroll away above it."""

    def __init__(
        self, board: Board, output: Path, upcoming: Callable[[], list[str]], console: Console | None = None
    ) -> None:
        super().__init__(board)
        from rich.console import Console
        from rich.live import Live

        self._console = console or Console(file=sys.stderr)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._output, self._upcoming = output, upcoming
        self._next: list[str] = []
        self._asked = self._drawn = 0.0

    def open(self) -> None:
        """Show it."""
        self._live.start()

    def ended(self, row: Row) -> None:
        """Failures stay to be read."""
        if row.status == "failed":
            self._console.print(f"{row.path.name}: {readable(row.error)}", style="red", markup=False, highlight=False)

    def note(self, text: str) -> None:
        """A line above the dashboard."""
        self._console.print(readable(text), markup=False, highlight=False)

    def moved(self) -> None:
        """Draw it anew, if it is time."""
        now = time.monotonic()
        if now - self._drawn < _REFRESH_SECONDS / 2:
            return
        self._drawn = now
        if now - self._asked >= _NEXT_SECONDS:
            self._asked = now
            with suppress(StemError):  # a database that is busy; what came next before is shown
                self._next = self._upcoming()
        self._live.update(drawn(self.board, self._next, free_bytes(self._output)), refresh=True)

    def close(self) -> None:
        """Take it away."""
        try:
            super().close()
        finally:
            self._live.stop()


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder, 0 where it is not there any more."""
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110 - pathlib raises for a sick disk
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def drawn(board: Board, upcoming: list[str], free: int) -> Group:
    """The whole dashboard."""
    from rich.console import Group
    from rich.panel import Panel

    title = "stem batch: paused" if board.paused else "stem batch"
    return Group(Panel(_now(board), title=title, title_align="left"), _figures(board, free), _queue(upcoming))


def _now(board: Board) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=_BAR)
    table.add_column(width=5, justify="right")
    table.add_column(width=10, no_wrap=True)
    for seat in board.seats:
        share = f"{seat.share:.0%}" if seat.engine else ""
        table.add_row(Text(readable(seat.name) or "-"), _bar(seat), share, Text(readable(seat.engine)))
    return table


def _bar(seat: Seat) -> Any:
    from rich.progress_bar import ProgressBar

    return ProgressBar(total=1.0, completed=seat.share, width=_BAR)


def _figures(board: Board, free: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    eta = board.seconds_left
    made, failed = board.count("done", "cached", "there"), board.count("failed")
    rows = (
        ("done", f"{made} of {board.songs}"),
        ("failed", str(failed)),
        ("waiting", str(board.left)),
        ("speed", f"{board.times_real_time:.1f}x real time"),
        ("time left", "-" if eta is None else f"about {length(eta) or '0:00'}"),
        ("disk left", f"{free / 1e9:.1f} GB"),
    )
    table = Table.grid(padding=(0, 3))
    for _ in rows:
        table.add_column()
    table.add_row(*(Text(name, style="dim") for name, _ in rows))
    table.add_row(*(Text(value, style="bold red" if name == "failed" and failed else "bold") for name, value in rows))
    return table


def _queue(upcoming: list[str]) -> Any:
    from rich.text import Text

    if not upcoming:
        return Text("")
    return Text(
        f"next: {', '.join(readable(name) for name in upcoming)}", style="dim", no_wrap=True, overflow="ellipsis"
    )


def view_of(style: str, quiet: bool, board: Board, output: Path, upcoming: Callable[[], list[str]]) -> Off:
    """The view a user wants; "auto" is the dashboard on a terminal and plain lines elsewhere.

    upcoming: the names of the next songs.
    """
    if quiet or style == "off":
        return Off(board)
    if style == "auto":
        style = "bar" if sys.stderr.isatty() else "plain"
    if style == "bar":
        return Dashboard(board, output, upcoming)
    return {"plain": Plain, "json": Json}[style](board)
