"""Nothing half-made is ever seen: files are made in a hidden sibling and moved into place when all are whole.

The sibling `.<label>.<token>.partial/` holds `lock` (held as long as its process lives), `stems/` (the new files) and,
from the moment everything is on the disk, `plan.json`. Whoever finds a sibling whose lock is free finishes its plan, or
removes it if there is none.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stem_cli.errors import OutputError
from stem_cli.folder.place import Place

SUFFIX = ".partial"
_LOCK, _STEMS, _PLAN, _OLD = "lock", "stems", "plan.json", "old"
_LOCK_SECONDS = 5
_MAKING_SECONDS = 60


@dataclass(frozen=True)
class Staging:
    """A hidden sibling held open: put files into `stems`, then `commit`."""

    root: Path
    place: Place

    @property
    def stems(self) -> Path:
        """Where the new files are made."""
        return self.root / _STEMS

    def commit(self, obsolete: tuple[str, ...] = ()) -> None:
        """Move all files into place; `obsolete` are files of ours in that place that the new ones replace.

        Everything is on the disk before the first file moves; killed in between, the next run finishes it.
        """
        plan = {"home": str(self.place.home.absolute()), "prefix": self.place.prefix, "obsolete": obsolete}
        with _translated(self.place.home):
            sync(self.stems)
            write_synced(self.root / _PLAN, json.dumps(plan))
            _apply(self.root)


@contextmanager
def stage(place: Place) -> Iterator[Staging]:
    """Open a sibling of the place; it is gone when the block ends, with or without a commit. Raises OutputError."""
    from filelock import FileLock

    with _translated(place.parent):
        made = _make_folder(place.parent)
        finish_leftovers(place.parent)
        root = place.parent / f".{place.label[:80]}.{secrets.token_hex(4)}{SUFFIX}"
        root.mkdir()
        lock = FileLock(root / _LOCK)
        lock.acquire(timeout=_LOCK_SECONDS)
        (root / _STEMS).mkdir()
    try:
        yield Staging(root, place)
    finally:
        lock.release()
        shutil.rmtree(root, ignore_errors=True)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()  # only where nothing was put into it


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the new ones, the deepest first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def finish_leftovers(parent: Path) -> None:
    """Finish or remove what processes that died left in this folder."""
    from filelock import FileLock, Timeout

    for root in parent.glob(f".*{SUFFIX}"):
        if not _abandoned(root):
            continue
        lock = FileLock(root / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue  # its process is alive
        try:
            if (root / _PLAN).exists():
                _apply(root)
        finally:
            lock.release()
        shutil.rmtree(root, ignore_errors=True)


def _abandoned(root: Path) -> bool:
    """Ours, and not just being made: `stems` comes after the lock, so one without it may only be a moment old."""
    try:
        names = {entry.name for entry in root.iterdir()}
        return names <= {_LOCK, _STEMS, _PLAN, _OLD} and (
            {_LOCK, _STEMS} <= names or _PLAN in names or time.time() - root.stat().st_mtime > _MAKING_SECONDS
        )
    except OSError:
        return False


def _apply(root: Path) -> None:
    """Carry out a plan, from wherever it was left."""
    plan = json.loads((root / _PLAN).read_text("utf-8"))
    place = Place(Path(plan["home"]), plan["prefix"])
    if place.flat:
        _apply_flat(root, place, plan["obsolete"])
    else:
        _apply_folder(root, place, plan["obsolete"])
    sync(place.parent)


def _apply_flat(root: Path, place: Place, obsolete: list[str]) -> None:
    """The metadata goes first and comes last, so that it never speaks of files that are not there."""
    staged = {path.name: path for path in (root / _STEMS).iterdir()} if (root / _STEMS).exists() else {}
    if not staged:
        return
    place.metadata.unlink(missing_ok=True) if place.metadata.name in staged else None
    for name in obsolete:
        if name not in staged and not (place.home / name).is_dir():
            (place.home / name).unlink(missing_ok=True)
    for name in sorted(staged, key=lambda name: (name == place.metadata.name, name)):
        staged[name].replace(place.home / name)


def _apply_folder(root: Path, place: Place, obsolete: list[str]) -> None:
    """The old folder steps aside whole; what in it is not ours moves over into the new one."""
    new, old = root / _STEMS, root / _OLD
    if new.exists():
        if place.home.exists() and not old.exists():
            place.home.rename(old)
        new.rename(place.home)
    if old.exists():
        for entry in old.iterdir():
            if entry.name not in obsolete and not (place.home / entry.name).exists():
                entry.rename(place.home / entry.name)


def write_synced(path: Path, text: str) -> None:
    """Write a text and wait until it is on the disk."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


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
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> OutputError:
    """What an operating system's error means to a user."""
    import errno

    if error.errno == errno.ENOSPC:
        return OutputError("the disk is full", path, "Free some space or choose another --output.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError("writing is not allowed there", path, "Choose another --output or change its permissions.")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError("the path is too long", path, "Choose a shorter --output or --name-template.")
    return OutputError(f"it cannot be written ({error.strerror or error})", path, "Choose another --output.")
