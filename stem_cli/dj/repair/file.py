"""One file, mended on a copy by the mender of its kind."""

from __future__ import annotations

from pathlib import Path

from stem_cli.disk import disk_errors, replaced
from stem_cli.dj.check import kind_of
from stem_cli.dj.repair import crate, m3u
from stem_cli.dj.repair.moves import Moves
from stem_cli.dj.repair.rekordbox import repair_rekordbox
from stem_cli.dj.repair.stem import repair_stem
from stem_cli.dj.repair.wav import repair_wav
from stem_cli.errors import InputError
from stem_cli.folder import copy_file


def repair_file(source: Path, target: Path, moves: Moves | None = None) -> None:
    """Write a mended copy, whole or not at all. moves: files that its lists name lie elsewhere now; None is nowhere.

    Raises InputError where it cannot be mended, OutputError.
    """
    kind = kind_of(source.name)
    if kind == "wav":
        repair_wav(source, target)
        return
    with disk_errors(target), replaced(target) as partial:
        if kind == "stem":
            repair_stem(source, partial)
        elif kind == "rekordbox":
            with partial.open("wb") as out:
                repair_rekordbox(source, out, moves.of_location if moves else _stays)
        elif kind in ("crate", "m3u"):
            partial.write_bytes(_list(source, target, kind, moves))
        else:
            copy_file(source, partial)  # only its name was wrong


def _list(source: Path, target: Path, kind: str, moves: Moves | None) -> bytes:
    raw = source.read_bytes()
    if kind == "m3u":
        if moves is None:
            return m3u.repaired(raw)
        return m3u.repaired(raw, lambda line: moves.of_line(line, source.parent, target.parent))
    try:
        if moves is None:
            return crate.repaired(raw)
        return crate.repaired(raw, lambda song: moves.of_song(song, source, target))
    except ValueError as error:
        raise InputError(str(error), source, "Write it anew with stem organize --for serato.") from error


def _stays(place: str) -> str:
    return place
