"""`stem analyze`: tempo, beats, key, sections and loudness."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import SomeFailed, StemError, UsageError
from stem_cli.options import ENGINE, MAPPING, Bpm, Number, default_of
from stem_cli.progress import STYLES, progress

if TYPE_CHECKING:
    from stem_cli.analysis import Analysis
    from stem_cli.analyzing import Told

_EPILOG = """\b
Examples:
  stem analyze song.mp3
  stem analyze stems/Artist-Song_1a2b3c4d
  stem analyze ~/Stems --json
  stem analyze ~/Stems --rekordbox-xml ~/rekordbox.xml
  stem analyze song.flac --write-tags
  stem analyze stems/Artist-Song_1a2b3c4d --bpm 174
  stem analyze stems/Artist-Song_1a2b3c4d --downbeat 0.43
"""
_SAID = {"bpm": "tempo", "downbeat": "downbeat", "beats_per_bar": "bars"}


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|STEMFOLDER...", type=click.Path(path_type=Path))
@click.option("--bpm", type=Bpm(20, 400), help="The tempo, where you know it.", show_default="found")
@click.option("--downbeat", type=Number(0), metavar="SECONDS", show_default="found",
              help="Where a bar begins, any one, to a quarter of a beat.")  # fmt: skip
@click.option("--beats-per-bar", type=click.IntRange(2, 12), show_default="found", help="Of a bar: 4 in 4/4, 3 in 3/4.")
@click.option("--reanalyze", is_flag=True, help="Listen again, and leave tags and grids of DJ programs out of it.")
@click.option("--rekordbox-xml", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Your own export: songs keep the grids that it has of them.")  # fmt: skip
@MAPPING
@click.option("--write-tags", is_flag=True, help="Write a missing BPM and key into the tags of a FILE itself, too.")
@click.option("--engine", type=ENGINE, help="That separates a FILE.", show_default=default_of("engine"))
@click.option("--output", metavar="DIR|same", help="Where the stems of a FILE go.", show_default="stems")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a song.")
@click.option("--progress", "style", type=click.Choice(STYLES), default="auto", show_default=True, help="On stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
def analyze(
    paths: tuple[Path, ...],
    bpm: float | None,
    downbeat: float | None,
    beats_per_bar: int | None,
    reanalyze: bool,
    rekordbox_xml: Path | None,
    mapping: dict[str, str],
    write_tags: bool,
    engine: str | None,
    output: str | None,
    as_json: bool,
    style: str,
    quiet: bool,
) -> None:
    """Tell tempo, beats, key, sections and loudness of songs, and keep them with their stems.

    Beats are told from the drums, the key from bass and chords; a FILE is separated first, but for one that is known
    already. Of a folder with several songs all are told. BPM and key in the tags are respected, as are the grids of
    rekordbox and Serato; stems get the BPM and the key that their tags lack.
    """
    from stem_cli import allocator, logbook
    from stem_cli.analyzing import Asked, analyzed
    from stem_cli.dsp.beats import Hints
    from stem_cli.separation import open_shop

    said = Hints(bpm or 0.0, downbeat, beats_per_bar or 0)
    if rekordbox_xml is not None and (reanalyze or said.by_user):
        what = "--rekordbox-xml keeps the grids that are there, the other options make new ones"
        raise UsageError(what, None, "Leave out one of them.")
    if said.by_user and len(paths) > 1:
        raise UsageError("what you say of beats is of one song", None, "Name that one alone.")
    settings = settings_of.load(engine=engine, output=output).settings
    logbook.open_log(settings, verbose=False)
    allocator.bound_arenas()
    listener = progress(style, quiet)
    failed: list[StemError] = []
    with logbook.native_quiet(settings), open_shop(settings) as shop:
        prepared = _prepared(shop, paths, rekordbox_xml, mapping)
        asked = Asked(said, reanalyze, bool(engine or output), write_tags, prepared)
        for path in paths:
            try:
                for told in analyzed(shop, path, asked, listener):
                    _print(told, as_json)
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


def _prepared(shop: Any, paths: tuple[Path, ...], rekordbox_xml: Path | None, mapping: dict[str, str]) -> Any:
    from stem_cli.analyzing import sources_of
    from stem_cli.organize.inherit import known_of

    if rekordbox_xml is None:
        return None
    return known_of(sources_of(shop.database, paths), rekordbox_xml, (), (), mapping).prepared


def _print(told: Told, as_json: bool) -> None:
    from stem_cli.analysis import to_dict

    found = told.found
    notes = (*found.notes, *told.faults)
    if as_json:
        folder = None if told.folder is None else str(told.folder)
        shown = {"folder": folder, "name": told.name, **to_dict(found), "notes": notes}
        click.echo(json.dumps(shown, ensure_ascii=True))
        return
    click.echo(os.fsencode(f"{told.name}: {', '.join(_facts(found))}"))
    for note in notes:
        click.echo(os.fsencode(f"{told.name}: {note}"), err=True)
    for section in found.sections:
        click.echo(f"  {_clock(section.start):>7}  {section.name}")


def _facts(found: Analysis) -> list[str]:
    grid, key = found.grid, found.key
    facts = []
    if grid is not None:
        tempo = f"{grid.quarters_bpm:.3f}".rstrip("0").rstrip(".")
        bar = f"{grid.beats_per_bar}/{grid.beat_unit}"
        facts.append(f"{tempo if grid.constant else f'about {grid.quarters_bpm:.1f}'} BPM, {bar}")
        facts.append(f"first downbeat at {grid.first_downbeat:.3f} s")
        facts += [f"grid from {found.grid_from}"] if found.grid_from else []
        facts += [f"{' and '.join(_SAID[one] for one in found.said)} as you said"] if found.said else []
    if key is not None:
        facts.append(f"{key.key.name} ({key.key.camelot}), else {key.second.name}")
    facts.append("silent" if math.isinf(found.lufs) else f"{found.lufs:.1f} LUFS")
    return facts


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"
