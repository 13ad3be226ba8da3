"""`stem scan`: what is in a library, and what is new in it."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import UsageError, counted
from stem_cli.options import LIBRARY_OPTIONS, added

_EPILOG = """\b
Examples:
  stem scan ~/Music
  stem scan "Stem Me" --library auto
  stem scan ~/Music/_Serato_ rekordbox.xml --map "D:/Music=/media/dj/Music"
  stem scan ~/Music --list --new
  stem scan ~/Music --json
"""
_MOST = 20
"""Files that are left out are told up to so many; --json tells all."""


@click.command(epilog=_EPILOG)
@click.argument("names", nargs=-1, metavar="[PATH|CRATE...]")
@added(LIBRARY_OPTIONS)
@click.option("--detect-vocals", is_flag=True, help="Listen for vocals in songs whose tags do not tell.")
@click.option(
    "--list",
    "listed",
    is_flag=True,
    help="Print a line a song: artist - title, BPM, key, vocals, path, with tabs between.",
)
@click.option("--new", "fresh", is_flag=True, help="Print such lines of new and changed songs only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with all that is known of each song.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but faults.")
def scan(
    names: tuple[str, ...], detect_vocals: bool, listed: bool, fresh: bool, as_json: bool, quiet: bool, **where: Any
) -> None:
    """Read the tags of a library: folders, playlists, crates, collections of DJ programs.

    Files are only read. What has not changed since the last scan is not read again; a song that was moved is
    recognised. With --list, what is counted goes to stderr.
    """
    from stem_cli import logbook
    from stem_cli.batch import look
    from stem_cli.library.select import Wanted, songs_named
    from stem_cli.separation import open_shop

    if not names and not where["crates"]:
        raise UsageError("nothing is named", None, "Name folders, files or lists, or use --crate.")
    settings = settings_of.load().settings
    logbook.open_log(settings)
    with logbook.native_quiet(settings), open_shop(settings) as shop:
        with _advancing(quiet) as advance:
            found = songs_named(shop.database, Wanted(names, **where), advance)
        songs = found.songs
        if detect_vocals:
            songs = tuple(look.all_looked_at(shop, songs))
    shown = [song for song in songs if not fresh or song.path in found.tally.fresh]
    if as_json:
        click.echo(json.dumps(_as_json(found, shown), ensure_ascii=True))
    elif not quiet:
        for song in shown if listed or fresh else ():
            click.echo(os.fsencode(_line(song)))
        click.echo(os.fsencode("\n".join(_lines(found, songs))), err=listed or fresh)


@contextmanager
def _advancing(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Says how far it is, on a terminal, and takes that away again."""
    told, total = not quiet and sys.stderr.isatty(), 0

    def advance(count: int) -> None:
        nonlocal total
        total += count
        if told:
            sys.stderr.write(f"\r{total} files")

    try:
        yield advance
    finally:
        if total and told:
            sys.stderr.write("\r\033[K")


def _lines(found: Any, songs: Any) -> list[str]:
    tally = found.tally
    known = [song.seconds for song in songs if song.seconds]
    lines = [
        f"{counted(len(songs), 'song')}, {sum(known) / 3600:.1f} hours"
        f" ({tally.new} new, {tally.changed} changed, {tally.moved} moved, {tally.gone} gone)"
    ]
    vocals = [sum(song.vocals == word for song in songs) for word in ("yes", "no", "unknown")]
    lines.append(f"vocals: {vocals[0]} yes, {vocals[1]} no, {vocals[2]} unknown")
    lines += [
        f"list {crate.name or crate.source.name}: {counted(len(crate.entries), 'song')}"
        for crate in found.lists[:_MOST]
    ]
    if len(found.lists) > _MOST:
        lines.append(f"and {len(found.lists) - _MOST} more lists")
    lines += tally.notes
    if tally.left_out:
        lines.append(f"{len(tally.left_out)} are left out:")
        lines += [f"  {text}" for text in tally.left_out[:_MOST]]
    if len(tally.left_out) > _MOST:
        lines.append(f"  and {len(tally.left_out) - _MOST} more (--json tells all)")
    return lines


def _line(song: Any) -> str:
    """A song in one line, whatever its tags hold."""
    name = f"{song.artist} - {song.title}" if song.artist and song.title else song.title or song.path.stem
    told = (name, "" if song.bpm is None else f"{song.bpm:g}", song.key, song.vocals)
    return "\t".join((*(" ".join(text.split()) for text in told), str(song.path)))


def _as_json(found: Any, songs: Any) -> dict[str, Any]:
    tally = found.tally
    return {
        "songs": [_plain(song) for song in songs],
        "lists": [
            {"name": crate.name, "source": str(crate.source), "songs": len(crate.entries), "left_out": crate.left_out}
            for crate in found.lists
        ],
        "new": tally.new,
        "changed": tally.changed,
        "moved": tally.moved,
        "gone": tally.gone,
        "left_out": tally.left_out,
        "notes": tally.notes,
    }


def _plain(song: Any) -> dict[str, Any]:
    from stem_cli.database import text_of

    return {**dataclasses.asdict(song), "path": text_of(song.path)}
