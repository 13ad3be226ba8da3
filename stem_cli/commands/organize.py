"""`stem organize`: stems into the folders, formats and lists of DJ programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import SomeFailed, StemError, counted
from stem_cli.options import LIBRARY_OPTIONS, PROGRAMS, STEM_NAMES, Pair, added

_EPILOG = """\b
Examples:
  stem organize stems --for rekordbox,serato --output ~/DJ/Stems
  stem organize stems --for traktor,mixxx --output ~/DJ/Stems --layout by-stem
  stem organize stems --for rekordbox --rekordbox-xml ~/rekordbox.xml --output ~/DJ/Stems
  stem organize stems --for cdj --output /media/dj/STICK/Stems --path-map /media/dj/STICK=E:/
  stem organize separated/htdemucs --for serato --output ~/DJ/Stems --dry-run
"""


@click.command(epilog=_EPILOG)
@click.argument("folders", nargs=-1, required=True, metavar="STEMS...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--for", "programs", type=PROGRAMS, required=True, help=f"Parted by commas, of: {', '.join(PROGRAMS.known)}."
)
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR",
              help="Where they go.")  # fmt: skip
@click.option("--layout", type=click.Choice(("per-track", "by-stem", "mirror")), default="per-track", show_default=True,
              help="A folder a song, a folder a stem, or the tree of your library.")  # fmt: skip
@click.option("--root", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Of the library, for --layout mirror.", show_default="what all songs have in common")  # fmt: skip
@click.option("--naming", default="dj", show_default=True, metavar="dj|classic|TEMPLATE",
              help="'Artist - Title (Vocals)', 'SongName_Vocals', or a template: '{title} ({stem})'.")  # fmt: skip
@click.option("--stems", "only", type=STEM_NAMES, help="Only these stems, parted by commas.", show_default="all")
@click.option("--codec", type=click.Choice(("aac", "alac")), default="aac", show_default=True,
              help="Inside of .stem.mp4; Traktor on Windows opens only aac.")  # fmt: skip
@click.option("--no-stem-files", is_flag=True, help="Make no .stem.mp4.")
@click.option("--serato-stems", is_flag=True,
              help="Experimental: also Serato's own files, to be put beside songs (WAV, AIFF, FLAC).")  # fmt: skip
@click.option("--link/--copy", "link", default=False, help="Hard links where a file will do as it is.",
              show_default="copy")  # fmt: skip
@click.option("--rekordbox-xml", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Your own export: stems take over grid, cues, key, rating and colour of their songs.")  # fmt: skip
@added(LIBRARY_OPTIONS)
@click.option("--path-map", multiple=True, type=Pair(), metavar="OLD=NEW",
              callback=lambda _ctx, _param, pairs: dict(pairs),
              help="Lists name OLD as the DJ's computer sees it: NEW, as E:/ or /Volumes/STICK.")  # fmt: skip
@click.option("--install", is_flag=True,
              help="Put the crates into Serato's own folder too: only new files, after a backup.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but faults.")
def organize(
    folders: tuple[Path, ...],
    programs: tuple[str, ...],
    output: Path,
    layout: str,
    root: Path | None,
    naming: str,
    only: tuple[str, ...] | None,
    codec: str,
    no_stem_files: bool,
    serato_stems: bool,
    link: bool,
    path_map: dict[str, str],
    install: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **known: Any,
) -> None:
    """Put stems where DJ programs find them: names, formats, folders, playlists.

    STEMS are folders that stem-cli or another tool made, or folders with such in them. Nothing of yours is changed:
    files go to --output, and only files that this command wrote there are ever replaced. Lists name the songs of all
    runs that are still there. One failing song never stops the others; then the exit code is 6.
    """
    from stem_cli import logbook
    from stem_cli.organize import Arrangement, Asked, How, demand, organized

    settings = settings_of.load().settings
    logbook.open_log(settings)
    wanted = demand(programs)
    how = Arrangement(wanted, layout, naming, root, not no_stem_files, only or ())
    files = How(link, codec, wanted.crates)
    asked = Asked(folders, programs, output, how, files, path_map, install, dry_run, serato_stems, **known)
    outcome = organized(asked, settings, lambda note: None if quiet else click.echo(f"stem: {note}", err=True))
    if as_json:
        found = {
            "written": outcome.written,
            "there": outcome.there,
            "songs": len(outcome.plan.songs),
            "without": outcome.plan.without,
            "notes": outcome.notes,
            "failed": {name: str(error) for name, error in outcome.failed.items()},
        }
        click.echo(json.dumps(found, ensure_ascii=True))
    elif not quiet:
        click.echo(os.fsencode("\n".join(outcome.written)))
        verbs = ("would be written", "are") if dry_run else ("written", "were")
        done, written = counted(len(outcome.plan.songs), "song"), counted(len(outcome.written), "file")
        click.echo(f"{done}: {written} {verbs[0]}, {len(outcome.there)} {verbs[1]} there", err=True)
    songs = {*(song.name for song in outcome.plan.songs), *outcome.failed}
    _end(list(outcome.failed.values()), len(songs), dry_run)


def _end(failed: list[StemError], songs: int, dry_run: bool) -> None:
    if not failed:
        return
    if songs == 1:
        raise failed[0]
    for error in failed:
        click.echo(f"stem: {error}", err=True)
    others = "" if dry_run or len(failed) == songs else "The others are done."
    verb = "cannot be" if dry_run else "could not be"
    raise SomeFailed(f"{len(failed)} of {songs} songs {verb} organized in full", None, others)
