"""`stem separate`: songs into stems."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli import stems
from stem_cli.errors import DamagedError, InputError, SomeFailed, StemError, UsageError
from stem_cli.options import ENGINE, EXTRA_NAMES, MODEL, STEM_NAMES, Span, default_of
from stem_cli.progress import STYLES, Progress, progress
from stem_cli.settings import CHOICES

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


def _choice(name: str) -> click.Choice[str]:
    return click.Choice([value for value in CHOICES[name] if value])


@dataclass(frozen=True)
class _How:
    """What the command line says beside the settings."""

    stems: tuple[str, ...]
    two_stems: str
    also: tuple[str, ...]
    span: tuple[float, float | None] | None
    keep: bool
    mute: tuple[str, ...]
    force: bool
    dry_run: bool
    explain: bool
    json: bool
    reference: Path | None


@click.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--engine", type=ENGINE, help="The engine to use.", show_default=default_of("engine"))
@click.option("--stems", "names", type=STEM_NAMES, help="Only these stems, parted by commas.", show_default="all")
@click.option("--two-stems", type=click.Choice(tuple(stems.TABLE)), help="That stem, and the song without it.")
@click.option("--also", type=EXTRA_NAMES, help="More files: instrumental, acapella, no_drums ...")
@click.option("--output", metavar="DIR|same", help="Where stems go; 'same' is next to the song.", show_default="stems")
@click.option("--mirror", metavar="ROOT", help="Repeat the tree below ROOT in the output folder.")
@click.option("--layout", type=_choice("layout"), help="A folder a song, or files side by side.", show_default="folder")
@click.option(
    "--name-template", help="Name of the folder or of the files' prefix, such as '{artist} - {title}_{hash8}'."
)
@click.option("--format", "format_", type=_choice("format"), help="Format of the stems.", show_default="wav")
@click.option(
    "--bit-depth",
    type=_choice("bit_depth"),
    help="Depth of the stems.",
    show_default="that of a 16- or 24-bit song, else 24",
)
@click.option("--effort", type=_choice("effort"), help="Speed against quality.", show_default=default_of("effort"))
@click.option("--model", type=MODEL, help="One of `stem engines`, or one of yours in --models-dir.",
              show_default="the best that is there")  # fmt: skip
@click.option("--ensemble", metavar="MODEL,MODEL...",
              help="The mean of several models; MODEL:2 or MODEL:vocals=2 weighs one.")  # fmt: skip
@click.option("--models-dir", metavar="DIR", help="Look for models here first.")
@click.option("--overlap", type=click.FloatRange(0, 0.95), help="Share of a segment that its neighbour covers.",
              show_default="by --effort")  # fmt: skip
@click.option("--shifts", type=click.IntRange(0), help="Separate so often, shifted in time, and average.",
              show_default="by --effort")  # fmt: skip
@click.option("--segment", "segment_seconds", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="Length of a segment; shorter takes less memory.", show_default="the model's own")  # fmt: skip
@click.option("--device", type=_choice("device"), help="Where networks run.", show_default=default_of("device"))
@click.option("--precision", type=_choice("precision"), help="Of a network's sums.",
              show_default=default_of("precision"))  # fmt: skip
@click.option("--split-vocals", "vocal_sub_separation", is_flag=True, default=None,
              help="Divide the vocals into lead and backing vocals.")  # fmt: skip
@click.option("--split-model", type=MODEL, help="The model that divides them.", show_default="the best that is there")
@click.option("--mute", type=STEM_NAMES, help="Silence these stems; what is in them goes to the rest.")
@click.option("--keep", is_flag=True, help="Keep the vocals beside their parts.")
@click.option("--allow-cloud", is_flag=True, default=None, help="Cloud services may be used: sends the song, and pays.")
@click.option("--cloud-minutes", type=click.FloatRange(0), metavar="MINUTES", show_default=default_of("cloud_minutes"),
              help="Of a service that may be paid for where an engine here would do.")  # fmt: skip
@click.option("--priority", type=_choice("priority"), help="High: vocals are worth a service's minutes.",
              show_default=default_of("priority"))  # fmt: skip
@click.option("--licences", type=_choice("licences"), help="Of the weights that may be used.",
              show_default=default_of("licences"))  # fmt: skip
@click.option("--time", "span", type=Span(), help="Only this stretch: 0:30-1:45, 90-, -60.")
@click.option("--seed", type=click.IntRange(0), help="Of every random number.", show_default=default_of("seed"))
@click.option("--judge", type=_choice("judge"), help="Listen to the result, and try another engine where it is poor.",
              show_default=default_of("judge"))  # fmt: skip
@click.option("--reference", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="A folder with the true stems of the one song: how good are ours?")  # fmt: skip
@click.option("--threads", type=click.IntRange(0), help="Threads for the engine.", show_default="one for each core")
@click.option("--damaged", type=_choice("damaged"), help="What to do with damaged songs.", show_default="error")
@click.option("--downmix", type=_choice("downmix"), help="Fold songs with more than two channels down.")
@click.option("--cache-limit-gb", type=click.FloatRange(0), help="Largest size of the cache; 0 keeps nothing.",
              show_default=default_of("cache_limit_gb"))  # fmt: skip
@click.option("--link", is_flag=True, default=None, help="Hard links from the cache instead of copies, without tags.")
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

    if names and two_stems:
        raise UsageError("--stems and --two-stems contradict one another", None, "Give one of them.")
    if options["ensemble"] and (options["model"] or options["engine"]):
        raise UsageError("--ensemble contradicts --model and --engine", None, "Give one of them.")
    if reference is not None:
        _refuse_reference(reference, files)
    settings = settings_of.load(format=format_, **options).settings
    logbook.open_log(settings, verbose)
    allocator.bound_arenas()
    how = _How(
        names or (), two_stems or "", also or (), span, keep, mute or (), force, dry_run, explain, as_json, reference
    )
    with logbook.native_quiet(settings):
        _separate_all(files, settings, how, progress(style, quiet))


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
    from stem_cli import artifacts
    from stem_cli.separation import Order, stems_needed
    from stem_cli.track import open_track

    from stem_cli.engines import request_of  # isort: skip

    track = open_track(artifacts.resolve(shop.database, name), shop.database.fingerprint)
    names = stems.whole_of(how.stems) if settings.vocal_sub_separation else how.stems
    request = request_of(settings, stems_needed(names, how.two_stems, how.also), how.span)
    order = Order(
        request=request,
        settings=settings,
        names=names,
        also=how.also,
        two_stems=how.two_stems,
        force=how.force,
        dry_run=how.dry_run,
        tolerant=settings.damaged == "take",
        mute=how.mute,
        minutes_paid=shop.budget.paid,
    )
    if how.explain:
        _explain(track, order, how)
        return None
    try:
        result = _run(shop, track, order, listener, how)
    except DamagedError as error:
        if not _accepted(settings.damaged, error, listener, how):
            if settings.damaged == "skip":
                return None
            raise
        from dataclasses import replace

        result = _run(shop, track, replace(order, tolerant=True), listener, how)
    listener.end()
    listener.outcome(track.path.name, result.status, result.engine)
    _log.info("%s: %s by %s in %.2f s", name, result.status, result.engine, result.work_seconds)
    return result


def _run(shop: Any, track: Any, order: Any, listener: Progress, how: _How) -> Any:
    """Separate the song, and divide its vocals or silence stems where that is wanted."""
    from dataclasses import replace

    from stem_cli import separation, split

    split.refuse(order)
    if order.settings.vocal_sub_separation:
        result = split.separate(shop, track, order, listener, keep=how.keep)
    else:
        result = separation.separate(shop, track, order, listener)
    folder = result.folder
    if folder is None:
        return result
    for name in order.mute:
        folder = split.mute(shop, folder, name)
    return replace(result, folder=folder)


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
