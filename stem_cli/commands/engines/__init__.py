"""`stem engines`: which engines there are and whether they work; models are fetched and converted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.commands.engines.add import add
from stem_cli.commands.engines.convert import convert
from stem_cli.commands.engines.download import download
from stem_cli.commands.engines.listing import list_models
from stem_cli.commands.engines.remove import remove
from stem_cli.errors import FaultsFound, StemError

_CHECK_SECONDS = 5.0
_LOUDEST_RESIDUAL_DB = -10.0
_MODELS_DIR = click.option("--models-dir", metavar="DIR", help="Where models lie.", show_default="as in the settings")


@click.group(invoke_without_command=True)
@_MODELS_DIR
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def engines(context: click.Context, models_dir: str | None, as_json: bool) -> None:
    """List the engines: ready, or why not and what to type to make them so."""
    if context.invoked_subcommand is not None:
        given = {"models_dir": models_dir, "as_json": as_json}
        context.default_map = {context.invoked_subcommand: {name: value for name, value in given.items() if value}}
        return
    from stem_cli.engines import all_engines, request_of

    request = request_of(settings_of.load(models_dir=models_dir).settings)
    rows = [_row(engine, request) for engine in all_engines()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo("\n".join(_told(row)))


def _told(row: dict[str, Any]) -> Iterator[str]:
    state = "ready" if row["ready"] else f"not ready: {row['reason']}. {row['remedy']}"
    yield f"{row['name']:12} {state}"
    yield from (f"  note: {note}" for note in row["notes"])
    width = max(len(model["name"]) for model in row["models"])
    for model in row["models"]:
        yield f"  {model['name']:{width}}  {_state(model):16} {', '.join(model['stems'])}"
    yield from (f"  licence: {licence}" for licence in dict.fromkeys(model["licence"] for model in row["models"]))


def _state(model: dict[str, Any]) -> str:
    if model["ready"]:
        return "ready"
    if not model["files"]:
        return "-"
    return f"to fetch, {model['bytes'] / 1e6:.0f} MB" if model["bytes"] else "to fetch"


def _row(engine: Any, request: Any) -> dict[str, Any]:
    from stem_cli.engines.runtime import notes

    missing = engine.unavailable(request)
    models = [*engine.models, *engine.added(request.models_dir)]
    return {
        "name": engine.name,
        "title": engine.title,
        "models": [_model_row(engine, model, request) for model in models],
        "about_times_real_time": engine.speed,
        "pays": engine.pays,
        "ready": missing is None,
        "reason": "" if missing is None else missing.reason,
        "remedy": "" if missing is None else missing.remedy,
        "notes": list(notes()) if any(model.files for model in engine.models) else [],
    }


def _model_row(engine: Any, model: Any, request: Any) -> dict[str, Any]:
    sizes = [file.bytes for file in model.files]
    return {
        "name": model.name,
        "title": model.title,
        "stems": list(model.stems),
        "licence": model.licence,
        "quality_db": dict(model.quality),
        "quality_source": model.source,
        "files": [file.name for file in model.files],
        "bytes": None if None in sizes else sum(sizes),
        "ready": engine.unavailable(replace(request, model=model.name)) is None,
    }


@engines.command()
@_MODELS_DIR
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(models_dir: str | None, as_json: bool) -> None:
    """Run 5 s of the song that ships with stem-cli through each engine that is ready and costs nothing.

    Exit code 9 where one fails.
    """
    from stem_cli.engines import all_engines, request_of

    request = request_of(settings_of.load(models_dir=models_dir).settings)
    free = [engine for engine in all_engines() if not engine.pays]
    rows = [_checked(engine, request) for engine in free if engine.unavailable(request) is None]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            speed = f", {row['times_real_time']:.1f}x real time on {row['device']}" if row["device"] else ""
            click.echo(f"{row['name']:10} {'works' if row['works'] else 'FAULT: ' + row['what']}{speed}")
    if not all(row["works"] for row in rows):
        raise FaultsFound("an engine does not work on this machine", None, "`stem doctor` tells more.")


def _checked(engine: Any, request: Any) -> dict[str, Any]:
    """What came of one engine; what it refuses is a fault of it, and the others are tried all the same."""
    try:
        return _tried(engine, request)
    except StemError as error:
        row = {"name": engine.name, "model": "", "works": False, "what": str(error)}
        return {**row, "device": "", "times_real_time": 0.0}


def _tried(engine: Any, request: Any) -> dict[str, Any]:
    """Lengths must agree and the stems must make up the song, even before the exact sum."""
    from stem_cli import router
    from stem_cli.audio import Mix
    from stem_cli.demo import song_path
    from stem_cli.engines import Run
    from stem_cli.separation import fit
    from stem_cli.separation.stream import Sum, Tap, settled

    engine.prepare(request, lambda text: click.echo(text, err=True))
    model, run, total = engine.find(request), Run(router.this_machine().cpus), Sum()
    with song_path() as path:
        mix = Mix.open(Path(path), (20.0, 20.0 + _CHECK_SECONDS))
        tap, started = Tap(mix), time.monotonic()
        for _ in settled(fit.separate(engine, model, tap, replace(request, model=model.name), run), tap, "16", total):
            pass
    what = ""
    if total.frames != mix.frames:
        what = f"{total.frames} samples instead of {mix.frames}"
    elif total.residual_db > _LOUDEST_RESIDUAL_DB:
        what = f"its stems miss the song by {total.residual_db:.0f} dB"
    speed = mix.frames / mix.rate / (time.monotonic() - started)
    return {
        "name": engine.name,
        "model": model.name,
        "works": not what,
        "what": what,
        "device": run.device,
        "times_real_time": speed,
    }


for one in (list_models, download, convert, add, remove):
    engines.add_command(one)
