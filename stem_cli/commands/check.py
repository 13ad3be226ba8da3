"""`stem check`: files for decks, looked at the way a deck would."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from stem_cli.errors import FaultsFound, OutputError, UsageError
from stem_cli.options import PROGRAMS

_EPILOG = """\b
Examples:
  stem check ~/DJ/Stems
  stem check /media/dj/STICK --for cdj
  stem check song.wav --for cdj --fix mended
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(exists=True, path_type=Path))
@click.option("--for", "programs", type=PROGRAMS, default=(), help="Programs, parted by commas.", show_default="all")
@click.option("--drive", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Root that paths in crates start from: looks whether the songs of lists are there.")  # fmt: skip
@click.option("--fix", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write a mended copy of what can be mended into this folder.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Warnings count as faults.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but faults.")
def check(
    paths: tuple[Path, ...],
    programs: tuple[str, ...],
    drive: Path | None,
    fix: Path | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look at files as decks and DJ programs do: headers, rates, names, lists, `.stem.mp4`.

    Files are only read; --fix writes mended copies elsewhere. Exit code 9 where a deck would stumble over something.
    """
    from stem_cli.dj.check import FAULT

    found = [(path, finding) for one in paths for path, finding in _findings(one, programs, drive)]
    if as_json:
        rows = [{"file": os.fsencode(path).decode("utf-8", "replace"), **_plain(finding)} for path, finding in found]
        click.echo(json.dumps({"findings": rows}, ensure_ascii=True))
    else:
        for path, finding in found:
            if finding.severity == FAULT or not quiet:
                hint = f" {finding.hint}" if finding.hint else ""
                click.echo(os.fsencode(f"{path}: {finding.severity}: {finding.what}.{hint} ({finding.rule})"))
    if fix is not None:
        _fix(dict.fromkeys(path for path, finding in found if finding.fixable), fix, quiet)
    faults = sum(finding.severity == FAULT or strict for _, finding in found)
    if faults:
        raise FaultsFound(f"{faults} faults were found", None, "Mend them, or write the files anew: `stem organize`.")
    if not found and not quiet and not as_json:
        click.echo("no fault was found")


def _findings(path: Path, programs: tuple[str, ...], drive: Path | None) -> Any:
    from stem_cli.dj import check as checks

    if path.is_dir():
        yield from checks.check_folder(path, programs)
        return
    if not checks.kind_of(path.name):
        raise UsageError("decks do not read such files", path, "Name a sound, a .stem.mp4, a crate or a playlist.")
    for finding in checks.shortened(checks.check(path, programs, drive)):
        yield path, finding


def _plain(finding: Any) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(finding)


def _fix(paths: dict[Path, None], folder: Path, quiet: bool) -> None:
    """Write mended copies. Raises OutputError where a file is in the way: nothing is replaced."""
    from stem_cli.disk import disk_errors
    from stem_cli.dj.repair import repair_wav

    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        target = folder / path.name
        if os.path.lexists(target):
            raise OutputError("a file of that name is there already", target, "Choose another folder for --fix.")
        repair_wav(path, target)
        if not quiet:
            click.echo(os.fsencode(f"{target}: a mended copy"))
