"""The songs below a folder, by their names and sizes alone: nothing is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stem_cli.folder import hides_stems

ENDINGS = (
    *(".mp3", ".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".m4a", ".aac", ".alac", ".ogg", ".oga", ".opus"),
    *(".wma", ".ape", ".wv", ".mka", ".mpc", ".tta", ".caf", ".w64"),
)
"""Of files that are taken for songs; any other file can be named by itself."""
_NOT_SONGS = (".stem.mp4", ".stem.m4a")
"""Stems that lie in one file (NI Stems)."""
_OF_PROGRAMS = ("_serato_", "_serato_backup", "pioneer", ".pioneer", "engine library")
"""Folders that DJ programs keep for themselves, in lower case."""
_LIVE, _OF_LIVE = "Ableton Project Info", ("samples", "backup")
"""What tells a project of Ableton Live, and the folders in it that hold its samples."""


@dataclass(frozen=True)
class Found:
    """A file as the disk tells it. inode: only the number, as a disk's own number changes when it is plugged in."""

    path: Path
    size: int
    mtime_ns: int
    inode: str

    @classmethod
    def of(cls, path: Path, stat: os.stat_result) -> Found:
        """A file and what `stat` says of it."""
        return cls(path, stat.st_size, stat.st_mtime_ns, str(stat.st_ino))


def songs_below(
    folder: Path,
    left_out: Callable[[str], None] = lambda text: None,  # noqa: ARG005
    skip: frozenset[Path] = frozenset(),
) -> Iterator[Found]:
    """Every song below a folder, sorted by name within each folder.

    Left alone are hidden files, what DJ programs and projects of Live keep for themselves, stems (ours by their
    metadata), and the folders of `skip`. left_out: hears of folders that cannot be read. A folder that links point to
    more than once is read once.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if here in skip:
            continue
        try:
            status = here.stat()
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            left_out(f"{here}: it cannot be read ({error.strerror})")
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        stems = hides_stems(here, [entry.name for entry in entries])
        if stems is None:
            continue
        kept = _OF_LIVE if any(entry.name == _LIVE for entry in entries) else ()
        inner = [
            Path(entry.path)
            for entry in entries
            if _is_folder(entry) and _is_users(entry.name) and entry.name.lower() not in kept
        ]
        waiting += reversed(inner)
        yield from _songs(entries, stems, left_out)


def _songs(entries: list[os.DirEntry[str]], stems: set[str], left_out: Callable[[str], None]) -> Iterator[Found]:
    for entry in entries:
        if not is_song(entry.name) or entry.name in stems:
            continue
        try:
            if entry.is_file():
                yield Found.of(Path(entry.path), entry.stat())
        except OSError as error:
            left_out(f"{entry.path}: it cannot be read ({error.strerror})")


def is_song(name: str) -> bool:
    """Whether a file of that name is taken for a song: ``a.mp3`` is, ``._a.mp3`` and ``a.stem.mp4`` are not."""
    lower = name.lower()
    return not name.startswith(".") and lower.endswith(ENDINGS) and not lower.endswith(_NOT_SONGS)


def _is_users(name: str) -> bool:
    lower = name.lower()
    return not name.startswith(".") and lower not in _OF_PROGRAMS and not lower.endswith((".serato-stems", ".vdjstems"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
