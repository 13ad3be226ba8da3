"""`stem batch`: a whole library into stems, over days if need be."""

from __future__ import annotations

from typing import Any

import click

from stem_cli.errors import UsageError
from stem_cli.options import LIBRARY_OPTIONS, Duration, added
from stem_cli.progress import STYLES
from stem_cli.separation_options import HOW, LIMITS, WHAT, WHERE

_EPILOG = """\b
Examples:
  stem batch ~/Music --output ~/Stems
  stem batch "Stem Me" --library auto --output ~/Stems --format flac
  stem batch ~/Music --plan
  stem batch ~/Music --output ~/Stems --time-budget 6h --nice --exclusive
  stem batch ~/Music --output ~/Stems --retry-failed
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH|CRATE...]")
@added(LIBRARY_OPTIONS)
@added(WHAT)
@added(WHERE)
@added(HOW)
@added(LIMITS)
@click.option("--jobs", type=click.IntRange(0), default=0, help="Songs side by side.", show_default="decided for you")
@click.option("--limit", type=click.IntRange(0), default=0, help="Begin no more than so many songs.",
              show_default="all")  # fmt: skip
@click.option("--time-budget", type=Duration(), help="Begin no song that would end later: 45m, 6h.",
              show_default="no end")  # fmt: skip
@click.option("--nice", is_flag=True, help="Leave the machine to others who want it.")
@click.option("--exclusive", is_flag=True, help="End at once, with exit code 0, where another batch runs.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--upgrade", is_flag=True, help="Make anew what other settings or a lesser engine made.")
@click.option("--verify", is_flag=True, help="Compare the sound of all finished stems with what was written.")
@click.option("--detect-vocals", is_flag=True, help="Listen for vocals in all songs first.")
@click.option("--plan", "--dry-run", "plan", is_flag=True, help="Show the order and why, and do nothing.")
@click.option("--report", metavar="FILE.html", help="Where the report goes.", show_default="the data folder")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a song, and one at the end.")
@click.option("--progress", "style", type=click.Choice(STYLES), default="auto", show_default=True, help="On stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but failures.")
@click.option("-v", "--verbose", is_flag=True, help="Print the log as well.")
def batch(paths: tuple[str, ...], **options: Any) -> None:
    """Separate a library: folders, crates and playlists of DJ programs, one song after the other.

    Give the same command again and it goes on where it was: what is done stays done, what failed is named and not tried
    again. One failing song never stops the others; then the exit code is 6. The order is that of the setting
    batch_rules.
    """
    from stem_cli import allocator, logbook
    from stem_cli.batch import command

    if not paths and not options["crates"]:
        raise UsageError("nothing is named", None, "Name folders, files or lists, or use --crate.")
    how = command.how_of(paths, options)
    settings = command.settings_for(options)
    logbook.open_log(settings, how.verbose)
    allocator.bound_arenas()
    with logbook.native_quiet(settings):
        command.run(settings, how)
