"""What `stem batch` does, from the names on the command line to the report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.batch import claims, look, queue, room, rules, telling, trouble
from stem_cli.batch.board import Board
from stem_cli.batch.dashboard import view_of
from stem_cli.batch.finished import require_home
from stem_cli.batch.prepare import Again, prepare
from stem_cli.batch.reorder import is_paused
from stem_cli.batch.report import Row, Summary
from stem_cli.batch.run import Course, seats_for
from stem_cli.batch.run import run as run_course
from stem_cli.batch.telling import Hand
from stem_cli.batch.views import Off
from stem_cli.batch.wish import is_light, output_of, typical, wish_of
from stem_cli.database import key_of
from stem_cli.disk import disk_errors
from stem_cli.errors import BusyError, StemError, UsageError
from stem_cli.folder.place import METADATA
from stem_cli.library.select import Wanted, songs_named
from stem_cli.separation import Shop, open_shop
from stem_cli.separation_options import refuse_contradictions
from stem_cli.settings import Settings
from stem_cli.split import Asked

_NICE = 10
_MANY = 8
"""From so many songs on, processes for them are worth their start, which takes about a second of a core each."""


@dataclass(frozen=True)
class How:
    """What the command line says beside the settings. summary: whether a report is wanted at the end."""

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
    summary: bool = True


_OURS = (
    *("crates", "libraries", "mapping", "names", "two_stems", "also", "keep", "mute", "jobs", "limit", "time_budget"),
    *("nice", "exclusive", "retry_failed", "verify", "upgrade", "detect_vocals", "plan", "report", "as_json", "style"),
    *("quiet", "verbose"),
)
"""Options that are no settings."""


def how_of(paths: tuple[str, ...], options: dict[str, Any]) -> How:
    """What the options say beside the settings."""
    get = options.get
    return How(
        wanted=Wanted(paths, get("crates") or (), get("libraries") or (), get("mapping") or {}),
        asked=Asked(
            stems=get("names") or (),
            two_stems=get("two_stems") or "",
            also=get("also") or (),
            keep=bool(get("keep")),
            mute=get("mute") or (),
        ),
        again=Again(bool(get("retry_failed")), bool(get("verify")), bool(get("upgrade"))),
        jobs=get("jobs") or 0,
        limit=get("limit") or 0,
        budget_seconds=get("time_budget") or 0.0,
        nice=bool(get("nice")),
        exclusive=bool(get("exclusive")),
        detect_vocals=bool(get("detect_vocals")),
        plan=bool(get("plan")),
        report=get("report") or "",
        json=bool(get("as_json")),
        style=get("style") or "auto",
        quiet=bool(get("quiet")),
        verbose=bool(get("verbose")),
    )


def settings_for(options: dict[str, Any]) -> Settings:
    """The settings of a command that separates many songs. Raises UsageError for what contradicts itself."""
    refuse_contradictions(options)
    rest = {name: value for name, value in options.items() if name not in _OURS}
    settings = settings_of.load(format=rest.pop("format_"), **rest).settings
    if settings.damaged == "ask":
        what = "nobody is there to be asked about damaged songs"
        raise UsageError(what, None, "Use --damaged error, skip or take.")
    return settings


def run(settings: Settings, how: How) -> None:
    """The whole batch. Raises StemError: SomeFailed where songs failed, or had failed and are not dismissed."""
    if how.nice:
        _be_nice()
    telling.require_report(how.report, how.plan)
    with open_shop(settings) as shop:
        if how.exclusive and not how.plan and (others := claims.running(shop.database, settings_of.data_dir(settings))):
            _give_way(f"another batch runs ({others[0]})", how)
            return
        hand = _prepared(shop, settings, how)
        telling.tell_missing(hand.selection, how.quiet)
        if how.plan:
            telling.show_plan(hand, how.json, how.quiet, output_of(settings))
            return
        try:
            rows, end = _worked(shop, settings, how, hand)
        except BusyError as error:
            if not how.exclusive:
                raise
            _give_way(error.what, how)
            return
    telling.close(hand, how.quiet, rows, end)


def _give_way(what: str, how: How) -> None:
    if not how.quiet:
        click.echo(f"stem: {what}; this one ends", err=True)


def once(settings: Settings, how: How) -> tuple[list[Row], StemError | None]:
    """What is new in the same songs: what came of each, and why it ended before its time. Raises StemError."""
    with open_shop(settings) as shop:
        return _worked(shop, settings, how, _prepared(shop, settings, how))


def _prepared(shop: Shop, settings: Settings, how: How) -> Hand:
    """Scan, and sort songs into what is to be done and what is not."""
    output = output_of(settings)
    if output != "same" and not how.again.verify:
        require_home(shop.database, Path(output))
    skip = _stems_beside(shop) if output == "same" else frozenset({Path(output)})
    table = rules.rules_of(settings.batch_rules)
    choice = typical(how.asked, settings)
    wish = wish_of(how.asked, settings, choice)
    found = songs_named(shop.database, replace(how.wanted, skip=skip - _named(how.wanted)))
    songs = found.songs
    if how.detect_vocals:
        songs = tuple(look.all_looked_at(shop, songs))
    claims.running(shop.database, settings_of.data_dir(settings))  # what dead batches had in hand is free, or failed
    prepared = prepare(shop.database, output, wish, songs, table, found.crates, how.again)
    light = is_light(how.asked, settings, choice)
    return Hand(found, table, choice.engine, light, wish, prepared, look.by_path(songs))


def _named(wanted: Wanted) -> frozenset[Path]:
    """What the user names is searched whatever lies there; stems are told apart by their metadata."""
    return frozenset(Path(os.path.abspath(os.path.expanduser(name))) for name in wanted.names)  # noqa: PTH100, PTH111


def _stems_beside(shop: Shop) -> frozenset[Path]:
    """Folders of stems that lie among the songs: known from the queue, they need not be opened to be told."""
    found = (Path(job.folder) for job in queue.jobs(shop.database, "same") if job.folder)
    return frozenset(metadata.parent for metadata in found if metadata.name == METADATA)


def _worked(shop: Shop, settings: Settings, how: How, hand: Hand) -> tuple[list[Row], StemError | None]:
    """Do what is to be done. Gives what came of each song, and why the batch ended before its time."""
    prepared = hand.prepared
    for path, fault in prepared.lost.items():
        click.echo(f"stem: {path}: {fault}; it is separated again", err=True)
    if not prepared.entries:
        if how.summary and how.json:
            telling.print_report(Summary(datetime.now(), datetime.now(), (), 0, ""), None, how.json, how.quiet)
        return [], None
    output = output_of(settings)
    if output != "same":
        limited = prepared.entries[: how.limit] if how.limit else prepared.entries
        needed = room.require(Path(output), limited, how.asked, settings)
        with disk_errors(Path(output)):
            Path(output).mkdir(parents=True, exist_ok=True)
        shop = replace(shop, cache=room.beside(shop.cache, Path(output), needed))
    data = settings_of.data_dir(settings)
    with claims.joined(shop.database, data, " ".join(sys.argv[1:])[:500], how.exclusive) as batch:
        queue.enter(shop.database, batch, output, prepared.entries)
        return _run(shop, settings, how, hand, batch)


def _run(shop: Shop, settings: Settings, how: How, hand: Hand, batch: str) -> tuple[list[Row], StemError | None]:
    prepared, output = hand.prepared, output_of(settings)
    entries = prepared.entries[: how.limit] if how.limit else prepared.entries
    board = Board(len(entries), sum(one.seconds for one in entries), sum(not one.seconds for one in entries))
    started = datetime.now()
    crates = hand.selection.crates
    asks = rules.needs_vocals(hand.rules)
    apart = hand.light and how.jobs != 1 and len(entries) >= _MANY
    course = Course(
        batch=batch,
        output=output,
        wish=hand.wish,
        asked=how.asked,
        settings=settings,
        jobs=seats_for(hand.engine, how.jobs, apart),
        networks=hand.engine.networks,
        apart=apart,
        upgrade=how.again.upgrade,
        limit=how.limit,
        budget_seconds=how.budget_seconds,
        roots=trouble.homes_of([entry.path for entry in prepared.entries], hand.selection.roots),
        paths={key_of(entry.path): entry.path for entry in prepared.entries},
        look=lambda: look.look_ahead(shop, batch, hand.by_path, hand.rules, crates) if asks else None,
    )

    def upcoming() -> list[str]:
        return [Path(job.path).name for job in queue.next_up(shop.database, batch, 5)]

    view = view_of(how.style, how.quiet, board, Path(output), upcoming)
    view.each = telling.print_row if how.json else lambda row: None  # noqa: ARG005
    end: StemError | None = None
    if is_paused(shop.database):
        view.note("the queue is paused; `stem queue resume` lets it go on")
    with _shown(view):
        try:
            run_course(shop, course, board, view.changed)
        except StemError as error:
            end = error
        waiting = queue.left(shop.database, batch)[0]
    why = "" if end is None else end.what
    summary = Summary(started, datetime.now(), tuple(board.rows), waiting, why)
    place = telling.write_report(summary, how.report, settings) if how.summary else None
    if how.summary:
        telling.print_report(summary, place, how.json, how.quiet, output)
    return board.rows, end


@contextmanager
def _shown(view: Off) -> Iterator[None]:
    view.open()
    try:
        yield
    finally:
        view.close()


def _be_nice() -> None:
    import psutil

    process = psutil.Process()
    if os.name == "nt":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif process.nice() < _NICE:
        process.nice(_NICE)
