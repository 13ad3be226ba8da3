"""`stem engines list`: models by what they make, the best published first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli import stems as table
from stem_cli.errors import EngineError

_SECONDS = 240.0
"""Of a song as songs are: for what time and memory it would take."""
_NO_FIGURE = "nothing published"
_STEM = click.Choice((*table.TABLE, *table.COMPLEMENTS))
_EPILOG = """\b
Examples:
  stem engines list --stem vocals
  stem engines list --stem lead_vocals --json
"""


@click.command("list", epilog=_EPILOG)
@click.option("--stem", type=_STEM, required=True, help="What the models have to make.")
@click.option("--models-dir", metavar="DIR", help="Where models lie.", show_default="as in the settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_models(stem: str, models_dir: str | None, as_json: bool) -> None:
    """List the models that make a stem, by published SDR, and the one that would be taken.

    Figures of different boards are of different songs: they stand in lists of their own and are not to be compared.
    ~2x: about twice as fast as the song plays, on two cores.
    """
    from stem_cli.engines import request_of

    settings = settings_of.load(models_dir=models_dir).settings
    request = request_of(settings, (stem,))
    rows = sorted(_rows(stem, request), key=lambda row: (row["board"] == _NO_FIGURE, row["board"], -row["sdr_db"]))
    taken = _taken(request, settings)
    if as_json:
        click.echo(json.dumps({"stem": stem, "models": rows, "would_take": taken}, indent=1))
        return
    click.echo("\n".join(_told(rows)))
    click.echo(f"\nIt would take: {taken or 'none, no engine that is ready makes it'}")


def _rows(stem: str, request: Any) -> Iterator[dict[str, Any]]:
    from stem_cli.engines import all_engines

    for engine in all_engines():
        for model in (*engine.models, *engine.added(request.models_dir)):
            if stem not in model.gives:
                continue
            sizes = [file.bytes for file in model.files]
            figure = model.quality.get(stem)
            yield {
                "model": model.name,
                "engine": engine.name,
                "board": _NO_FIGURE if figure is None else model.source,
                "sdr_db": 0.0 if figure is None else figure,
                "bytes": None if None in sizes else sum(sizes),
                "about_times_real_time": engine.speed,
                "licence": model.licence,
                "ready": engine.unavailable(replace(request, model=model.name)) is None,
            }


def _taken(request: Any, settings: settings_of.Settings) -> str:
    """Model and engine, "" where there is none."""
    from stem_cli import router
    from stem_cli.engines import all_engines

    try:
        facts = router.facts_of(settings, _SECONDS)
        best = router.rank(all_engines(), request, facts, router.this_machine(request.device)).best
    except router.NobodyMakes:
        return _dividing(request.stems[0], settings)
    except EngineError:
        return ""
    if request.stems[0] in best.model.gives:
        return f"{best.model.name} ({best.engine.name})"
    return _dividing(request.stems[0], settings)


def _dividing(part: str, settings: settings_of.Settings) -> str:
    """Who would make a part of a stem by a second pass, "" where it is none or nobody would."""
    from stem_cli.split import Wish, divider

    for stem, parts in table.PARTS.items():
        if part in parts:
            try:
                second = divider(Wish(stem), settings)
            except EngineError:
                return ""
            return f"{second.model.name} ({second.engine.name}), out of a {stem} stem: `stem split-{stem}`"
    return ""


def _told(rows: list[dict[str, Any]]) -> Iterator[str]:
    width = max((len(row["model"]) for row in rows), default=0)
    board = ""
    for row in rows:
        if row["board"] != board:
            board = row["board"]
            yield f"SDR: {board}"
        figure = "     -" if board == _NO_FIGURE else f"{row['sdr_db']:6.2f}"
        size = "" if not row["bytes"] else f"{row['bytes'] / 1e6:.0f} MB"
        state = "ready" if row["ready"] else "not here"
        speed = f"~{row['about_times_real_time']:g}x"
        yield f"  {figure}  {row['model']:{width}}  {row['engine']:8} {state:9} {size:>7} {speed:>5}  {row['licence']}"
