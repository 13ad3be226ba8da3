"""What goes wrong with a song of a batch: what a user is told of it, and whether every other song would fail too."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from stem_cli.errors import FullError, InputError, OutputError, StemError

_log = logging.getLogger("stem_cli")

BACK = "Plug it in again and give the same command: what is done stays done."


def told(error: Exception, path: Path) -> StemError:
    """What went wrong with a song, in words for a user."""
    if isinstance(error, StemError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return FullError("the disk is full", None, "Free some space.")
    if isinstance(error, OSError) and not is_there(path):
        return InputError("it is not there any more", path)
    _log.exception("a bug with %s", path)
    return StemError(f"a bug of ours: {error!r}", path, "Please report it.")


def of_all(error: StemError, path: Path, roots: Sequence[Path]) -> StemError | None:
    """Why the whole batch ends with what happened to one song; None where it is this song's own trouble.

    A full disk, and one of the roots whose disk is gone.
    """
    if isinstance(error, FullError):
        return error
    lost = next((root for root in roots if _is_lost(root)), None)
    if lost is None or is_there(path) or not isinstance(error, InputError | OutputError):
        return None
    return InputError("it is not there any more", lost, BACK)


def homes_of(songs: Iterable[Path], roots: Sequence[Path]) -> tuple[Path, ...]:
    """Folders that are gone when a disk of songs is: those that were named, and for the songs of lists, which lie
    elsewhere, on each disk the folder that holds them all."""
    disks: dict[int | None, set[Path]] = {}
    for folder in {song.parent for song in songs}:
        if not any(folder.is_relative_to(root) for root in roots):
            disks.setdefault(disk_of(folder), set()).add(folder)
    return (*roots, *(Path(os.path.commonpath(folders)) for disk, folders in disks.items() if disk is not None))


def disk_of(folder: Path) -> int | None:
    """The disk that a folder lies on; None where it is not there. Another one than before: its own was pulled."""
    try:
        return folder.stat().st_dev
    except OSError:
        return None


def is_there(path: Path) -> bool:
    """Whether a file can be reached; one on a disk that was pulled cannot, whatever the system says of it."""
    return os.path.exists(path)  # noqa: PTH110 - pathlib raises for an error of the disk


def _is_lost(root: Path) -> bool:
    """Whether a folder of songs is gone, or is the empty place where its disk was mounted."""
    try:
        with os.scandir(root) as listing:
            return next(listing, None) is None
    except OSError:
        return True
