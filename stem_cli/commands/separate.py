"""`stem separate`: songs into stems."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import DamagedError, InputError, SomeFailed, StemError, UsageError
from stem_cli.options import Span, added
from stem_cli.progress import STYLES, Progress, progress
from stem_cli.separation_options import HOW, LIMITS, WHAT, WHERE, refuse_contradictions

_log = logging.getLogger("stem_cli")

_EPILOG = """\b
Examples:
  stem separate song.mp3
  stem separate *.mp3 --output ~/Stems --format flac
  stem separate song.wav --two-stems vocals
  stem separate song.flac --stems vocals,drums --also instrumental
  stem separate mix.flac --time 12:00-15:30
  stem separate artifact:3f2a9c11d0e4 --stems drums
  stem separate song.mp3 --model htdemucs_6s --effort best
"""


@dataclass(frozen=True)
class _How:
    """What the command line says beside the settings."""

    asked: Any
    explain: bool
    json: bool
    reference: Path | None


@click.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@added(WHAT)
@added(WHERE)
@added(HOW)
@click.option("--time", "span", type=Span(), help="Only this stretch: 0:30-1:45, 90-, -60.")
@added(LIMITS)
@click.option("--reference", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="A folder with the true stems of the one song: how good are ours?")  # fmt: skip
@click.option("--force", is_flag=True, help="Separate again, and replace stems of another engine or format.")
@click.option("--explain", is_flag=True, help="Say which engines would be tried, in which order and why; do nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a song.")
@click.option("--progress", "style", type=click.Choice(STYLES), default="auto", show_default=True, help="On stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
@click.option("-v", "--verbose", is_flag=True, help="Print the log as well.")
def separate(
    files: tuple[str, ...],
    names: tuple[str, ...] | None,
    two_stems: str | None,
    also: tuple[str, ...] | None,
    span: tuple[float, float | None] | None,
    keep: bool,
    mute: tuple[str, ...] | None,
    force: bool,
    explain: bool,
    dry_run: bool,
    reference: Path | None,
    as_json: bool,
    style: str,
    quiet: bool,
    verbose: bool,
    format_: str | None,
    **options: Any,
) -> None:
    """Separate songs into stems that line up with them and add up to them.

    FILE is any sound file, or the sound of a video, or artifact:ID. The paths of the stems are printed, one a line.
    A song that was separated before is taken from the cache.
    """
    from stem_cli import allocator, logbook
    from stem_cli.split import Asked

    refuse_contradictions({**options, "names": names, "two_stems": two_stems})
    if reference is not None:
        _refuse_reference(reference, files)
    settings = settings_of.load(format=format_, **options).settings
    logbook.open_log(settings, verbose)
    allocator.bound_arenas()
    asked = Asked(names or (), two_stems or "", also or (), span, keep, mute or (), force, dry_run)
    with logbook.native_quiet(settings):
        _separate_all(files, settings, _How(asked, explain, as_json, reference), progress(style, quiet))


def _refuse_reference(reference: Path, files: tuple[str, ...]) -> None:
    """What can be known before any work of true stems. Raises UsageError, InputError."""
    from stem_cli.folder.foreign import stem_files

    if len(files) > 1:
        raise UsageError("--reference is of one song", None, "Name one file, or use `stem judge` afterwards.")
    stem_files(reference)


def _separate_all(files: tuple[str, ...], settings: settings_of.Settings, how: _How, listener: Progress) -> None:
    from stem_cli.separation import open_shop

    failed: list[tuple[str, StemError]] = []
    with open_shop(settings) as shop:
        for name in files:
            try:
                result = _separate_one(shop, name, settings, how, listener)
            except StemError as error:
                failed.append((name, error))
                _report(name, error, how, listener if len(files) > 1 else None)
            except Exception as error:
                if len(files) == 1:
                    raise
                _log.exception("a bug with %s", name)
                failed.append((name, StemError(f"a bug of ours: {error!r}", name)))
                _report(name, failed[-1][1], how, listener)
            else:
                _print(result, how, listener)
            finally:
                listener.end()
    if failed and len(files) == 1:
        raise failed[0][1]
    if failed:
        rest = "The others are done." if len(failed) < len(files) else "Nothing was made."
        raise SomeFailed(f"{len(failed)} of {len(files)} songs failed", None, rest)


def _report(name: str, error: StemError, how: _How, listener: Progress | None) -> None:
    _log.error("%s: %s", name, error)
    if listener is not None:
        listener.fault(str(error))
    if how.json:
        click.echo(json.dumps({"file": name, "status": "failed", "exit_code": error.exit_code, "error": str(error)}))


def _separate_one(shop: Any, name: str, settings: settings_of.Settings, how: _How, listener: Progress) -> Any:
    """What came of one song, None where it was skipped."""
    from stem_cli import artifacts, split
    from stem_cli.track import open_track

    track = open_track(artifacts.resolve(shop.database, _expanded(name)), shop.database.fingerprint)
    order = split.order_of(how.asked, settings, shop.budget.paid)
    if how.explain:
        _explain(track, order, how)
        return None
    try:
        result = split.carry_out(shop, track, order, listener, how.asked.keep)
    except DamagedError as error:
        if not _accepted(settings.damaged, error, listener, how):
            if settings.damaged == "skip":
                return None
            raise
        result = split.carry_out(shop, track, replace(order, tolerant=True), listener, how.asked.keep)
    listener.end()
    listener.outcome(track.path.name, result.status, result.engine)
    _log.info("%s: %s by %s in %.2f s", name, result.status, result.engine, result.work_seconds)
    return result


def _expanded(name: str) -> str:
    """The name with the home folder for its tilde, which a shell leaves alone in quotes."""
    return name if os.path.lexists(name) else os.path.expanduser(name)  # noqa: PTH111 - pathlib's own may raise


def _explain(track: Any, order: Any, how: _How) -> None:
    """Print the engines that would be tried for a song."""
    from stem_cli import router
    from stem_cli.separation import ranking_for
    from stem_cli.split import second_pass

    ranking = ranking_for(track, order)
    then = [second_pass(track, order)] if order.settings.vocal_sub_separation else []
    if how.json:
        click.echo(json.dumps({"file": str(track.path), "engines": router.rows(ranking), "then": then}))
        return
    click.echo(os.fsencode(f"{track.path}:"))
    click.echo("\n".join([*router.lines(ranking), *(f"  {line}" for line in then)]))


def _accepted(policy: str, error: DamagedError, listener: Progress, how: _How) -> bool:
    """Whether a damaged song is to be separated all the same."""
    listener.end()
    if policy == "skip":
        listener.note(f"skipped: {error}")
        if how.json:
            click.echo(json.dumps({"file": str(error.path), "status": "skipped", "error": str(error)}))
    if policy != "ask":
        return False
    if not sys.stdin.isatty():
        return False
    return bool(click.confirm(f"{error.path}: {error.what}. Separate what can be read?", err=True))


def _print(result: Any, how: _How, listener: Progress) -> None:
    """The result; where it cannot be set beside the true stems, that is told after it. Raises InputError."""
    if result is None:
        return
    beside, fault = _beside(result, how, listener)
    if how.json:
        click.echo(json.dumps({**_as_json(result), **beside}, ensure_ascii=True))
    elif result.folder is None:
        click.echo(os.fsencode(f"{result.place.home}: {result.why} ({result.engine})"))
    else:
        for path in _files(result).values():
            click.echo(os.fsencode(path))
    if fault is not None:
        raise fault


def _beside(result: Any, how: _How, listener: Progress) -> tuple[dict[str, Any], InputError | None]:
    """The figures of `stem judge --reference` for --json, told in words too; or why there are none."""
    if how.reference is None or result.folder is None:
        return {}, None
    from stem_cli.quality import told
    from stem_cli.quality.reference import compare_folder

    try:
        figures, notes = compare_folder(result.folder.paths(), how.reference)
    except InputError as error:
        return {}, error
    for line in [*told.sentences(figures), *notes]:
        listener.note(line)
    return {"reference": {"stems": told.plain(figures), "notes": notes}}, None


def _files(result: Any) -> dict[str, Any]:
    """The files that were asked for; there may be more in the folder."""
    return {name: path for name, path in result.folder.paths().items() if name in result.names}


def _as_json(result: Any) -> dict[str, Any]:
    from stem_cli.folder import to_text

    folder = result.folder
    return {
        "file": os.fsencode(result.track.path).decode("utf-8", "replace"),
        "status": result.status,
        "folder": str(result.place.home),
        "metadata": None if folder is None else str(folder.place.metadata),
        "stems": {} if folder is None else {name: str(path) for name, path in _files(result).items()},
        "artifacts": list(result.artifacts),
        "engine": result.engine,
        "why": result.why,
        "empty": list(result.empty),
        "warnings": list(result.warnings),
        "song_seconds": round(result.song_seconds, 3),
        "work_seconds": round(result.work_seconds, 3),
        "times_real_time": round(result.song_seconds / result.work_seconds, 2) if result.status == "made" else None,
        "record": None if folder is None else json.loads(to_text(folder.record)),
    }
