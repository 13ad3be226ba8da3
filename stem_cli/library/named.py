"""The lists behind whatever a user names: a file, a folder of a DJ program, a drive; and those of a name."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from stem_cli.errors import InputError
from stem_cli.library import rekordbox, rekordbox_db, serato, serato4, virtualdj
from stem_cli.library.crate import Crate, Entry, Wish
from stem_cli.library.readers import READERS, read
from stem_cli.library.xml import root_of

_SERATO_FOLDERS = (("Subcrates", serato.CRATE), ("SmartCrates", serato.SMART))
_SERATO_4 = (
    "AppData/Roaming/Serato/Library",
    "AppData/Local/Serato/Library",
    "Library/Application Support/Serato/Library",
)
_REKORDBOX = ("Library/Pioneer/rekordbox", "AppData/Roaming/Pioneer/rekordbox")
_EXPORTS = ("Documents/rekordbox.xml", "Documents/rekordbox/rekordbox.xml", "Music/rekordbox.xml")
_TRAKTOR = "Documents/Native Instruments/Traktor*/collection.nml"
_VIRTUALDJ = ("Documents/VirtualDJ", "Library/Application Support/VirtualDJ", "AppData/Local/VirtualDJ")
"""From the home folder, each as its program's manual or the readers of others name it."""
_NEAREST = 3


def lists_of(path: Path, wish: Wish = None) -> tuple[Crate, ...]:
    """All lists of what a user names. Raises InputError where there is none.

    A list or library file; a folder of Serato's, Traktor's, VirtualDJ's or rekordbox's; a drive or music folder that
    holds one; a folder with playlists. Of many files, one that cannot be read is a list without songs that says why.
    Songs of a list are told with what the library beside it knows of them. wish: other songs are left out.
    """
    try:
        if path.is_dir():
            crates = tuple(crate for source in _sources(path) for crate in _tried(source, wish))
            libraries = crates
        else:
            crates = (*read(path, wish), *_virtualdj_lists(path, wish))
            beside = _beside(path)
            libraries = crates if beside is None else _tried(beside, wish)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error
    if not crates:
        raise InputError("no lists of a DJ program are here", path, "Name a playlist, a crate or a library file.")
    return _told(crates, libraries)


def default_libraries(home: Path, drives: Iterable[Path] = ()) -> list[Path]:
    """The libraries of all known programs that are where their programs put them; of Traktor's, the newest.

    drives: mounted drives, which may hold libraries of their own.
    """
    mounted = tuple(drives)
    traktor = sorted(home.glob(_TRAKTOR), key=lambda file: file.stat().st_mtime_ns)
    places = [
        *(root / serato.FOLDER for root in (home / "Music", *mounted)),
        *(home / folder / serato4.NAMES[0] for folder in _SERATO_4),
        *(home / folder / rekordbox_db.NAME for folder in _REKORDBOX),
        *(home / name for name in _EXPORTS),
        *traktor[-1:],
        *(home / folder / virtualdj.DATABASE for folder in _VIRTUALDJ),
        *(drive / "VirtualDJ" / virtualdj.DATABASE for drive in mounted),
    ]
    return [place for place in places if os.path.exists(place)]  # noqa: PTH110 - pathlib's own may raise


def searched(home: Path, drives: Iterable[Path] = ()) -> list[Path]:
    """The folders that `default_libraries` looks into, by their uppermost ones that are there."""
    places = ("Music", *_SERATO_4, *_REKORDBOX, *_EXPORTS, _TRAKTOR, *_VIRTUALDJ)
    tops = dict.fromkeys(home / Path(place).parts[0] for place in places)
    return [one for one in tops if os.path.isdir(one)] + list(drives) or [home]  # noqa: PTH112 - pathlib's own may raise


def holds_lists(folder: Path) -> bool:
    """Whether files of DJ programs lie in a folder itself."""
    return any(_is_library(file) for file in _files(folder, *READERS))


def choose(crates: Iterable[Crate], name: str) -> tuple[Crate, ...]:
    """The lists of a name, in any case: `Gigs/Saturday`, `Gigs%%Saturday`, `Saturday` alone where that is one only.

    The name of a folder that is no list itself means all lists in it. Where several libraries have the list, all of
    them. Raises InputError where there is none, naming the nearest, or where several different ones are called so.
    """
    known = [(_key(crate.name), crate) for crate in crates if crate.name]
    wanted = _key(name)
    exact = tuple(crate for key, crate in known if key == wanted)
    last = {key: crate.name for key, crate in known if key.endswith(f"/{wanted}")} if wanted else {}
    if exact or len(last) == 1:
        return exact or tuple(crate for key, crate in known if key in last)
    if last:
        raise InputError(
            f"several lists are called {name!r}: {', '.join(last.values())}", hint="Name its folder as well."
        )
    inside = tuple(crate for key, crate in known if wanted and key.startswith(f"{wanted}/"))
    if not inside:
        raise InputError(f"there is no list called {name!r}", hint=_nearest(wanted, known))
    return inside


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFC", name.replace("\\", "/"))
    for separator in serato.SEPARATORS:
        plain = plain.replace(separator, "/")
    return plain.strip("/ ").casefold()


def _nearest(wanted: str, known: Sequence[tuple[str, Crate]]) -> str:
    names: dict[str, str] = {}
    for key, crate in known:
        for form in (key, key.rpartition("/")[2]):
            names.setdefault(form, crate.name)
    near = difflib.get_close_matches(wanted, names, n=_NEAREST, cutoff=0.5)
    if near:
        return f"Near are: {', '.join(dict.fromkeys(names[one] for one in near))}."
    if not known:
        return "There are no lists."
    every = list(dict.fromkeys(crate.name for _, crate in known))
    return f"There are: {', '.join(every[:_NEAREST])}{' ...' if len(every) > _NEAREST else '.'}"


def _sources(folder: Path) -> Iterator[Path]:
    """The files to read of a folder: those of a program's folders in it, then those that lie in it themselves."""
    own = folder if folder.name == serato.FOLDER else folder / serato.FOLDER
    for inner, ending in _SERATO_FOLDERS:
        yield from _files(own / inner, ending)
    yield from (own / "Library" / name for name in serato4.NAMES if (own / "Library" / name).is_file())
    if (own / serato.DATABASE).is_file():
        yield own / serato.DATABASE
    if (folder / "VirtualDJ" / virtualdj.DATABASE).is_file():
        yield folder / "VirtualDJ" / virtualdj.DATABASE
    for file in _files(folder, *READERS):
        if _is_library(file):
            yield file


def _is_library(file: Path) -> bool:
    """Whether a file with such an ending is a DJ program's: databases and XML are many programs'."""
    if file.suffix.lower() in (serato4.ENDING, rekordbox_db.ENDING):
        return file.name.lower() in (*serato4.NAMES, rekordbox_db.NAME)
    return file.suffix.lower() != ".xml" or root_of(file) in (rekordbox.ROOT, virtualdj.ROOT)


def _files(folder: Path, *endings: str) -> list[Path]:
    """By name, but for the ones that macOS leaves beside files on foreign disks."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    return [one for one in inside if one.suffix.lower() in endings and not one.name.startswith("._") and one.is_file()]


def _tried(path: Path, wish: Wish) -> tuple[Crate, ...]:
    try:
        return (*read(path, wish), *_virtualdj_lists(path, wish))
    except InputError as error:
        return (Crate(path.stem, path, (), (f"{error.what}. {error.hint}".strip(),)),)


def _virtualdj_lists(database: Path, wish: Wish) -> Iterator[Crate]:
    """The lists in the folders beside VirtualDJ's database, named after where they lie."""
    if database.name.lower() != virtualdj.DATABASE:
        return
    for folder in (database.parent / name for name in virtualdj.FOLDERS):
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in (virtualdj.LIST, ".m3u", ".m3u8") and file.is_file():
                parts = [part.removesuffix(virtualdj.SUBFOLDER) for part in file.relative_to(folder).parts[:-1]]
                yield from (replace(crate, name="/".join([*parts, file.stem])) for crate in _tried(file, wish))


def _beside(path: Path) -> Path | None:
    """The library that knows the songs of a list which has only their paths."""
    name = {serato.CRATE: serato.DATABASE, serato.SMART: serato.DATABASE, virtualdj.LIST: virtualdj.DATABASE}
    wanted = name.get(path.suffix.lower())
    if wanted is None:
        return None
    return next((one / wanted for one in path.absolute().parents if (one / wanted).is_file()), None)


def _told(crates: tuple[Crate, ...], libraries: tuple[Crate, ...]) -> tuple[Crate, ...]:
    """The lists, with what the libraries know of songs of which the lists say less."""
    known = {entry.path: entry for library in libraries if not library.name for entry in library.entries}
    return tuple(
        replace(crate, entries=tuple(_filled(entry, known.get(entry.path, entry)) for entry in crate.entries))
        for crate in crates
    )


def _filled(entry: Entry, known: Entry) -> Entry:
    blank = {one.name: getattr(known, one.name) for one in fields(Entry) if getattr(entry, one.name) in ("", None)}
    return entry if known is entry else replace(entry, **blank)
