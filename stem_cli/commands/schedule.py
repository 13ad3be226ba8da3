"""`stem schedule`: `stem batch` by itself, at set times."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import UsageError
from stem_cli.options import Duration

if TYPE_CHECKING:
    from stem_cli.batch.schedule import Installed, Schedule

_KINDS = ("systemd", "launchd", "cron")
_OPTIONS = "stem_cli.batch_options"
_TYPED = "stem_cli.typed"
_EPILOG = """\b
Examples:
  stem schedule install ~/Music --output ~/Stems --at 03:00
  stem schedule install "Stem Me" --output ~/Stems --every 6h -- --format flac
  stem schedule status
  stem schedule remove batch
"""


@click.group(epilog=_EPILOG)
def schedule() -> None:
    """Run `stem batch` by itself: a systemd timer, a launchd agent or a line in the crontab."""


class _Install(click.Command):
    """What stands behind `--` is for `stem batch`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the rest apart, before click makes one list of both."""
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta[_OPTIONS], ctx.meta[_TYPED] = tuple(args[cut + 1 :]), list(args)
        return super().parse_args(ctx, args[:cut])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Name them in the help."""
        return [*super().collect_usage_pieces(ctx), "[-- OPTIONS OF stem batch...]"]


@schedule.command(cls=_Install)
@click.argument("paths", nargs=-1, required=True, metavar="PATH|LIST...")
@click.option("--output", metavar="DIR|same", help="Where stems go.", show_default="the setting `output`, from here")
@click.option("--at", metavar="HH:MM", help="Once a day at this time.", show_default="03:00")
@click.option("--every", type=Duration(), help="So often, from midnight on: 15m, 6h.")
@click.option("--name", default="batch", show_default=True, help="Of the schedule, where there are several.")
@click.option("--kind", type=click.Choice(_KINDS), help="The scheduler.", show_default="that of this machine")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
@click.pass_context
def install(
    ctx: click.Context,
    paths: tuple[str, ...],
    output: str | None,
    at: str | None,
    every: float | None,
    name: str,
    kind: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run `stem batch PATH... --output DIR --exclusive --quiet` at set times.

    What would be written is shown first, and you are asked. Options for `stem batch` stand at the end behind `--`, with
    whole paths. A schedule of the same name is replaced.
    """
    from stem_cli.batch import schedule as schedules
    from stem_cli.batch.schedule.plan import when_of

    _refuse_unknown(ctx.find_root(), paths, ctx.meta[_OPTIONS])
    where = output or settings_of.load().settings.output
    plan = schedules.planned(name, when_of(at, every), paths, where, ctx.meta[_OPTIONS])
    chosen = schedules.KINDS[kind or schedules.default_kind(plan)]
    shown = chosen.shown(plan)
    if not as_json and not quiet:
        click.echo(shown, nl=not shown.endswith("\n"))
    go = not dry_run and _agreed(yes, as_json or quiet, ctx.meta[_TYPED])
    notes = plan.notes
    if go:
        _refuse_twice(plan, chosen.name)
        notes += chosen.install(plan)
    if as_json:
        click.echo(json.dumps(_planned(plan, chosen.name, shown, go), indent=1))
    elif not quiet:
        _say(plan, notes, go, dry_run)


def _refuse_unknown(root: click.Context, paths: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Raises a usage error for what `stem batch` would refuse when nobody is there to read it."""
    batch = root.command.get_command(root, "batch") if isinstance(root.command, click.Group) else None
    if batch is not None:
        batch.make_context("stem batch", [*options, "--", *paths])


def _agreed(yes: bool, silent: bool, typed: list[str]) -> bool:
    """Whether it may be written. Raises UsageError where nobody can be asked."""
    if yes:
        return True
    if silent or not (sys.stdin.isatty() and sys.stdout.isatty()):
        line = shlex.join(["stem", "schedule", "install", "--yes", *typed])
        raise UsageError("nothing was written, as nobody can be asked", None, f"Type: {line}")
    return click.confirm("Write it?")


def _refuse_twice(plan: Schedule, kind: str) -> None:
    from stem_cli.batch.schedule import all_installed

    other = next((one.kind for one in all_installed() if one.name == plan.name and one.kind != kind), "")
    if other:
        what = f"{plan.name!r} is scheduled by {other} already"
        raise UsageError(what, None, f"Type: stem schedule remove {plan.name}; or choose another --name.")


def _say(plan: Schedule, notes: tuple[str, ...], go: bool, dry_run: bool) -> None:
    for note in notes:
        click.echo(f"stem: {note}", err=True)
    if go:
        click.echo(f"{plan.name} runs {plan.when.words}; `stem schedule status` tells of it.")
    elif not dry_run:
        click.echo("Nothing was written.")


def _planned(plan: Schedule, kind: str, shown: str, go: bool) -> dict[str, Any]:
    return {
        "name": plan.name,
        "kind": kind,
        "when": plan.when.words,
        "command": list(plan.command),
        "environment": dict(plan.environment),
        "text": shown,
        "installed": go,
    }


@schedule.command()
@click.argument("name", default="batch", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
def remove(name: str, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Remove the schedule NAME ("batch" where none is given), and nothing else of a crontab."""
    from stem_cli.batch.schedule import KINDS, all_installed

    found = all_installed()
    here = [one for one in found if one.name == name]
    if not here:
        names = ", ".join(one.name for one in found)
        raise UsageError(f"nothing is scheduled as {name!r}", None, f"There is: {names}." if names else "")
    gone = [place for one in here for place in ((one.place,) if dry_run else KINDS[one.kind].remove(name))]
    if as_json:
        click.echo(json.dumps({"name": name, "removed": [_readable(place) for place in gone], "dry_run": dry_run}))
    elif not quiet:
        for place in gone:
            click.echo(os.fsencode(f"{'would be removed' if dry_run else 'removed'}: {place}"))


@schedule.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(as_json: bool) -> None:
    """Show what is scheduled, when it runs next, and how it went."""
    from stem_cli.batch.schedule import all_installed

    found = all_installed()
    if as_json:
        click.echo(json.dumps([_installed(one) for one in found], indent=1))
        return
    for one in found:
        click.echo(os.fsencode(f"{one.name}: {one.when}, by {one.kind} ({one.place})"))
        click.echo(os.fsencode(f"  {shlex.join(one.command)}"))
        for word, value in one.told.items():
            click.echo(f"  {word}: {value}")
        if one.problem:
            click.echo(os.fsencode(f"  PROBLEM: {one.problem}"))
    if not found:
        click.echo("Nothing is scheduled.")


def _installed(one: Installed) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "when": one.when,
        "command": [_readable(word) for word in one.command],
        "place": _readable(one.place),
        "active": one.active,
        "told": one.told,
        "problem": _readable(one.problem),
    }


def _readable(text: str) -> str:
    return os.fsencode(text).decode("utf-8", "replace")
