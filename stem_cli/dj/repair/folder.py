"""A folder for decks, copied whole: what can be is mended, names that are refused are replaced, lists follow."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from stem_cli.disk import disk_errors, replaced
from stem_cli.dj.check import Finding, check, is_for_decks, kind_of
from stem_cli.dj.check.m3u import is_utf8
from stem_cli.dj.repair.file import repair_file
from stem_cli.dj.repair.moves import Moves
from stem_cli.dj.repair.names import mended, mended_names
from stem_cli.errors import InputError, OutputError, UsageError
from stem_cli.folder import copy_file

_ELSEWHERE = "Choose another --fix"
_UNFINISHED = ".stem-cli-unfinished"
"""Lies in a copy of a folder until it is whole, and names what has been written there: the next run may replace it."""


@dataclass(frozen=True)
class Copied:
    """A file of a mended copy. rules: of the findings that were mended. kept: why it was copied as it is, if so."""

    source: Path
    target: Path
    rules: tuple[str, ...] = ()
    kept: str = ""


def repair(path: Path, folder: Path, programs: Collection[str] = (), drive: Path | None = None) -> Iterator[Copied]:
    """Mend copies in this folder: of one file, or of all in a folder, whose copy is whole and names its own files.

    Nothing is replaced, but for what such a run wrote that was stopped. Hidden files and links to folders are left out.
    programs, drive: as `check` takes them.
    Raises OutputError where a file is in the way, UsageError where the copy would lie in what it is a copy of.
    """
    source, target = path.absolute(), folder.absolute()
    if not source.is_dir():
        moves = Moves(source.parent, target, {source.name: _listed(source, mended(source.name))}, drive)
        yield from _copied(moves, programs, alone=True)
        return
    if target.resolve().is_relative_to(source.resolve()):
        raise UsageError("the copy would lie in the folder that it is a copy of", folder, "Choose another --fix.")
    yield from _copied(Moves(source, target, dict(_names(source)), drive), programs, alone=False)


def _names(source: Path) -> Iterator[tuple[str, str]]:
    """Each file below a folder with the path that it gets."""
    given = {source: PurePath()}
    for home, folders, files in os.walk(source):
        here = Path(home)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not (here / name).is_symlink())
        shown = sorted(name for name in files if not name.startswith(".") and (here / name).is_file())
        new = mended_names([*folders, *shown])
        given |= {here / name: given[here] / new[name] for name in folders}
        for name in shown:
            yield str((here / name).relative_to(source)), str(given[here] / _listed(here / name, new[name]))


def _listed(path: Path, name: str) -> str:
    """A playlist that is not in UTF-8 becomes .m3u8: in .m3u programs expect what Windows had."""
    return f"{name}8" if name.lower().endswith(".m3u") and not is_utf8(path) else name


def _copied(moves: Moves, programs: Collection[str], *, alone: bool) -> Iterator[Copied]:
    mark = moves.target / _UNFINISHED
    _refuse_files(moves, set() if alone else _written_in(mark, moves.source))
    with disk_errors(moves.target, _ELSEWHERE):
        moves.target.mkdir(parents=True, exist_ok=True)
    for old, new in moves.paths.items():
        source, target = moves.source / old, moves.target / new
        found = list(check(source, programs)) if is_for_decks(source) else []
        with disk_errors(target, _ELSEWHERE):
            target.parent.mkdir(parents=True, exist_ok=True)
            if not alone:
                _write_down(mark, moves.source, new)
        yield _one(source, target, found, None if alone else moves)
    with disk_errors(mark, _ELSEWHERE):
        mark.unlink(missing_ok=True)


def _refuse_files(moves: Moves, written: Collection[str]) -> None:
    """Raises OutputError where a file is in the way that a run that was stopped has not written."""
    for place in moves.paths.values():
        if place not in written and os.path.lexists(moves.target / place):
            what = "a file of that name is there already"
            raise OutputError(what, moves.target / place, "Choose another folder for --fix.")


def _written_in(mark: Path, source: Path) -> set[str]:
    """What a run that was stopped has written of this folder, or was about to write."""
    try:
        first, *places = (os.fsdecode(name) for name in mark.read_bytes().split(b"\0"))
    except OSError:
        return set()
    return set(places) if first == str(source) else set()


def _write_down(mark: Path, source: Path, place: str) -> None:
    with mark.open("ab") as file:
        if not file.tell():
            file.write(os.fsencode(source))
        file.write(b"\0" + os.fsencode(place))


def _one(source: Path, target: Path, found: list[Finding], moves: Moves | None) -> Copied:
    rules = tuple(dict.fromkeys(one.rule for one in found if one.fixable))
    renamed = tuple(rule for rule in rules if rule.startswith("name."))
    if source.name != target.name and not renamed and not rules:
        rules = renamed = ("name.twice",)
    kept = ""
    if rules or (moves is not None and _names_others(source)):
        try:
            repair_file(source, target, moves)
            return Copied(source, target, rules)
        except (InputError, ValueError) as error:
            kept = str(error.what if isinstance(error, InputError) else error)
    with disk_errors(target, _ELSEWHERE), replaced(target) as partial:
        copy_file(source, partial)
    return Copied(source, target, renamed, kept)


def _names_others(path: Path) -> bool:
    """Whether a file names others."""
    return kind_of(path.name) in ("crate", "rekordbox", "m3u") and is_for_decks(path)
