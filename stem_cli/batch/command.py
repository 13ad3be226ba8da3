"""What `stem batch` does, from the names on the command line to the report."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.batch import claims, look, queue, report, room, rules
from stem_cli.batch.board import Board
from stem_cli.batch.prepare import Again, Prepared, prepare
from stem_cli.batch.reorder import is_paused
from stem_cli.batch.report import Row, Summary
from stem_cli.batch.report.summary import length
from stem_cli.batch.run import Course, seats_for
from stem_cli.batch.run import run as run_course
from stem_cli.batch.views import Off, view_of
from stem_cli.batch.wish import output_of, wish_of
from stem_cli.database import text_of
from stem_cli.disk import disk_errors
from stem_cli.errors import BusyError, SomeFailed, StemError
from stem_cli.library.select import Selection, Wanted, songs_named
from stem_cli.separation import Shop, open_shop
from stem_cli.settings import Settings
from stem_cli.split import Asked

_NICE = 10
_MOST_NAMED = 3


@dataclass(frozen=True)
class How:
    """What the command line says beside the settings."""

    wanted: Wanted
    asked: Asked
    again: Again
    jobs: int
    limit: int
    budget_seconds: float
    nice: bool
    exclusive: bool
    detect_vocals: bool
    plan: bool
    report: str
    json: bool
    style: str
    quiet: bool
    verbose: bool


def how_of(paths: tuple[str, ...], options: dict[str, Any]) -> How:
    """Take what is no setting out of the options."""
    take = options.pop
    return How(
        wanted=Wanted(paths, take("crates"), take("libraries"), take("mapping")),
        asked=Asked(
            stems=take("names") or (),
            two_stems=take("two_stems") or "",
            also=take("also") or (),
            keep=take("keep"),
            mute=take("mute") or (),
        ),
        again=Again(take("retry_failed"), take("verify"), take("upgrade")),
        jobs=take("jobs"),
        limit=take("limit"),
        budget_seconds=take("time_budget") or 0.0,
        nice=take("nice"),
        exclusive=take("exclusive"),
        detect_vocals=take("detect_vocals"),
        plan=take("plan"),
        report=take("report") or "",
        json=take("as_json"),
        style=take("style"),
        quiet=take("quiet"),
        verbose=take("verbose"),
    )


@dataclass
class _Hand:
    """What is at hand of a batch: the songs that were named, and what is to be done with them."""

    selection: Selection
    rules: tuple[rules.Rule, ...]
    wish: str
    prepared: Prepared
    by_path: dict[str, Any] = field(default_factory=dict)


def run(settings: Settings, how: How) -> None:
    """The whole batch. Raises StemError: SomeFailed where songs failed, or had failed and are not dismissed."""
    if how.nice:
        _be_nice()
    with open_shop(settings) as shop:
        hand = _prepared(shop, settings, how)
        if how.plan:
            _show_plan(hand, how)
            return
        rows, end = _worked(shop, settings, how, hand)
    _closing(hand, how, rows, end)


def _prepared(shop: Shop, settings: Settings, how: How) -> _Hand:
    """Scan, and sort songs into what is to be done and what is not."""
    output = output_of(settings)
    skip = frozenset() if output == "same" else frozenset({Path(output)})
    table = rules.rules_of(settings.batch_rules)
    wish = wish_of(how.asked, settings)
    found = songs_named(shop.database, replace(how.wanted, skip=skip))
    songs = found.songs
    if how.detect_vocals:
        songs = tuple(look.looked_at(shop, song) for song in songs)
    prepared = prepare(shop.database, output, wish, songs, table, found.crates, how.again)
    return _Hand(found, table, wish, prepared, look.by_path(songs))


def _worked(shop: Shop, settings: Settings, how: How, hand: _Hand) -> tuple[list[Row], StemError | None]:
    """Do what is to be done. Gives what came of each song, and why the batch ended before its time."""
    prepared = hand.prepared
    for text in prepared.lost:
        click.echo(f"stem: {text}; it is separated again", err=True)
    if not prepared.entries:
        return [], None
    output = output_of(settings)
    if output != "same":
        limited = prepared.entries[: how.limit] if how.limit else prepared.entries
        room.require(Path(output), limited, how.asked, settings)
        with disk_errors(Path(output)):
            Path(output).mkdir(parents=True, exist_ok=True)
    data = settings_of.data_dir(settings)
    try:
        with claims.joined(shop.database, data, " ".join(sys.argv[1:])[:500], how.exclusive) as batch:
            queue.enter(shop.database, batch, output, prepared.entries)
            return _run(shop, settings, how, hand, batch)
    except BusyError as error:
        if not how.exclusive:
            raise
        click.echo(f"stem: {error.what}; this one ends", err=True)
        return [], None


def _run(shop: Shop, settings: Settings, how: How, hand: _Hand, batch: str) -> tuple[list[Row], StemError | None]:
    prepared, output = hand.prepared, output_of(settings)
    songs = min(how.limit, len(prepared.entries)) if how.limit else len(prepared.entries)
    board = Board(songs, prepared.seconds, prepared.unknown)
    started = datetime.now()
    crates = hand.selection.crates
    asks = rules.needs_vocals(hand.rules)
    course = Course(
        batch=batch,
        output=output,
        wish=hand.wish,
        asked=how.asked,
        settings=settings,
        jobs=seats_for(settings, how.jobs),
        upgrade=how.again.upgrade,
        limit=how.limit,
        budget_seconds=how.budget_seconds,
        roots=hand.selection.roots,
        paths={text_of(entry.path): entry.path for entry in prepared.entries},
        look=lambda: look.look_ahead(shop, batch, hand.by_path, hand.rules, crates) if asks else None,
    )

    def upcoming() -> list[str]:
        return [Path(job.path).name for job in queue.next_up(shop.database, batch, 5)]

    view = view_of(how.style, how.quiet, board, Path(output), upcoming)
    end: StemError | None = None
    if is_paused(shop.database):
        view.note("the queue is paused; `stem queue resume` lets it go on")
    with _shown(view):
        try:
            run_course(shop, course, board, view.changed, view.note)
        except StemError as error:
            end = error
        waiting = queue.left(shop.database, batch)[0]
    _report(
        Summary(started, datetime.now(), tuple(board.rows), waiting, "" if end is None else end.what), settings, how
    )
    return board.rows, end


@contextmanager
def _shown(view: Off) -> Iterator[None]:
    view.open()
    try:
        yield
    finally:
        view.close()


def _report(summary: Summary, settings: Settings, how: How) -> None:
    """The table and the page; as JSON lines where that is wanted."""
    place = Path(how.report).expanduser() if how.report else None
    if place is None and summary.rows:
        name = f"batch-{summary.started:%Y%m%d-%H%M%S}-{os.getpid()}.html"
        place = settings_of.data_dir(settings) / "reports" / name
    if place is not None:
        report.write(summary, place)
    if how.json:
        for row in summary.rows:
            click.echo(json.dumps(_plain(row), ensure_ascii=True))
        click.echo(json.dumps(_figures(summary, place), ensure_ascii=True))
    elif not how.quiet and summary.rows:
        from rich.console import Console

        report.show(summary, Console(file=sys.stdout))
        click.echo(f"report: {place}")


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


def _closing(hand: _Hand, how: How, rows: list[Row], end: StemError | None) -> None:
    """The last words, and the exit code. Raises StemError."""
    prepared = hand.prepared
    told = not how.quiet and sys.stderr.isatty()
    if told and not prepared.entries and not prepared.failed:
        click.echo(f"nothing to do: {prepared.finished} songs have their stems", err=True)
    if prepared.otherwise and not how.quiet and (told or rows):
        text = (
            f"{prepared.otherwise} songs have stems of other settings or of another engine; --upgrade makes them anew"
        )
        click.echo(f"stem: {text}", err=True)
    if hand.selection.tally.left_out and not how.quiet and (told or rows):
        click.echo(f"stem: {len(hand.selection.tally.left_out)} files are left out; `stem scan` names them", err=True)
    if end is not None:
        raise end
    failed = sum(row.status == "failed" for row in rows)
    if failed or prepared.failed:
        raise SomeFailed(_failures(failed, prepared), None, "`stem queue list --state failed` says why.")


def _failures(failed: int, prepared: Prepared) -> str:
    names = [Path(job.path).name for job in prepared.failed]
    shown = ", ".join(names[:_MOST_NAMED]) + (" ..." if len(names) > _MOST_NAMED else "")
    known = f"{len(names)} failed before and were not tried again ({shown}; --retry-failed does)" if names else ""
    now = f"{failed} of the songs failed" if failed else ""
    return "; ".join(text for text in (now, known) if text)


def _show_plan(hand: _Hand, how: How) -> None:
    """The order and why."""
    entries = hand.prepared.entries
    if how.json:
        plan = [
            {"place": number, "file": text_of(entry.path), "why": entry.why, "seconds": entry.seconds or None}
            for number, entry in enumerate(entries, 1)
        ]
        click.echo(json.dumps({"plan": plan, "finished": hand.prepared.finished, "failed": len(hand.prepared.failed)}))
        return
    width = len(str(len(entries)))
    for number, entry in enumerate(entries, 1):
        click.echo(os.fsencode(f"{number:>{width}}. {text_of(entry.path)}  ({entry.why})"))
    if how.quiet:
        return
    unused = rules.unused(hand.rules, hand.selection.songs, hand.selection.crates, datetime.now().date())
    for rule in unused:
        click.echo(f"stem: the rule {rule.text!r} holds for none of these songs", err=True)
    seconds = length(hand.prepared.seconds)
    click.echo(f"{len(entries)} songs to do ({seconds or '0:00'} of sound), {hand.prepared.finished} done", err=True)


def _be_nice() -> None:
    import psutil

    process = psutil.Process()
    if os.name == "nt":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif process.nice() < _NICE:
        process.nice(_NICE)
