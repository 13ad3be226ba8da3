"""`stem queue`: what batches have to do, and in which order."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import InputError

if TYPE_CHECKING:
    from stem_cli.batch.queue import Job

_STATES = ("queued", "running", "failed", "done", "dismissed")
_EPILOG = """\b
Examples:
  stem queue list
  stem queue list --state failed
  stem queue top "~/Music/House/*.mp3"
  stem queue pause
  stem queue resume
"""
_WHICH = "JOB|FILE..."
"""Numbers of `stem queue list`, files, or patterns of files."""


@click.group(epilog=_EPILOG)
def queue() -> None:
    """Show and reorder what batches have to do, also while they run."""


@queue.command("list")
@click.option(
    "--state", type=click.Choice(_STATES), multiple=True, help="Only these.", show_default="queued, running, failed"
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="So many of them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document with all of them.")
def list_(state: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show jobs in the order in which they are taken."""
    from stem_cli.batch import claims, reorder
    from stem_cli.batch.queue import jobs

    settings = settings_of.load().settings
    with _database() as database:
        batches = claims.running(database, settings_of.data_dir(settings))
        found = [job for job in jobs(database) if job.state in (state or _STATES[:3])]
        paused = reorder.is_paused(database)
    if as_json:
        rows = [dataclasses.asdict(job) for job in found]
        click.echo(json.dumps({"paused": paused, "batches": batches, "jobs": rows}, ensure_ascii=True))
        return
    several = len({job.output for job in found}) > 1
    for job in found[:limit]:
        click.echo(os.fsencode(_line(job, several)))
    _say_rest(len(found), limit, paused, batches)


def _songs(count: int) -> str:
    return "1 song is" if count == 1 else f"{count} songs are"


def _say_rest(count: int, limit: int, paused: bool, batches: list[str]) -> None:
    if count > limit:
        click.echo(f"and {count - limit} more", err=True)
    if not count:
        click.echo("nothing is in the queue", err=True)
    if paused:
        click.echo("the queue is paused", err=True)
    for batch in batches:
        click.echo(f"a batch runs: {batch}", err=True)


def _line(job: Job, several: bool) -> str:
    """One job. several: there are jobs of several output folders, so each tells its own."""
    lane = f" priority {job.lane}" if job.lane else ""
    where = f" -> {job.output}" if several else ""
    why = job.error.removeprefix(f"{job.path}: ") if job.state in ("failed", "dismissed") else job.why
    return f"{job.id:>6}  {job.state:9} {job.path}{where}{lane}  ({why})"


@queue.command()
@click.argument("which", nargs=-1, required=True, metavar=_WHICH)
def top(which: tuple[str, ...]) -> None:
    """Do these next, in this order."""
    from stem_cli.batch import reorder

    with _found(which, "queued") as (database, jobs):
        reorder.to_top(database, jobs)


@queue.command()
@click.argument("which", nargs=-1, required=True, metavar=_WHICH)
def bottom(which: tuple[str, ...]) -> None:
    """Do these last, after all others."""
    from stem_cli.batch import reorder

    with _found(which, "queued") as (database, jobs):
        reorder.to_bottom(database, jobs)


@queue.command(context_settings={"ignore_unknown_options": True})
@click.argument("number", type=click.IntRange(-1_000_000, 1_000_000))
@click.argument("which", nargs=-1, required=True, metavar=_WHICH)
def priority(number: int, which: tuple[str, ...]) -> None:
    """Give these a priority: higher comes first, 0 is what all others have."""
    from stem_cli.batch import reorder

    with _found(which, "queued") as (database, jobs):
        reorder.set_priority(database, jobs, number)


@queue.command()
@click.argument("which", nargs=-1, metavar="[JOB|FILE...]")
def retry(which: tuple[str, ...]) -> None:
    """Try failed ones again with the next batch; without a name, all that failed. Dismissed ones have to be named."""
    from stem_cli.batch import reorder

    states = ("failed", "dismissed") if which else ("failed",)
    with _found(which or ("*",), *states) as (database, jobs):
        reorder.retry(database, jobs)
    click.echo(f"{_songs(len(jobs))} in the queue again", err=True)


@queue.command()
@click.argument("which", nargs=-1, required=True, metavar=_WHICH)
def dismiss(which: tuple[str, ...]) -> None:
    """Leave these alone for good, until their files change; '*' is all that failed."""
    from stem_cli.batch import reorder

    states = ("failed",) if which == ("*",) else ("failed", "queued")
    with _found(which, *states) as (database, jobs):
        reorder.dismiss(database, jobs)
    click.echo(f"{_songs(len(jobs))} dismissed", err=True)


@queue.command()
def pause() -> None:
    """Begin no further song; those that are worked on are finished."""
    from stem_cli.batch import reorder

    with _database() as database:
        reorder.pause(database, paused=True)


@queue.command()
def resume() -> None:
    """Begin songs again after a pause."""
    from stem_cli.batch import reorder

    with _database() as database:
        reorder.pause(database, paused=False)


@contextmanager
def _database() -> Iterator[Any]:
    from stem_cli.database import open_database

    settings = settings_of.load().settings
    database = open_database(settings.database_url, settings_of.data_dir(settings))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _found(which: tuple[str, ...], *states: str) -> Iterator[Any]:
    """The database, and the jobs that are meant, each once. Raises InputError for what means none."""
    from stem_cli.batch.meant import Meant
    from stem_cli.batch.queue import jobs

    with _database() as database:
        known = [job for job in jobs(database) if job.state in states]
        index, found = Meant(known), dict[int, Any]()
        for word in which:
            meant = index.by(word)
            if not meant and word != "*":
                hint = "`stem queue list` shows them; patterns are put in quotes."
                raise InputError(f"no job that is {' or '.join(states)} is meant by {word!r}", None, hint)
            found.update((job.id, job) for job in meant)
        yield database, list(found.values())
