"""What a batch says before it begins and when it ends: the plan, the report, the last words and the exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.batch import report, rules
from stem_cli.batch.prepare import Prepared
from stem_cli.batch.report import Row, Summary
from stem_cli.batch.report.summary import length
from stem_cli.database import text_of
from stem_cli.engines import Engine
from stem_cli.errors import InputError, SomeFailed, StemError, counted
from stem_cli.library import Song
from stem_cli.library.select import Selection
from stem_cli.settings import Settings

_MOST_NAMED = 3


@dataclass
class Hand:
    """What is at hand of a batch: the songs that were named, and what is to be done with them.

    engine: of most songs. light: each song needs no more than a core. by_path: the songs by their names in the queue.
    """

    selection: Selection
    rules: tuple[rules.Rule, ...]
    engine: Engine
    light: bool
    wish: str
    prepared: Prepared
    by_path: dict[str, Song] = field(default_factory=dict)


def require_report(wanted: str, plan: bool) -> None:
    """Before the work: raises OutputError where the page that is wanted could not be written. plan: nothing will be."""
    if wanted and plan:
        report.refuse(_place_of(wanted))
    elif wanted:
        report.require(_place_of(wanted))


def _place_of(wanted: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(wanted)))  # noqa: PTH100, PTH111 - pathlib's own may raise


def write_report(summary: Summary, wanted: str, settings: Settings) -> Path | None:
    """Write the page; None where nothing was done and nobody named a place. Raises OutputError."""
    place = _place_of(wanted) if wanted else None
    if place is None and summary.rows:
        name = f"batch-{summary.started:%Y%m%d-%H%M%S}-{os.getpid()}.html"
        place = settings_of.data_dir(settings) / "reports" / name
    if place is not None:
        report.write(summary, place)
    return place


def print_report(summary: Summary, place: Path | None, as_json: bool, quiet: bool, output: str = "") -> None:
    """The table, or a line of JSON."""
    if as_json:
        click.echo(json.dumps(_figures(summary, place), ensure_ascii=True))
    elif not quiet and summary.rows:
        from rich.console import Console

        report.show(summary, Console(file=sys.stdout))
        click.echo(os.fsencode(f"stems: {_where(output)}"))
        click.echo(f"report: {place}")


def _where(output: str) -> str:
    return "beside each song" if output == "same" else output


def print_row(row: Row) -> None:
    """A song that has ended, as a line of JSON."""
    click.echo(json.dumps(_plain(row), ensure_ascii=True))


def _plain(row: Row) -> dict[str, Any]:
    return {
        "file": text_of(row.path),
        "status": row.status,
        "engine": row.engine,
        "song_seconds": round(row.song_seconds, 3),
        "work_seconds": round(row.work_seconds, 3),
        "vocals_db": row.vocals_db,
        "poor": row.poor,
        "folder": None if row.folder is None else text_of(row.folder),
        "error": row.error,
    }


def _figures(summary: Summary, place: Path | None) -> dict[str, Any]:
    return {
        "summary": summary.counts,
        "left": summary.left,
        "seconds": round(summary.seconds, 1),
        "song_seconds": round(summary.song_seconds, 1),
        "ended_early": summary.why,
        "report": None if place is None else text_of(place),
    }


def tell_missing(selection: Selection, quiet: bool) -> None:
    """Songs of lists that are not there, and that nothing is here. Raises InputError where a list has no song left."""
    count = selection.missing
    if count and not quiet:
        text = f"{counted(count, 'song')} of the lists {'is' if count == 1 else 'are'} not there"
        click.echo(f"stem: {text}; `stem scan` names them, --map says where they lie here", err=True)
    for note in () if quiet else selection.tally.notes:
        click.echo(f"stem: {note}", err=True)
    if selection.songs:
        return
    if not selection.roots:
        raise InputError("there is no song here", None, "Name other folders, files or lists; `stem scan` shows them.")
    if not quiet:  # a folder that things are dropped into may well be empty
        click.echo("stem: there is no song here", err=True)


def close(hand: Hand, quiet: bool, rows: Sequence[Row], end: StemError | None) -> None:
    """The last words, and the exit code. Raises StemError."""
    prepared = hand.prepared
    told = not quiet and sys.stderr.isatty()
    if told and not prepared.entries and not prepared.failed:
        click.echo(f"nothing to do: {_have(prepared.finished)} their stems", err=True)
    if prepared.otherwise and not quiet and (told or rows):
        text = f"{_have(prepared.otherwise)} stems of other settings or of another engine; --upgrade makes them anew"
        click.echo(f"stem: {text}", err=True)
    left_out = len(hand.selection.tally.left_out) - hand.selection.missing
    if left_out and not quiet and (told or rows):
        text = f"{counted(left_out, 'file')} {'is' if left_out == 1 else 'are'} left out"
        click.echo(f"stem: {text}; `stem scan` names them", err=True)
    if end is not None:
        raise end
    failed = sum(row.status == "failed" for row in rows)
    if failed or prepared.failed:
        raise SomeFailed(_failures(failed, prepared), None, "`stem queue list --state failed` says why.")


def _have(count: int) -> str:
    return f"{counted(count, 'song')} {'has' if count == 1 else 'have'}"


def _failures(failed: int, prepared: Prepared) -> str:
    names = [Path(job.path).name for job in prepared.failed]
    shown = ", ".join(names[:_MOST_NAMED]) + (" ..." if len(names) > _MOST_NAMED else "")
    was = "was" if len(names) == 1 else "were"
    known = f"{len(names)} failed before and {was} not tried again ({shown}; --retry-failed does)" if names else ""
    now = f"{failed} of the songs failed" if failed else ""
    return "; ".join(text for text in (now, known) if text)


def show_plan(hand: Hand, as_json: bool, quiet: bool, output: str) -> None:
    """The order and why."""
    entries = hand.prepared.entries
    if as_json:
        plan = [
            {
                "place": number,
                "file": text_of(entry.path),
                "why": entry.why,
                "priority": entry.lane,
                "seconds": entry.seconds or None,
            }
            for number, entry in enumerate(entries, 1)
        ]
        click.echo(
            json.dumps(
                {
                    "plan": plan,
                    "finished": hand.prepared.finished,
                    "failed": len(hand.prepared.failed),
                    "missing": hand.selection.missing,
                }
            )
        )
        return
    width = len(str(len(entries)))
    for number, entry in enumerate(entries, 1):
        said = f"priority {entry.lane}; " if entry.lane else ""
        click.echo(os.fsencode(f"{number:>{width}}. {text_of(entry.path)}  ({said}{entry.why})"))
    if quiet:
        return
    unused = rules.unused(hand.rules, hand.selection.songs, hand.selection.crates, date.today())
    for rule in unused:
        click.echo(f"stem: the rule {rule.text!r} holds for none of these songs", err=True)
    seconds = length(hand.prepared.seconds)
    click.echo(
        f"{counted(len(entries), 'song')} to do ({seconds or '0:00'} of sound), {hand.prepared.finished} done", err=True
    )
    click.echo(os.fsencode(f"stems: {_where(output)}"), err=True)
