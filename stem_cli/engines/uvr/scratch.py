"""A folder for the files of one song, which goes with its process, however that ends: the next one sees to it.

A lock in the folder is held as long as its process lives; the operating system frees it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from filelock import FileLock, Timeout

from stem_cli.disk import disk_errors

ELSEWHERE = "Set TMPDIR to a folder on another disk"
_PREFIX, _LOCK = "stem-vr-", "lock"


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder until the block ends; what processes that died left is removed first. Raises OutputError."""
    home = Path(gettempdir())
    with ExitStack() as stack:
        with disk_errors(home, ELSEWHERE):
            for left in home.glob(f"{_PREFIX}*"):
                _remove_abandoned(left)
            folder = Path(stack.enter_context(TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)))
            # a stream may be closed by another thread than the one that opened it
            stack.enter_context(FileLock(folder / _LOCK, timeout=0, thread_local=False))
        yield folder


def _remove_abandoned(folder: Path) -> None:
    with suppress(OSError, Timeout):  # its process is alive, or another one removes it this moment
        if _is_ours(folder) and (folder / _LOCK).is_file():
            with FileLock(folder / _LOCK, timeout=0):
                pass
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """The folder for temporary files is everybody's: whatever another user puts there by this name is left alone."""
    found, user = folder.lstat(), getattr(os, "getuid", None)
    return stat.S_ISDIR(found.st_mode) and (user is None or found.st_uid == user())
