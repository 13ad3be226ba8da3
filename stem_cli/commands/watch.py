"""`stem watch`: stems of whatever is dropped into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from stem_cli.errors import InputError
from stem_cli.options import Duration, added
from stem_cli.progress import STYLES
from stem_cli.separation_options import HOW, LIMITS, WHAT, WHERE

_EPILOG = """\b
Examples:
  stem watch ~/Downloads --output ~/Stems
  stem watch /mnt/share/Incoming --output ~/Stems --polling --settle 30s
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="DIR...")
@added(WHAT)
@added(WHERE)
@added(HOW)
@added(LIMITS)
@click.option("--settle", type=Duration(), default="5s", show_default=True,
              help="A file is taken when it has not grown for so long.")  # fmt: skip
@click.option("--polling", is_flag=True, help="Look again and again, for network shares that tell nothing.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Songs side by side.", show_default="decided for you")
@click.option("--nice", is_flag=True, help="Leave the machine to others who want it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a song.")
@click.option("--progress", "style", type=click.Choice(STYLES), default="auto", show_default=True, help="On stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but failures.")
@click.option("-v", "--verbose", is_flag=True, help="Print the log as well.")
def watch(paths: tuple[str, ...], settle: float, polling: bool, **options: Any) -> None:
    """Separate what is dropped into folders, and what came while nobody watched, until Ctrl-C.

    A song is taken once it has stopped growing. It is a batch that never ends: the queue, failures and finished songs
    are those of `stem batch`.
    """
    from stem_cli import allocator, logbook
    from stem_cli.batch import command
    from stem_cli.batch.watch import watch as watch_folders

    for path in map(Path, paths):
        if not os.path.isdir(os.path.expanduser(path)):  # noqa: PTH111, PTH112 - pathlib's own may raise
            raise InputError("there is no such folder", path, "Name a folder to watch.")
    how = command.how_of(paths, options)
    settings = command.settings_for(options)
    logbook.open_log(settings, how.verbose)
    allocator.bound_arenas()
    with logbook.native_quiet(settings):
        watch_folders(settings, how, settle, polling)
