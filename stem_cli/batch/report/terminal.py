"""The report of a batch as tables in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stem_cli.batch.report.summary import Row, Summary, advice, length, readable, speed, totals, vocals

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOST_FAILURES = 50
"""So many failures are shown in a terminal; the page shows all."""


def show(summary: Summary, console: Console) -> None:
    """Print the totals, the failures with what to do, the engines and the slowest tracks."""
    console.print(_totals(summary))
    failed = summary.of["failed"]
    if failed:
        console.print(_failures(failed[:MOST_FAILURES]))
    if len(failed) > MOST_FAILURES:
        console.print(f"and {len(failed) - MOST_FAILURES} more failures", style="red")
    if summary.engines:
        console.print(_engines(summary))
    if len(summary.slowest) > 1:
        console.print(_slowest(summary.slowest))


def _table(title: str, *columns: str) -> Table:
    """Columns that end with a blank are numbers."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column.strip(), justify="right" if column.endswith(" ") else "left", overflow="fold")
    return table


def _add(table: Table, *cells: str, style: str = "") -> None:
    """Texts as they are: nothing in a name is markup."""
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells), style=style)


def _totals(summary: Summary) -> Table:
    table = _table("The batch", "", "")
    table.show_header = False
    for name, value in totals(summary):
        _add(table, name, value, style="bold red" if name in ("failed", "ended early") else "")
    return table


def _failures(rows: tuple[Row, ...]) -> Table:
    table = _table("Failed", "track", "what happened", "what to do")
    for row in rows:
        _add(table, readable(row.path), readable(row.error), readable(advice(row)))
    return table


def _engines(summary: Summary) -> Table:
    table = _table("Engines", "engine", "tracks ", "music ", "work ", "x real time ", "vocals, median ", "poor ")
    for one in summary.engines:
        times = length(one.song_seconds), length(one.work_seconds), speed(one.times_real_time)
        _add(table, readable(one.name), str(one.tracks), *times, vocals(one), str(one.poor or ""))
    return table


def _slowest(rows: tuple[Row, ...]) -> Table:
    table = _table("The slowest", "track", "length ", "work ", "engine")
    for row in rows:
        _add(table, readable(row.path), length(row.song_seconds), length(row.work_seconds), readable(row.engine))
    return table
