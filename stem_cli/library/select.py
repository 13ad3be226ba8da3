"""The songs behind what a user names: folders, files, lists of DJ programs, names of crates."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from stem_cli.database import Database
from stem_cli.errors import InputError, counted
from stem_cli.library import index
from stem_cli.library.crate import Crate, Entry, Wish
from stem_cli.library.figures import date_of
from stem_cli.library.named import choose, default_libraries, holds_lists, lists_of, searched
from stem_cli.library.readers import READERS
from stem_cli.library.resolve import Listings, alike, drives, other_drive, resolve
from stem_cli.library.serato import DATABASE, FOLDER
from stem_cli.library.song import Song
from stem_cli.library.walk import Found, is_song, songs_below

AUTO = "auto"


@dataclass(frozen=True)
class Wanted:
    """What a user names. names: paths, or names of crates. crates: names of crates.

    libraries: where crates are looked for, "auto" is where DJ programs keep theirs. mapping: beginnings of paths of
    another machine and what stands for them here. skip: folders that are left alone. ready: whether a file that is new
    or has changed is whole already; it may still be on its way. lists: whether a folder may stand for the lists in it.
    """

    names: Sequence[str]
    crates: Sequence[str] = ()
    libraries: Sequence[str] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    skip: frozenset[Path] = frozenset()
    ready: Callable[[Found], bool] = lambda found: True  # noqa: ARG005
    lists: bool = True


@dataclass(frozen=True)
class Selection:
    """The songs, each once, those of lists first and in their order. roots: the folders that were named.

    crates: the names of the lists that were named. lists: those lists, each once; where none was named, every list of
    the libraries. tally: what the scan found. missing: songs of the lists that are not there.
    """

    songs: tuple[Song, ...]
    roots: tuple[Path, ...]
    crates: tuple[str, ...]
    lists: tuple[Crate, ...]
    tally: index.Tally
    missing: int = 0


def songs_named(
    database: Database,
    wanted: Wanted,
    advance: Callable[[int], None] = lambda count: None,  # noqa: ARG005
) -> Selection:
    """Find the songs, and bring the library up to date with them. Raises InputError for what is not there."""
    roots, files, lists, names = _sorted_out(wanted)
    known = _libraries(wanted, needed=bool(names))
    for name in names:
        lists += choose(known, name)
    members, unresolved, notes = _resolved((*lists, *known), wanted.mapping, {id(one) for one in lists})
    tally, missing = index.Tally(left_out=unresolved, notes=notes), len(unresolved)
    named = {id(one) for one in lists}
    singles = [path for path, pairs in members.items() if any(id(crate) in named for crate, _ in pairs)]
    found = chain(index.found_at((*singles, *_sounding(files, tally)), tally), _below(roots, wanted.skip, tally))
    index.update(database, roots, _once(found), tally, wanted.ready, advance)
    songs = [_told(song, members.get(song.path, ())) for song in tally.songs]
    shown = tuple({id(one): one for one in lists or known}.values())
    return Selection(tuple(songs), tuple(roots), tuple(crate.name for crate in lists), shown, tally, missing)


def lists_for(
    crates: Sequence[str], libraries: Sequence[str], mapping: Mapping[str, str], of: Collection[str]
) -> dict[Path, tuple[str, ...]]:
    """By file the names of the lists that hold it; of those named, or of all. Raises InputError.

    of: the paths of the files that are asked for; of all others of a large library nothing is kept.
    """
    known = _libraries(Wanted((), crates, libraries, mapping), bool(crates), called_like(of))
    lists = [crate for name in crates for crate in choose(known, name)] or known
    members, *_ = _resolved(lists, mapping, set())
    return {path: tuple(dict.fromkeys(one.name for one, _ in pairs if one.name)) for path, pairs in members.items()}


def called_like(paths: Iterable[str]) -> Callable[[PurePosixPath], bool]:
    """Whether a path of a library may be one of these: its name is theirs, whatever drives and folders are called."""
    names = {alike(os.path.basename(path)) for path in paths}  # noqa: PTH119 - of thousands of songs
    return lambda place: alike(place.name) in names


def _below(roots: Iterable[Path], skip: frozenset[Path], tally: index.Tally) -> Iterator[Found]:
    for root in roots:
        yield from songs_below(root, tally.leave_out, skip)


def _sounding(files: Iterable[Path], tally: index.Tally) -> Iterator[Path]:
    """Those that are called like songs, or that hold sound."""
    from stem_cli.audio import probe

    for path in files:
        try:
            if not is_song(path.name):
                probe(path)
        except InputError as error:
            tally.leave_out(f"{path}: {error.what}")
        else:
            yield path


def _sorted_out(wanted: Wanted) -> tuple[list[Path], list[Path], list[Crate], list[str]]:
    """Folders, songs, lists, and names of crates, out of what a user named. Raises InputError."""
    roots: list[Path] = []
    files: list[Path] = []
    lists: list[Crate] = []
    names = list(wanted.crates)
    for name in wanted.names:
        path = _named_path(name)
        folder = os.path.isdir(path)  # noqa: PTH112 - pathlib's own raises
        if _is_list(path) or (folder and wanted.lists and _is_of_lists(path, wanted.skip)):
            lists += lists_of(path)
        elif folder:
            roots.append(path)
        elif os.path.exists(path):  # noqa: PTH110
            files.append(path)
        else:
            _refuse_path(name)
            names.append(name)
    return roots, files, lists, names


def _named_path(name: str) -> Path:
    """Where a name would lie. A song has one path in the library, whatever folder it is named from."""
    return Path(os.path.abspath(os.path.expanduser(name)))  # noqa: PTH100, PTH111 - pathlib's own keeps `..`


def _is_list(path: Path) -> bool:
    return os.path.isfile(path) and (path.suffix.lower() in READERS or path.name == DATABASE)  # noqa: PTH113


def _is_of_lists(folder: Path, skip: frozenset[Path]) -> bool:
    """Whether a folder holds lists only: Serato's own, or any with lists and without a song in it."""
    return folder.name == FOLDER or (holds_lists(folder) and next(songs_below(folder, skip=skip), None) is None)


def _refuse_path(name: str) -> None:
    """Raises InputError for what looks like a path: a disk that is not plugged in is no name of a crate."""
    if Path(name).is_absolute() or name.startswith((".", "~")) or Path(name).suffix.lower() in READERS:
        raise InputError("there is no such file or folder", Path(name), "Check its name; is its disk plugged in?")


def _libraries(wanted: Wanted, needed: bool, wish: Wish = None) -> list[Crate]:
    """All lists of the libraries. Raises InputError where some are needed and there are none."""
    found = [_named_path(one) for one in wanted.libraries if one != AUTO]
    if AUTO in wanted.libraries or (needed and not found):
        found += default_libraries(Path.home(), drives())
    if needed and not found:
        name = next((one for one in (*wanted.crates, *wanted.names) if not os.path.exists(one)), "")  # noqa: PTH110
        places = ", ".join(map(str, searched(Path.home(), drives())))
        hint = f"Looked in {places}. Name a file, a folder, or with --library where your crates lie."
        raise InputError(
            f"there is no file {name!r}, and no library of a DJ program to look for such a crate", None, hint
        )
    return [crate for place in found for crate in lists_of(place, wish)]


def _resolved(
    lists: Iterable[Crate], mapping: Mapping[str, str], named: set[int]
) -> tuple[dict[Path, list[tuple[Crate, Entry]]], list[str], list[str]]:
    """By file the lists it is in; of those that were named, what they hold beside files, with the reason, and notes."""
    listings, mounted = Listings(), drives()
    found: dict[Path, list[tuple[Crate, Entry]]] = {}
    missing: dict[str, None] = {}
    notes: dict[str, int] = {}
    for crate in lists:
        bases = (*_bases(crate.source), *mounted, Path(Path.home().anchor))
        lost = [f"{crate.name or crate.source}: {one}" for one in crate.left_out]
        for entry in crate.entries:
            place = resolve(entry.path, bases, mapping, listings)
            if isinstance(place, Path):
                found.setdefault(place, []).append((crate, entry))
                note = other_drive(entry.path, place, bases, mapping) if id(crate) in named else ""
                notes[note] = notes.get(note, 0) + 1
            else:
                lost.append(f"{entry.path}: {place}")
        missing.update(dict.fromkeys(lost if id(crate) in named else []))
    return (
        found,
        list(missing),
        [f"{counted(count, 'song')} {'was' if count == 1 else 'were'} {note}" for note, count in notes.items() if note],
    )


def _bases(source: Path) -> Iterator[Path]:
    """The drive that a Serato crate's paths begin at: the folder above `_Serato_`."""
    for parent in source.absolute().parents:
        if parent.name == FOLDER and parent.parent != Path.home() / "Music":
            yield parent.parent


def _once(found: Iterable[Found]) -> Iterator[Found]:
    seen: set[Path] = set()
    for one in found:
        if one.path not in seen:
            seen.add(one.path)
            yield one


def _told(song: Song, pairs: Sequence[tuple[Crate, Entry]]) -> Song:
    """The song with what lists say of it; the tags of the file come first."""
    for crate, entry in pairs:
        names = (*song.crates, crate.name) if crate.name and crate.name not in song.crates else song.crates
        song = replace(
            song,
            title=song.title or entry.title,
            artist=song.artist or entry.artist,
            album=song.album or entry.album,
            genre=song.genre or entry.genre,
            comment=song.comment or entry.comment,
            key=song.key or entry.key,
            bpm=song.bpm or entry.bpm,
            rating=song.rating if song.rating is not None else entry.rating,
            seconds=song.seconds or entry.seconds,
            added=date_of(entry.added) or song.added,
            crates=names,
        )
    return song
