"""`stem judge`: how good are these stems?"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from stem_cli import settings as settings_of
from stem_cli import stems
from stem_cli.errors import FaultsFound, InputError

_EPILOG = """\b
Examples:
  stem judge stems/Artist-Song_1a2b3c4d
  stem judge stems/Artist-Song_1a2b3c4d --reference true-stems
  stem judge folder-of-another-tool --reference true-stems --json
"""
_FEWEST = 2
"""Stems that can be set beside one another."""


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="STEMFOLDER", type=click.Path(exists=True, path_type=Path))
@click.option("--reference", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="A folder with the true stems of the song.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but faults.")
def judge(folder: Path, reference: Path | None, as_json: bool, quiet: bool) -> None:
    """Tell how good stems are: estimates, or, with --reference, true figures.

    Stems of other tools are known by their names. Estimates are explained in docs/quality.md; true figures are SDR and
    SI-SDR of the whole song, and medians over its seconds as museval (BSSEval 4) gives them. Exit code 9 where a stem
    looks like another one or like the whole song.
    """
    from stem_cli import allocator, logbook
    from stem_cli.quality import told

    logbook.open_log(settings_of.load().settings, verbose=False)
    allocator.bound_arenas()
    figures, notes = _figures(folder, reference)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "stems": told.plain(figures), "notes": notes}, indent=1))
    elif not quiet:
        click.echo("\n".join([*told.table(figures), *notes]))
    if any(note.endswith("?") for note in notes):
        raise FaultsFound("a stem is not what it is called", folder, "The lines above say which.")


def _figures(folder: Path, reference: Path | None) -> tuple[dict[str, dict[str, float]], list[str]]:
    from stem_cli.folder.foreign import stem_files

    try:
        made = stem_files(folder)
    except InputError as error:
        song = next(_songs_in(folder), None)
        if song is None:
            raise
        what = "this is no folder of one song's stems, but there are such in it"
        raise InputError(what, folder, f"Name one of them: stem judge {shlex.quote(str(song))}") from error
    if reference is None:
        return _estimates(folder, made)
    from stem_cli.quality.reference import compare_folder

    return compare_folder(made, reference)


def _songs_in(folder: Path) -> Iterator[Path]:
    """What lies below a folder and holds the stems of a song."""
    from stem_cli.folder.foreign import stem_files
    from stem_cli.folder.place import FLAT_METADATA, METADATA

    inside = sorted(one for one in folder.glob("*") if one.is_dir() or one.name.endswith(FLAT_METADATA))
    for place in (*inside, *(file.parent for file in sorted(folder.rglob(METADATA)) if file.parent != folder)):
        with suppress(InputError):
            stem_files(place)
            yield place


def _estimates(folder: Path, made: dict[str, Path]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """What the record says where it is ours and was judged, else what the files themselves show."""
    from stem_cli.quality import figures_of_files

    recorded, parts, notes = _recorded(folder)
    if any("estimated_si_sdr_db" in one for one in recorded.values()):
        return recorded, notes
    together = parts or stems.adding_up(made)
    if len(together) < _FEWEST:
        return recorded, [*notes, "estimates take all stems of a song: they are set beside one another"]
    return figures_of_files({name: made[name] for name in together}), notes


def _recorded(folder: Path) -> tuple[dict[str, dict[str, float]], tuple[str, ...], list[str]]:
    """What a folder of ours says: figures, the files that add up to the song, notes."""
    from stem_cli.folder import open_folder

    try:
        record = open_folder(folder).record
    except InputError:
        return {}, (), []
    divided = set(record.divided) & set(record.song.parts)
    figures = {name: dict(one) for name, one in record.quality.per_stem.items()}
    notes = [f"{name} was changed since: its figures are of what was written" for name in _changed(folder)]
    return figures, () if divided else record.song.parts, [*record.quality.notes, *notes]


def _changed(folder: Path) -> list[str]:
    """The files of a folder of ours that are gone or of another size than they were."""
    from stem_cli.folder import open_folder

    found = open_folder(folder)
    sizes = {file.name: (found.path(file), file.bytes) for file in found.record.files}
    return [name for name, (path, size) in sizes.items() if not path.exists() or path.stat().st_size != size]
