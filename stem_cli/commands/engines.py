"""`stem engines`: which engines there are and whether they work."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from stem_cli.errors import FaultsFound

_CHECK_SECONDS = 5.0
_LOUDEST_RESIDUAL_DB = -10.0


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def engines(context: click.Context, as_json: bool) -> None:
    """List the engines: ready, or why not and what to type to make them so."""
    if context.invoked_subcommand is not None:
        return
    from stem_cli.engines import all_engines

    rows = [_row(engine) for engine in all_engines()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = "ready" if row["ready"] else f"not ready: {row['reason']}. {row['remedy']}"
        click.echo(f"{row['name']:10} {state}")
        click.echo(f"{'':10} {row['title']}; {', '.join(row['stems'])}; licence: {row['licence']}")


def _row(engine: Any) -> dict[str, Any]:
    missing = engine.unavailable()
    return {
        "name": engine.name,
        "title": engine.title,
        "models": list(engine.models),
        "stems": list(engine.stems),
        "licence": engine.licence,
        "about_times_real_time": engine.speed,
        "pays": engine.pays,
        "ready": missing is None,
        "reason": "" if missing is None else missing.reason,
        "remedy": "" if missing is None else missing.remedy,
    }


@engines.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(as_json: bool) -> None:
    """Run 5 s of the song that ships with stem-cli through each engine that is ready. Exit code 9 where one fails."""
    from stem_cli.engines import all_engines

    rows = [_checked(engine) for engine in all_engines() if engine.unavailable() is None]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            verdict = "works" if row["works"] else f"FAULT: {row['what']}"
            click.echo(f"{row['name']:10} {verdict}, {row['times_real_time']:.1f}x real time on {row['device']}")
    if not all(row["works"] for row in rows):
        raise FaultsFound("an engine does not work on this machine", None, "`stem doctor` tells more.")


def _checked(engine: Any) -> dict[str, Any]:
    """Lengths must agree and the stems must make up the song, even before the exact sum."""
    from stem_cli.demo import song_path
    from stem_cli.engines import Request, Run
    from stem_cli.separation.stream import Sum, Tap, settled

    from stem_cli.audio import Mix  # isort: skip

    with song_path() as path:
        return _run(engine, Mix.open(Path(path), (20.0, 20.0 + _CHECK_SECONDS)), Request(), Run(), Tap, Sum, settled)


def _run(engine: Any, mix: Any, request: Any, run: Any, tap_of: Any, sum_of: Any, settled: Any) -> dict[str, Any]:
    tap, total, started = tap_of(mix), sum_of(), time.monotonic()
    for _ in settled(engine.separate(tap, request, run), tap, "16", total):
        pass
    spent = time.monotonic() - started
    what = ""
    if total.frames != mix.frames:
        what = f"{total.frames} samples instead of {mix.frames}"
    elif total.residual_db > _LOUDEST_RESIDUAL_DB:
        what = f"its stems miss the song by {total.residual_db:.0f} dB"
    speed = mix.frames / mix.rate / spent
    return {"name": engine.name, "works": not what, "what": what, "device": run.device, "times_real_time": speed}
