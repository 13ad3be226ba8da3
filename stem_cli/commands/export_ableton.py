"""`stem export-ableton`: stems as a project for Ableton Live."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stem_cli import settings as settings_of
from stem_cli.errors import UsageError
from stem_cli.options import Bpm

if TYPE_CHECKING:
    from stem_cli.ableton import Song, Stems
    from stem_cli.database import Database
    from stem_cli.dsp.beats import BeatGrid

_EPILOG = """\b
Examples:
  stem export-ableton stems/Artist-Song_1a2b3c4d
  stem export-ableton stems/one_1a2b3c4d stems/two_5e6f7a8b --arrange stacked --bpm 124
  stem export-ableton stems/one_1a2b3c4d --warp neutral --output ~/Music/Live
"""
_ARRANGEMENTS, _WARPS = ("end-to-end", "stacked"), ("remix", "neutral")


@click.command("export-ableton", epilog=_EPILOG)
@click.argument("folders", nargs=-1, required=True, metavar="STEMFOLDER...",
                type=click.Path(exists=True, path_type=Path))  # fmt: skip
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="DIR",
              show_default="the folder you are in", help="Where the project's folder goes.")  # fmt: skip
@click.option("--bpm", type=Bpm(20, 999), show_default="that of the first song", metavar="BPM",
              help="Tempo of the set; songs of another one are stretched to it.")  # fmt: skip
@click.option("--link/--copy", "link", default=False, show_default="copy",
              help="Hard links to stems that Live plays as they are.")  # fmt: skip
@click.option("--warp", type=click.Choice(_WARPS), default="remix", show_default=True,
              help="How Live stretches: well at another tempo, or not at all at the song's own.")  # fmt: skip
@click.option("--tempo-automation", is_flag=True,
              help="The set follows the beats of its songs, so that none is stretched.")  # fmt: skip
@click.option("--no-reference", is_flag=True, help="Leave out the muted track with the song itself.")
@click.option("--arrange", type=click.Choice(_ARRANGEMENTS), default="end-to-end", show_default=True,
              help="Several songs: one after another, or all from the beginning.")  # fmt: skip
@click.option("--force", is_flag=True,
              help="Into a project that is there already; its old set is kept in its Backup folder.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but faults.")
def export_ableton(
    folders: tuple[Path, ...],
    output: Path,
    bpm: float | None,
    link: bool,
    warp: str,
    tempo_automation: bool,
    no_reference: bool,
    arrange: str,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a project for Ableton Live 11 or 12 out of stems: in tempo, warped, coloured, in groups.

    Each STEMFOLDER becomes a group with a track for every stem; folders of other tools are known by the names of their
    files. Nothing in a project that is there already is lost, not even with --force.
    """
    from stem_cli import logbook
    from stem_cli.ableton import How, as_dict, carry_out, foretold, lines, plan
    from stem_cli.database import open_database

    if tempo_automation and bpm is not None:
        raise UsageError("--bpm and --tempo-automation contradict each other", None, "Leave one of them out.")
    settings = settings_of.load().settings
    logbook.open_log(settings)
    how = How(bpm, tempo_automation, warp, arrange, not no_reference, link, force)
    with ExitStack() as stack:
        stack.enter_context(logbook.native_quiet(settings))
        memory = stack.enter_context(closing(open_database(settings.database_url, settings_of.data_dir(settings))))
        songs = [_song_of(stems, bpm, memory, not dry_run, quiet) for stems in _found(folders, output)]
        if tempo_automation and arrange == "stacked" and len(songs) > 1:
            what = "a set cannot follow several songs at once"
            raise UsageError(what, None, "Leave out --tempo-automation, or --arrange stacked.")
        decided = plan(songs, output, how)
        done = (foretold if dry_run else carry_out)(decided, how)
    if as_json:
        click.echo(json.dumps(as_dict(done), ensure_ascii=True))
    elif not quiet:
        click.echo(os.fsencode("\n".join(map(str, decided.paths if dry_run else [decided.path]))))
        for line in lines(done, how, written=not dry_run):
            click.echo(line, err=True)


def _song_of(stems: Stems, bpm: float | None, memory: Database, keep: bool, quiet: bool) -> Song:
    """A folder of stems with its beats, sections and key: of its metadata, else of the database, else heard now."""
    from stem_cli.ableton import Song
    from stem_cli.analysis import Wish, of_path
    from stem_cli.organize.grids import given_for

    laid = None if stems.record is None else given_for(stems.record)
    found = of_path(stems.home, Wish(given=laid, keep=keep), memory)
    heard = () if found.grid is None else found.notes
    for note in () if quiet else (*_missed(stems), *heard):
        click.echo(os.fsencode(f"stem: {stems.name}: {note}"), err=True)
    grid = found.grid or _grid_without_beats(stems, bpm)
    return Song(stems, grid, found.sections, None if found.key is None else found.key.key)


def _missed(stems: Stems) -> Iterator[str]:
    """What does not come into the set, in words."""
    from stem_cli.ableton import gaps
    from stem_cli.stems import title

    yield from map(str, stems.left_out)
    missing = gaps(tuple(stems.files))
    if missing:
        yield f"no {', '.join(map(title, missing))} among its stems: the set may not hold all of the song"


def _grid_without_beats(stems: Stems, bpm: float | None) -> BeatGrid:
    """Where no beat is heard: the tempo of the tags, else of the set, from the beginning. Raises UsageError."""
    from stem_cli.dsp.beats import BeatGrid

    tempo = stems.bpm or bpm
    if tempo is None:
        raise UsageError("no beat was found in it, and no tag tells its tempo", stems.home, "Name it with --bpm.")
    return BeatGrid(tempo, 0.0, (0.0,))


def _found(folders: tuple[Path, ...], output: Path) -> Iterator[Stems]:
    """The songs that were named, each once."""
    from stem_cli.ableton import find_stems

    seen = set()
    for path in folders:
        if output.absolute() == path.absolute():
            raise UsageError("a project cannot go into a folder of stems", output, "Name another --output.")
        for stems in find_stems(path):
            if stems.home.resolve() not in seen:
                seen.add(stems.home.resolve())
                yield stems
