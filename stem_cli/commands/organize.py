"""`stem organize`: stems into the folders, formats and lists of DJ programs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import InputError, UsageError
from stem_cli.options import LIBRARY_OPTIONS, PROGRAMS, STEM_NAMES, added

_EPILOG = """\b
Examples:
  stem organize stems --for rekordbox,serato --output ~/DJ/Stems
  stem organize stems --for traktor,mixxx --output ~/DJ/Stems --layout by-stem
  stem organize stems --for rekordbox --rekordbox-xml ~/rekordbox.xml --output ~/DJ/Stems
  stem organize stems --for cdj --output /media/dj/STICK/Stems --dry-run
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
@click.option("--link/--copy", "link", default=False, help="Hard links where a file will do as it is.",
              show_default="copy")  # fmt: skip
@click.option("--rekordbox-xml", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Your own export: stems take over grid, cues, key, rating and colour of their songs.")  # fmt: skip
@added(LIBRARY_OPTIONS)
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
    link: bool,
    install: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **known: Any,
) -> None:
    """Put stems where DJ programs find them: names, formats, folders, playlists.

    STEMS are folders that stem-cli made, or folders with such in them. Nothing of yours is changed: files go to
    --output, and only files that this command wrote there are ever replaced.
    """
    from stem_cli import logbook
    from stem_cli.dj.serato_crate import SUFFIX
    from stem_cli.organize import Arrangement, How, carry, demand, manifest, plan, room
    from stem_cli.organize.carry import refuse_foreign
    from stem_cli.organize.inherit import known_of, unknown
    from stem_cli.organize.install import install as put_into_serato
    from stem_cli.organize.lists import paths_of, write_lists
    from stem_cli.settings import data_dir

    wanted = demand(programs)
    if install and not wanted.crates:
        raise UsageError("--install is for Serato's crates", None, "Add serato to --for, or leave it out.")
    if codec == "alac" and "traktor-win" in programs:
        raise UsageError("Traktor on Windows opens no ALAC stems", None, "Leave out --codec alac.")
    settings = settings_of.load().settings
    logbook.open_log(settings)
    how = Arrangement(wanted, layout, naming, root, not no_stem_files, only or ())
    told = _Told(dry_run, as_json, quiet)
    found = _stem_folders(folders, output)
    decided = plan(found, how, output)
    facts = known_of({song.folder.record.source.path for song in decided.songs}, **known)
    lists = paths_of(decided, output, wanted, facts)
    refuse_foreign(output, lists, manifest.read(output))
    room.require(decided, output, link, codec)
    notes = [*decided.without, *unknown(facts, decided)]
    if link and room.without_links(decided, output):
        notes.append(f"{output}: there are no hard links to files of another disk or on FAT; files are copied")
    for text in notes:
        if not quiet:
            click.echo(f"stem: {text}", err=True)
    if dry_run:
        _print(decided, [*(str(item.path) for item in decided.items), *lists], [], told)
        return
    with logbook.native_quiet(settings):
        done = carry(decided, output, How(link, codec, wanted.crates))
        write_lists(decided, output, programs, wanted, facts)
        if install:
            lists += put_into_serato(output, [one for one in lists if one.endswith(SUFFIX)], data_dir(settings))
    _print(decided, [*done.written, *lists], done.there, told)


@dataclass(frozen=True)
class _Told:
    dry_run: bool
    json: bool
    quiet: bool


def _stem_folders(paths: tuple[Path, ...], output: Path) -> list[Any]:
    """The folders of stems that were named, and those below them, each once.

    Raises InputError where there are none, UsageError where the output would lie among them.
    """
    from stem_cli.folder import find_folders

    if any(output.absolute() == path.absolute() for path in paths):
        raise UsageError("stems cannot be organized into the folder that they lie in", output, "Name another --output.")
    found = {folder.place.metadata: folder for path in paths for folder in find_folders(path, judged=False)}
    if not found:
        raise InputError("there are no stems of ours here", paths[0], "Name a folder that `stem separate` made.")
    return list(found.values())


def _print(decided: Any, written: list[str], there: list[str], how: _Told) -> None:
    if how.json:
        found = {"written": written, "there": there, "songs": len(decided.songs), "without": list(decided.without)}
        click.echo(json.dumps(found, ensure_ascii=True))
        return
    if how.quiet:
        return
    click.echo(os.fsencode("\n".join(written)))
    verb = "would be written" if how.dry_run else "written"
    click.echo(f"{len(decided.songs)} songs: {len(written)} files {verb}, {len(there)} were there", err=True)
