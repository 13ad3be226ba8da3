"""`stem analyze`: tempo, beats, key, sections and loudness."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import InputError, SomeFailed, StemError
from stem_cli.options import ENGINE, Bpm, default_of
from stem_cli.progress import STYLES, progress

_EPILOG = """\b
Examples:
  stem analyze song.mp3
  stem analyze stems/Artist-Song_1a2b3c4d
  stem analyze ~/Stems --json
  stem analyze stems/Artist-Song_1a2b3c4d --bpm 174
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|STEMFOLDER...", type=click.Path(path_type=Path))
@click.option("--bpm", type=Bpm(20, 400), help="The tempo, where you know it.", show_default="found")
@click.option("--reanalyze", is_flag=True, help="Listen again, and leave the tags for BPM and key out of it.")
@click.option("--engine", type=ENGINE, help="That separates a FILE.", show_default=default_of("engine"))
@click.option("--output", metavar="DIR|same", help="Where the stems of a FILE go.", show_default="stems")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a song.")
@click.option("--progress", "style", type=click.Choice(STYLES), default="auto", show_default=True, help="On stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
def analyze(
    paths: tuple[Path, ...],
    bpm: float | None,
    reanalyze: bool,
    engine: str | None,
    output: str | None,
    as_json: bool,
    style: str,
    quiet: bool,
) -> None:
    """Tell tempo, beats, key, sections and loudness of songs, and keep them with their stems.

    Beats are told from the drums, the key from bass and chords; a FILE is separated first. Of a folder with several
    songs all are told. BPM and key in the tags are respected: the octave of the tempo, and the key itself.
    """
    from stem_cli import allocator, logbook
    from stem_cli.analysis import of_path
    from stem_cli.separation import open_shop

    settings = settings_of.load(engine=engine, output=output).settings
    logbook.open_log(settings, verbose=False)
    allocator.bound_arenas()
    listener = progress(style, quiet)
    failed: list[StemError] = []
    with logbook.native_quiet(settings), open_shop(settings) as shop:
        for path in paths:
            try:
                for folder in _folders(shop, path, settings, listener):
                    _print(folder, of_path(folder, bpm or 0.0, reanalyze), as_json)
            except StemError as error:
                if len(paths) == 1:
                    raise
                failed.append(error)
                listener.fault(str(error))
            finally:
                listener.end()
    if failed:
        others = "The others are done." if len(failed) < len(paths) else "Nothing was told."
        raise SomeFailed(f"{len(failed)} of {len(paths)} could not be analysed", None, others)


def _folders(shop: Any, path: Path, settings: Any, listener: Any) -> list[Path]:
    """The folders of stems that a path means; a song is separated first. Raises InputError."""
    from stem_cli import artifacts, split
    from stem_cli.folder import find_folders
    from stem_cli.track import open_track

    place = artifacts.resolve(shop.database, str(path))
    if place.is_dir() or place.name.endswith(".json"):
        ours = [folder.place.metadata for folder in find_folders(place)]
        return ours or [place]
    order = split.order_of(split.Asked(), settings, shop.budget.paid)
    result = split.carry_out(shop, open_track(place, shop.database.fingerprint), order, listener)
    if result.folder is None:
        raise InputError("it was not separated", place)
    return [result.folder.place.metadata.absolute()]


def _print(place: Path, found: Any, as_json: bool) -> None:
    from stem_cli.analysis import to_dict

    home = place.parent if place.suffix == ".json" else place
    if as_json:
        click.echo(json.dumps({"folder": str(home), **to_dict(found)}, ensure_ascii=True))
        return
    click.echo(os.fsencode(f"{home.name}: {', '.join(_facts(found))}"))
    for note in found.notes:
        click.echo(os.fsencode(f"{home.name}: {note}"), err=True)
    for section in found.sections:
        click.echo(f"  {_clock(section.start):>7}  {section.name}")


def _facts(found: Any) -> list[str]:
    grid, key = found.grid, found.key
    facts = []
    if grid is not None:
        tempo = f"{grid.quarters_bpm:.3f}".rstrip("0").rstrip(".")
        bar = f"{grid.beats_per_bar}/{grid.beat_unit}"
        facts.append(f"{tempo if grid.constant else f'about {grid.quarters_bpm:.1f}'} BPM, {bar}")
        facts.append(f"first downbeat at {grid.first_downbeat:.3f} s")
    if key is not None:
        facts.append(f"{key.key.name} ({key.key.camelot}), else {key.second.name}")
    facts.append("silent" if math.isinf(found.lufs) else f"{found.lufs:.1f} LUFS")
    return facts


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"
