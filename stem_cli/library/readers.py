"""Which reader a file of a DJ program needs: told by its name, and XML by its outermost element."""

from __future__ import annotations

from pathlib import Path

from stem_cli.errors import InputError
from stem_cli.library import m3u, rekordbox, rekordbox_db, serato, serato4, traktor, virtualdj
from stem_cli.library.crate import Crate, Wish, only
from stem_cli.library.xml import root_of


def _xml(path: Path, wish: Wish = None) -> tuple[Crate, ...]:
    readers = {virtualdj.ROOT: virtualdj.read, virtualdj.LIST_ROOT: virtualdj.read_list, traktor.ROOT: traktor.read}
    reader = readers.get(root_of(path))
    return rekordbox.read(path, wish) if reader is None else reader(path)


def _serato_database(path: Path) -> tuple[Crate, ...]:
    return (Crate("", path, tuple(serato.read_database(path).values())),)


READERS = {
    ".m3u": m3u.read,
    ".m3u8": m3u.read,
    serato.CRATE: serato.read,
    serato.SMART: serato.read,
    serato4.ENDING: serato4.read,
    ".nml": traktor.read,
    ".xml": _xml,
    virtualdj.LIST: virtualdj.read_list,
    rekordbox_db.ENDING: rekordbox_db.read,
}
"""By the ending of the file's name."""


def read(path: Path, wish: Wish = None) -> tuple[Crate, ...]:
    """The lists in a file of a DJ program, by its name. Raises InputError where it is none, or damaged.

    wish: other songs are left out; of a large rekordbox.xml they need no memory.
    """
    reader = _serato_database if path.name == serato.DATABASE else READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError("this is no list of a DJ program that is known", path, f"Known are {', '.join(READERS)}.")
    crates = _xml(path, wish) if reader is _xml else reader(path)
    return tuple(only(crate, wish) for crate in crates)
