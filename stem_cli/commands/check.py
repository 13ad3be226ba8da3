"""`stem check`: files for decks, looked at the way a deck would."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stem_cli.errors import FaultsFound, InputError, UsageError, counted
from stem_cli.options import PROGRAMS

if TYPE_CHECKING:
    from stem_cli.dj.check import Finding
    from stem_cli.dj.repair import Copied

_EPILOG = """\b
Examples:
  stem check ~/DJ/Stems
  stem check /media/dj/STICK --for cdj
  stem check song.wav --for cdj --fix mended
  stem check ~/DJ/Stems --fix ~/DJ/Stems-mended
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(exists=True, path_type=Path))
@click.option("--for", "programs", type=PROGRAMS, default=(), help="Programs, parted by commas.", show_default="all")
@click.option("--drive", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Root that paths in crates start from: looks whether the songs of lists are there.")  # fmt: skip
@click.option("--fix", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write a mended copy into this folder: of a folder all of it, of a file itself.")  # fmt: skip
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

    Files are only read; --fix writes mended copies elsewhere, and looks at those again. Run again after it was stopped,
    it finishes the copy of a folder. Exit code 9 where a deck would
    stumble over something, with --fix over something in the copy.
    """
    found = [(path, finding) for one in paths for path, finding in _findings(one, programs, drive)]
    if not as_json:
        _print(found, quiet)
    copied = [] if fix is None else _fix(paths, found, fix, programs, drive)
    left = found if fix is None else list(_left(copied, fix, paths, programs, drive))
    if as_json:
        told: dict[str, Any] = {"findings": _rows(found)}
        if fix is not None:
            told |= {"mended": [_copy(one) for one in copied if one.rules or one.kept], "left": _rows(left)}
        click.echo(json.dumps(told, ensure_ascii=True))
    elif fix is not None:
        _print_copied(copied, fix, quiet)
        _print(left, not strict, "still a ")
    _end(left, strict, mended=fix is not None, everywhere=not programs)
    if not found and not quiet and not as_json:
        click.echo(f"no fault was found in {_looked_at(paths)}")


def _findings(path: Path, programs: tuple[str, ...], drive: Path | None) -> Iterator[tuple[Path, Finding]]:
    from stem_cli.dj import check as checks

    if path.is_dir():
        yield from checks.check_folder(path, programs, drive)
        return
    if not checks.kind_of(path.name):
        raise UsageError("decks do not read such files", path, "Name a sound, a .stem.mp4, a crate or a playlist.")
    for finding in checks.shortened(checks.check(path, programs, drive)):
        yield path, finding


def _fix(
    paths: tuple[Path, ...],
    found: list[tuple[Path, Finding]],
    folder: Path,
    programs: tuple[str, ...],
    drive: Path | None,
) -> list[Copied]:
    """Write mended copies: of several folders each in one of its own."""
    from stem_cli.dj.repair import repair

    broken = {path for path, finding in found if finding.fixable}
    several = len(paths) > 1
    return [
        copied
        for path in paths
        if path.is_dir() or path in broken
        for copied in repair(
            path, folder / path.absolute().name if several and path.is_dir() else folder, programs, drive
        )
    ]


def _left(
    copied: list[Copied], folder: Path, paths: tuple[Path, ...], programs: tuple[str, ...], drive: Path | None
) -> Iterator[tuple[Path, Finding]]:
    """What is still found: in the copy of a folder, in mended files, in files of which there is nothing to mend."""
    done = {one.source for one in copied}
    for path in paths:
        if path.is_dir():
            yield from _findings(folder / path.absolute().name if len(paths) > 1 else folder, programs, drive)
        elif path.absolute() not in done:
            yield from _findings(path, programs, drive)
    named = {path.absolute() for path in paths}
    for one in copied:
        if one.source in named:
            yield from _findings(one.target, programs, drive)


def _print(found: list[tuple[Path, Finding]], quiet: bool, before: str = "") -> None:
    for path, finding in found:
        if finding.severity == "fault" or not quiet:
            hint = f" {finding.hint}" if finding.hint else ""
            text = f"{path}: {before}{finding.severity}: {finding.what}.{hint} ({finding.rule})"
            click.echo(os.fsencode(text))


def _print_copied(copied: list[Copied], folder: Path, quiet: bool) -> None:
    if quiet:
        return
    for one in copied:
        if one.rules:
            click.echo(os.fsencode(f"{one.target}: a mended copy ({', '.join(one.rules)})"))
        if one.kept:
            click.echo(os.fsencode(f"{one.target}: a copy as it is: {one.kept}"))
    if len(copied) > 1:
        mended, renamed = (
            sum(bool(one.rules) for one in copied),
            sum(one.source.name != one.target.name for one in copied),
        )
        click.echo(os.fsencode(f"{folder}: {len(copied)} files, {mended} mended, {renamed} renamed"), err=True)


def _looked_at(paths: tuple[Path, ...]) -> str:
    """How many files. Raises InputError where none of them is for decks."""
    from stem_cli.dj import check as checks

    count = sum(1 for path in paths for _ in (checks.files_for_decks(path) if path.is_dir() else (path,)))
    if not count:
        raise InputError(
            "there is nothing in it that decks play or read", paths[0], "Name a folder of sounds or lists."
        )
    return counted(count, "file")


def _end(left: list[tuple[Path, Finding]], strict: bool, *, mended: bool, everywhere: bool) -> None:
    faults = [finding for _, finding in left if finding.severity == "fault" or strict]
    if not faults:
        return
    verb = "was" if len(faults) == 1 else "were"
    what = f"{counted(len(faults), 'fault')} {verb} {'left' if mended else 'found'}"
    fixable = 0 if mended else sum(finding.fixable for finding in faults)
    hints = [
        f"{fixable} can be mended in a copy: --fix DIR." if fixable else "",
        "Each line says what to do." if fixable < len(faults) else "",
        "With --for, only your own programs count." if everywhere else "",
    ]
    raise FaultsFound(what, None, " ".join(filter(None, hints)))


def _rows(found: list[tuple[Path, Finding]]) -> list[dict[str, Any]]:
    import dataclasses

    return [{"file": _text(path), **dataclasses.asdict(finding)} for path, finding in found]


def _copy(one: Copied) -> dict[str, Any]:
    return {"file": _text(one.source), "copy": _text(one.target), "rules": list(one.rules), "kept": one.kept}


def _text(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
