"""What `stem split-vocals` and `stem split-drums` share: options, songs and folders one after the other, results."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stem_cli import settings as settings_of
from stem_cli.errors import InputError, SomeFailed, StemError
from stem_cli.options import ENGINE, MODEL, default_of
from stem_cli.progress import STYLES, Progress, progress
from stem_cli.settings import CHOICES

_log = logging.getLogger("stem_cli")


@dataclass(frozen=True)
class How:
    """What the command line says beside the settings. is_stem: the files are that stem already."""

    stem: str
    keep: bool
    is_stem: bool
    force: bool
    json: bool


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that both commands have."""
    choice = click.Choice
    for option in reversed((
        click.argument("paths", nargs=-1, required=True, metavar="FILE|STEMFOLDER..."),
        click.option("--split-model", type=MODEL, help="Of the second pass.", show_default="the best that is there"),
        click.option("--engine", type=ENGINE, help="Of the first pass.", show_default=default_of("engine")),
        click.option("--model", type=MODEL, help="Of the first pass.", show_default="the best that is there"),
        click.option("--models-dir", metavar="DIR", help="Look for models here first."),
        click.option("--is-stem", is_flag=True, help="FILE is that stem already, not a song: no first pass."),
        click.option("--keep", is_flag=True, help="Keep the stem beside its parts."),
        click.option("--output", metavar="DIR|same", help="Where the stems of a FILE go.", show_default="stems"),
        click.option("--format", "format_", type=choice(CHOICES["format"]), help="Of its stems.", show_default="wav"),
        click.option("--device", type=choice(CHOICES["device"]), help="Where networks run.", show_default="auto"),
        click.option("--allow-cloud", is_flag=True, default=None, help="A service may be used: sends the sound, pays."),
        click.option("--force", is_flag=True, help="Divide again, and replace what lies there."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object a song."),
        click.option("--progress", "style", type=choice(STYLES), default="auto", show_default=True, help="On stderr."),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result."),
        click.option("-v", "--verbose", is_flag=True, help="Print the log as well."),
    )):  # fmt: skip
        command = option(command)
    return command


def run(stem: str, paths: tuple[str, ...], keep: bool, is_stem: bool, force: bool, as_json: bool, **rest: Any) -> None:
    """Divide that stem of each path; one that fails is told, and the next begins. Raises StemError."""
    from stem_cli import allocator, logbook
    from stem_cli.separation import open_shop

    style, quiet, verbose = rest.pop("style"), rest.pop("quiet"), rest.pop("verbose")
    settings = settings_of.load(format=rest.pop("format_"), **rest).settings
    logbook.open_log(settings, verbose)
    allocator.bound_arenas()
    how, listener = How(stem, keep, is_stem, force, as_json), progress(style, quiet)
    failed: list[StemError] = []
    with logbook.native_quiet(settings), open_shop(settings) as shop:
        for path in paths:
            try:
                for folder in _divided(shop, path, settings, how, listener):
                    _print(folder, path, how)
            except StemError as error:
                failed.append(error)
                if len(paths) > 1:
                    listener.fault(str(error))
            except Exception as error:
                if len(paths) == 1:
                    raise
                _log.exception("a bug with %s", path)
                failed.append(StemError(f"a bug of ours: {error!r}", Path(path)))
                listener.fault(str(failed[-1]))
            finally:
                listener.end()
    if failed and len(paths) == 1:
        raise failed[0]
    if failed:
        others = "The others are done." if len(failed) < len(paths) else "Nothing was made."
        raise SomeFailed(f"{len(failed)} of {len(paths)} could not be divided", None, others)


def _divided(shop: Any, name: str, settings: settings_of.Settings, how: How, listener: Progress) -> list[Any]:
    """The folders that hold the parts: one, or all songs of a folder in the flat layout."""
    from stem_cli import artifacts
    from stem_cli.folder import find_folders

    path = artifacts.resolve(shop.database, name)
    if not path.is_dir() and not path.name.endswith(".json"):
        return [_of_file(shop, path, settings, how, listener, how.is_stem)]
    found = find_folders(path)
    if found:
        return [_of_ours(shop, folder, settings, how, listener) for folder in found]
    return [_of_file(shop, _of_other_tool(path, how.stem), settings, how, listener, is_stem=True)]


def _of_ours(shop: Any, folder: Any, settings: settings_of.Settings, how: How, listener: Progress) -> Any:
    """A folder of ours, divided."""
    from stem_cli.split import divide, divided_already

    names = {file.name for file in folder.record.files}
    if divided_already(folder, how.stem, how.keep, settings.split_model) and not how.force:
        return folder
    if how.stem not in names and divided_already(folder, how.stem):
        what = f"it is divided already, and its {how.stem} are not there any more"
        raise InputError(what, folder.place.home, "Name the song instead of the folder, and --keep.")
    return divide(shop, folder, how.stem, listener, how.keep)


def _of_file(shop: Any, path: Path, settings: settings_of.Settings, how: How, listener: Progress, is_stem: bool) -> Any:
    """A song's stem, or what is that stem already, in a folder of its own and divided."""
    from dataclasses import replace

    from stem_cli import split
    from stem_cli.engines import request_of
    from stem_cli.separation import Order
    from stem_cli.track import open_track

    request = request_of(settings, (how.stem,))
    if is_stem:
        request = replace(request, engine="builtin", model=f"is-{how.stem}", ensemble="")
    tolerant, paid = settings.damaged == "take", shop.budget.paid
    order = Order(request, settings, names=(how.stem,), force=how.force, tolerant=tolerant, minutes_paid=paid)
    track = open_track(path, shop.database.fingerprint)
    return split.separate(shop, track, order, listener, how.stem, how.keep, must=True).folder


def _of_other_tool(folder: Path, stem: str) -> Path:
    """The file of a stem in a folder that another tool made. Raises InputError."""
    from stem_cli.folder.foreign import stem_files

    found = stem_files(folder)
    if stem not in found:
        raise InputError(f"there is no file of {stem} in it", folder, "Name the file itself, with --is-stem.")
    return found[stem]


def _print(folder: Any, path: str, how: How) -> None:
    from stem_cli.folder import to_text

    parts = {name: file for name, file in folder.paths().items() if name in folder.record.divided}
    if how.json:
        record = json.loads(to_text(folder.record))
        found = {name: str(file) for name, file in parts.items()}
        click.echo(json.dumps({"file": path, "folder": str(folder.place.home), "stems": found, "record": record}))
        return
    for file in parts.values():
        click.echo(os.fsencode(file))
