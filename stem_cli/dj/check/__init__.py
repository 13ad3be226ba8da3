"""Files for decks, looked at the way a deck would: `check` for one file, `check_folder` for all in one.

Each kind of file has a pure judge in a module of its own; here they are opened. Nothing is changed, and a damaged file
is a finding, never an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from stem_cli.dj.check import crate, m3u, names, rekordbox, sound, stem, wav
from stem_cli.dj.check.finding import FAULT, TARGETS, WARNING, Finding, Target, shortened, targets_of
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.errors import InputError

__all__ = [
    "FAULT",
    "TARGETS",
    "WARNING",
    "Finding",
    "Target",
    "check",
    "check_folder",
    "files_for_decks",
    "is_for_decks",
    "kind_of",
    "shortened",
]

_KINDS = (
    (".stem.mp4", "stem"),
    (".stem.m4a", "stem"),
    (".crate", "crate"),
    (".scrate", "crate"),
    (".xml", "rekordbox"),
    (".m3u8", "m3u"),
    (".m3u", "m3u"),
    (".wav", "wav"),
    *((suffix, "sound") for suffix in (".aiff", ".aif", ".flac", ".mp3", ".m4a", ".ogg", ".opus")),
)
_LARGEST_LIST = 500_000_000  # bytes of a crate or a playlist; a real one has some hundred thousand


def kind_of(name: str) -> str:
    """What a file is checked as, by its name; "" for what no deck plays or reads."""
    return next((kind for suffix, kind in _KINDS if name.lower().endswith(suffix)), "")


def check(path: Path, programs: Collection[str] = (), drive: Path | None = None) -> Iterator[Finding]:
    """What decks and DJ programs would stumble over in a file, its name and its path.

    programs: names of TARGETS, none is all. drive: the root that paths in crates start from, and before which the
    absolute paths of a rekordbox.xml are looked up as they are; None does not ask whether the files of lists are there.
    Raises InputError where the file cannot be opened at all.
    """
    targets = targets_of(programs)
    kind = kind_of(path.name)
    try:
        yield from names.judge_name(path.name)
        yield from names.judge_path(path.absolute())
        yield from names.judge_size(path.stat().st_size, targets)
        if kind:
            yield from _JUDGES[kind](path, targets, drive)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its name and permissions.") from error


def check_folder(
    folder: Path, programs: Collection[str] = (), drive: Path | None = None
) -> Iterator[tuple[Path, Finding]]:
    """The same for everything below a folder, in the order of the names, and names of one folder that clash.

    What is hidden, or neither sound nor a list, is passed over, as is XML of other programs. The folder counts as the
    stick's root where `drive` is None.
    """
    targets, root = targets_of(programs), (drive or folder).absolute()
    for home, folders, shown in _shown(folder):
        for finding in names.judge_folder([*folders, *shown]):
            yield home, finding
        for name in folders:
            for finding in names.judge_name(name):
                yield home / name, finding
        for path in filter(is_for_decks, (home / name for name in shown)):
            for finding in check(path, programs, drive):
                yield path, finding
            for finding in names.judge_depth(_folders(path, root), targets):
                yield path, finding


def files_for_decks(folder: Path) -> Iterator[Path]:
    """The files below a folder that `check_folder` looks at."""
    for home, _, shown in _shown(folder):
        yield from filter(is_for_decks, (home / name for name in shown))


def _shown(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with the names of the folders and of the files in it that are not hidden, in order."""
    for home, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(home), folders, sorted(name for name in files if not name.startswith("."))


def is_for_decks(path: Path) -> bool:
    """Whether a file is one that decks or DJ programs read. Raises InputError where it cannot be read."""
    kind = kind_of(path.name)
    try:
        return bool(kind) and (kind != "rekordbox" or rekordbox.is_one(path))
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error


def _folders(path: Path, root: Path) -> int:
    """How many folders lie between the root and a file; none where it lies elsewhere."""
    place = path.absolute()
    return len(place.relative_to(root).parts) - 1 if place.is_relative_to(root) else 0


def _wav(path: Path, targets: Sequence[Target], _: Path | None) -> Iterator[Finding]:
    header = wav.read_header(path)
    with path.open("rb") as file:
        head = b"" if header is not None else file.read(4)
    return wav.judge(header, targets, head)


def _stem(path: Path, targets: Sequence[Target], _: Path | None) -> Iterator[Finding]:
    try:
        info = read_stem(path)
    except InputError as error:
        yield Finding(FAULT, "stem.mp4", error.what, error.hint)
        return
    yield from stem.judge(info, targets)


def _crate(path: Path, _: Sequence[Target], drive: Path | None) -> Iterator[Finding]:
    exists = None if drive is None else lambda song: _there(drive / song)
    return crate.judge(_content(path), path.absolute(), exists)


def _rekordbox(path: Path, _: Sequence[Target], drive: Path | None) -> Iterator[Finding]:
    with path.open("rb") as file:
        yield from rekordbox.judge(file, None if drive is None else _file_at)


def _m3u(path: Path, _: Sequence[Target], drive: Path | None) -> Iterator[Finding]:
    exists = None if drive is None else lambda place: _there(path.parent / place)
    return m3u.judge(_content(path), path.suffix.lower(), exists)


def _sound(path: Path, targets: Sequence[Target], _: Path | None) -> Iterator[Finding]:
    return sound.judge(path, targets)


def _file_at(place: str) -> Path | None:
    return Path(place) if _there(Path(place)) else None


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_LIST)


_JUDGES: dict[str, Callable[[Path, Sequence[Target], Path | None], Iterator[Finding]]] = {
    "wav": _wav,
    "stem": _stem,
    "crate": _crate,
    "rekordbox": _rekordbox,
    "m3u": _m3u,
    "sound": _sound,
}
