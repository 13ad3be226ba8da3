"""Files that have to be on the disk, and what its refusals mean to a user."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stem_cli.errors import FullError, OutputError

PARTIAL = ".partial"
"""How the name of a file that is being written ends; a dot stands before it."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def drive_of(folder: Path) -> Path:
    """The root of the drive that a folder lies on, or will lie on."""
    here = folder.absolute()
    while not os.path.ismount(here) and here != here.parent:
        here = here.parent
    return here


def write_synced(path: Path, text: str) -> None:
    """Write a text and wait until it is on the disk."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace_synced(path: Path, text: str, mode: int | None = None) -> None:
    """Put a text in the place of a file, whole or not at all. mode: the file's permissions."""
    with replaced(path) as partial:
        write_synced(partial, text)
        if mode is not None:
            partial.chmod(mode)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A hidden sibling to write to: it takes the file's place when the block ends, and is gone where that fails."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        yield partial
        sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk (Windows does the latter by itself)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(path: Path, elsewhere: str = "Choose another --output", kept: str = "") -> Iterator[None]:
    """What the operating system refuses becomes an OutputError about this path.

    elsewhere: what to type for another place. kept: what a full disk leaves of the work, if anything.
    """
    try:
        yield
    except OSError as error:
        kind = FullError if error.errno in _FULL else OutputError
        raise kind(*_told(error, path, elsewhere, kept)) from error


def _told(error: OSError, path: Path, elsewhere: str, kept: str) -> tuple[str, Path, str]:
    if error.errno in _FULL:
        instead = f"Free some space or {elsewhere[0].lower()}{elsewhere[1:]}."
        return "the disk is full", path, f"Free some space. {kept}" if kept else instead
    if error.errno in _FORBIDDEN:
        return "writing is not allowed there", path, f"{elsewhere} or change its permissions."
    if error.errno == errno.ENAMETOOLONG:
        return "the path is too long", path, "Choose a shorter --output or --name-template."
    return f"it cannot be written ({error.strerror or error})", path, f"{elsewhere}."
