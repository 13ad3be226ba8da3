"""`stem judge`: how good are these stems?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli import stems
from stem_cli.errors import FaultsFound

_EPILOG = """\b
Examples:
  stem judge stems/Artist-Song_1a2b3c4d
  stem judge stems/Artist-Song_1a2b3c4d --reference true-stems
  stem judge folder-of-another-tool --reference true-stems --json
"""
_COLUMNS = {
    "estimated_si_sdr_db": "estimate",
    "consistency_si_sdr_db": "consistency",
    "level_db": "level",
    "sdr_db": "SDR",
    "si_sdr_db": "SI-SDR",
    "median_sdr_db": "SDR, median",
    "median_sir_db": "SIR, median",
    "median_sar_db": "SAR, median",
}
"""Measures that are shown, all in dB; --json has all of them."""
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

    logbook.open_log(settings_of.load().settings, verbose=False)
    allocator.bound_arenas()
    figures, notes = _figures(folder, reference)
    if as_json:
        plain = {name: {key: _plain(value) for key, value in one.items()} for name, one in figures.items()}
        click.echo(json.dumps({"folder": str(folder), "stems": plain, "notes": notes}, indent=1))
    elif not quiet:
        click.echo("\n".join([*_table(figures), *notes]))
    if any(note.endswith("?") for note in notes):
        raise FaultsFound("a stem is not what it is called", folder, "The lines above say which.")


def _figures(folder: Path, reference: Path | None) -> tuple[dict[str, dict[str, float]], list[str]]:
    from stem_cli.folder.foreign import stem_files

    made = stem_files(folder)
    if reference is None:
        return _estimates(folder, made)
    from stem_cli.quality.reference import compare

    found = compare(made, stem_files(reference))
    missing = [f"{name}: only one side has it" for name in found.missing]
    return found.figures, [*found.notes, *missing]


def _estimates(folder: Path, made: dict[str, Path]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """What the record says where it is ours and was judged, else what the files themselves show."""
    from stem_cli.quality import figures_of_files

    recorded, parts, notes = _recorded(folder)
    if any("estimated_si_sdr_db" in one for one in recorded.values()):
        return recorded, notes
    together = parts or _adding_up(made)
    if len(together) < _FEWEST:
        return recorded, [*notes, "estimates take all stems of a song: they are set beside one another"]
    return figures_of_files({name: made[name] for name in together}), notes


def _recorded(folder: Path) -> tuple[dict[str, dict[str, float]], tuple[str, ...], list[str]]:
    """What a folder of ours says: figures, the files that add up to the song, notes."""
    from stem_cli.errors import InputError
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


def _adding_up(made: dict[str, Path]) -> tuple[str, ...]:
    """Of files known by their names, those that are the stems of a song, none of them twice."""
    names = [name for name in made if name in stems.TABLE]
    whole = [name for name, parts in stems.PARTS.items() if name in names for one in parts if one in names]
    names = [name for name in names if not any(name in stems.PARTS[one] for one in whole)]
    if len(names) == 1 and stems.TABLE[names[0]].without in made:
        names.append(stems.TABLE[names[0]].without)
    return tuple(names)


def _plain(value: float) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None


def _table(figures: dict[str, dict[str, float]]) -> list[str]:
    keys = [key for key in _COLUMNS if any(key in one for one in figures.values())]
    width = max(len(name) for name in figures)
    lines = [" ".join([f"{'dB':{width}}", *(f"{_COLUMNS[key]:>12}" for key in keys)])]
    for name in stems.ordered(tuple(figures)):
        cells: list[Any] = [figures[name].get(key) for key in keys]
        lines.append(
            " ".join([f"{name:{width}}", *("           -" if cell is None else f"{cell:12.1f}" for cell in cells)])
        )
    return lines
