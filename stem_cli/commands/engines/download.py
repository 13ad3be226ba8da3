"""`stem engines download`: fetch the weights of a model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stem_cli import settings as settings_of
from stem_cli.commands.engines.agree import agree
from stem_cli.errors import EngineError, UsageError
from stem_cli.options import MODEL

if TYPE_CHECKING:
    from stem_cli.engines import Model
    from stem_cli.models import ModelFile
    from stem_cli.models.download import Listener

_LINES = 10
_UNKNOWN_BYTES = 100_000_000  # of a file whose size nobody says, for the lines of progress
_EPILOG = """\b
Examples:
  stem engines download htdemucs
  stem engines download htdemucs_ft --yes --quiet
  stem engines download htdemucs --from https://mirror.example/demucs
"""


@click.command(epilog=_EPILOG)
@click.argument("model", type=MODEL)
@click.option("--from", "mirror", metavar="URL", help="Another place that holds the same files (a mirror).")
@click.option("--models-dir", metavar="DIR", help="Where the files go.", show_default="as in the settings")
@click.option("-y", "--yes", is_flag=True, help="Do not ask: size and licence are agreed to.")
@click.option("--dry-run", is_flag=True, help="Say what would be downloaded, and download nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
def download(
    model: str, mirror: str | None, models_dir: str | None, yes: bool, dry_run: bool, as_json: bool, quiet: bool
) -> None:
    """Download the weights of MODEL, after showing their size and licence; prints the files.

    Only what is missing is downloaded: a file that PyTorch has in its own cache is used from there. Interrupted, the
    same command goes on where it stopped.
    """
    from stem_cli.engines import find_model
    from stem_cli.models import memory_of

    folder = settings_of.models_dir(settings_of.load(models_dir=models_dir).settings)
    engine, found = find_model(model, folder)
    if not found.files:
        raise EngineError(f"{model} has no weights", None, "There is nothing to download: it is ready.")
    files = tuple(_from_mirror(file, mirror) for file in found.files)
    memory = memory_of(folder)
    there = {file: path for file in files if (path := _there(file, folder, memory, model))}
    missing = tuple(file for file in files if file not in there)
    _require_addresses(missing, folder)
    if missing and not (quiet and (yes or dry_run)):
        _say_terms(found, missing, folder)
    if missing and not dry_run:
        agree("Download?", "download", yes)
        there |= {file: _fetched(file, folder, memory, model, quiet or as_json) for file in missing}
    rows = [_file_row(file, there.get(file), folder, file in missing) for file in files]
    if as_json:
        click.echo(json.dumps({"model": model, "engine": engine.name, "licence": found.licence, "files": rows}))
    else:
        click.echo("\n".join(row["path"] for row in rows))


def _file_row(file: ModelFile, path: Path | None, folder: Path, was_missing: bool) -> dict[str, Any]:
    return {
        "name": file.name,
        "path": str(path or folder / file.name),
        "bytes": path.stat().st_size if path else file.bytes,
        "status": "missing" if path is None else "downloaded" if was_missing else "there",
        "checked": bool(file.sha256),
    }


def _require_addresses(missing: tuple[ModelFile, ...], folder: Path) -> None:
    """Raises EngineError for a file that nobody is known to offer."""
    for file in missing:
        if not file.url:
            hint = f"Put {file.name} there yourself, or give --from URL, the folder of a host that has it."
            raise EngineError(f"no address of {file.name} is known", folder, hint)


def _from_mirror(file: ModelFile, mirror: str | None) -> ModelFile:
    if mirror is None:
        return file
    if not mirror.startswith(("http://", "https://")):
        raise UsageError(f"--from {mirror!r} is no address", None, "Write https://host/folder.")
    return replace(file, url=f"{mirror.rstrip('/')}/{file.name}")


def _there(file: ModelFile, folder: Path, memory: Path, model: str) -> Path | None:
    """Where a whole file lies. A broken one of ours is an error; one in PyTorch's cache is left alone."""
    from stem_cli.models import check, find

    path = find(file, folder)
    if path is None:
        return None
    try:
        check(path, file.sha256, memory, model, file.bytes)
    except EngineError:
        if path.parent == folder:
            raise
        return None
    return path


def _say_terms(model: Model, missing: tuple[ModelFile, ...], folder: Path) -> None:
    from stem_cli.models.transfer import host_of

    known = sum(file.bytes or 0 for file in missing)
    more = any(file.bytes is None for file in missing)
    size = f"{known / 1e6:,.0f} MB{' and more' if more else ''}" if known else "of unknown size"
    hosts = ", ".join(dict.fromkeys(host_of(file) for file in missing))
    count = f"{len(missing)} file{'s' if len(missing) > 1 else ''}"
    click.echo(f"{model.name}: {count}, {size}, from {hosts} into {folder}", err=True)
    click.echo(f"Licence of the weights: {model.licence}", err=True)
    if unknown := [file.name for file in missing if not file.sha256]:
        click.echo(f"No checksum of {', '.join(unknown)} is known: what the host sends cannot be checked.", err=True)


def _fetched(file: ModelFile, folder: Path, memory: Path, model: str, silent: bool) -> Path:
    """Downloaded, and its digest remembered for the first separation."""
    from stem_cli import models

    def waiting() -> None:
        if not silent:
            click.echo(f"stem: another process downloads {file.name}; waiting for it", err=True)

    with _progress(file.name, silent) as listener:
        path = models.download(file, folder, listener, waiting)
    models.check(path, file.sha256, memory, model, file.bytes)
    return path


@contextmanager
def _progress(name: str, silent: bool) -> Iterator[Listener]:
    """A bar on a terminal, a line every 10 % elsewhere."""
    if silent:
        yield lambda _done, _total: None
    elif not sys.stderr.isatty():
        yield _lines(name)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(name, markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task(name, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(name: str) -> Callable[[int, int | None], None]:
    shown = -1

    def tell(done: int, total: int | None) -> None:
        nonlocal shown
        step = done * _LINES // (total or _UNKNOWN_BYTES)
        if step != shown:
            shown = step
            share = f"{100 * step // _LINES} % of {total / 1e6:,.1f} MB" if total else f"{done / 1e6:,.1f} MB"
            click.echo(f"{name}: {share}", err=True)

    return tell
