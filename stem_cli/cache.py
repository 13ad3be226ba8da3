"""Separated stems, kept for the next time: the same song, engine and stretch are never separated twice.

An entry is a folder of untagged WAV files with its own metadata.json. It serves its own depth and every lower one.
Each entry has a lock; whoever makes, reads or removes it holds the lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from stem_cli.audio import DEPTHS
from stem_cli.database import text_of
from stem_cli.disk import disk_errors
from stem_cli.errors import BusyError, InputError
from stem_cli.folder import Place, StemFolder, finish_leftovers, open_folder

_ENTRIES, _LOCKS = "stems", "locks"
_KEY_DIGITS = 40
_POLL_SECONDS = 0.1
GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Entry:
    """One kept separation. used_at: seconds since 1970."""

    key: str
    folder: StemFolder
    bytes: int
    used_at: float


def key_of(digest: str, engine_id: str, span: str) -> str:
    """What an entry is found by."""
    return hashlib.sha256(f"{digest}\n{engine_id}\n{span}".encode()).hexdigest()[:_KEY_DIGITS]


def place_key(place: Place) -> str:
    """What a place of stems is locked by, whatever the case of its name."""
    return key_of(text_of(place.metadata.absolute()).casefold(), "place", "")


@dataclass(frozen=True)
class Cache:
    """The cache in a folder. limit_bytes: 0 keeps nothing."""

    root: Path
    limit_bytes: int

    def place(self, key: str) -> Place:
        """Where an entry lies."""
        return Place(self.root / _ENTRIES / key)

    def find(self, key: str, depth: str) -> StemFolder | None:
        """The entry that can serve this depth, if there is one; marks it as used."""
        with self._told():
            folder = _opened(self.place(key).home)
            if folder is None or DEPTHS.index(folder.record.depth) < DEPTHS.index(depth):
                return None
            if any(not path.exists() for path in folder.paths().values()):
                return None
        with suppress(OSError):
            os.utime(folder.place.metadata)
        return folder

    @contextmanager
    def lock(self, key: str, wait: bool = True, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold an entry's lock. Without `wait`, raises BusyError while another process holds it.

        on_wait: called once where it has to be waited for. The operating system frees the lock when its process
        dies, however it dies.
        """
        folder = self.root / _LOCKS
        lock = FileLock(folder / f"{key}.lock")
        with self._told():
            folder.mkdir(parents=True, exist_ok=True)
            if not _taken(lock):
                if not wait:
                    raise BusyError("another stem process holds this song", None, "Wait for it.")
                on_wait()
                lock.acquire(poll_interval=_POLL_SECONDS)
        try:
            yield
        finally:
            lock.release()

    def entries(self) -> list[Entry]:
        """All entries, the longest unused first."""
        home = self.root / _ENTRIES
        with self._told():
            found = [_entry(path) for path in home.iterdir() if not path.name.startswith(".")] if home.exists() else []
        return sorted((entry for entry in found if entry is not None), key=lambda entry: (entry.used_at, entry.key))

    def tidy(self) -> None:
        """Finish or remove what processes that died left here."""
        with self._told():
            finish_leftovers(self.root / _ENTRIES)

    def clear(
        self, older_than_seconds: float | None = None, max_bytes: int | None = None, dry_run: bool = False
    ) -> list[Entry]:
        """Remove entries unused for so long, then the longest unused until no more than `max_bytes` are left.

        Without either, all. Entries that another process works with stay. Returns what was removed.
        """
        self.tidy()
        entries = self.entries()
        left, oldest = sum(entry.bytes for entry in entries), time.time() - (older_than_seconds or 0)
        removed = []
        for entry in entries:
            by_age = older_than_seconds is not None and entry.used_at < oldest
            by_size = max_bytes is not None and left > max_bytes
            if (by_age or by_size or (older_than_seconds is None and max_bytes is None)) and (
                dry_run or self._remove(entry)
            ):
                removed.append(entry)
                left -= entry.bytes
        return removed

    def _told(self) -> AbstractContextManager[None]:
        return disk_errors(self.root, "Choose another place with STEM_CACHE_DIR")

    def _remove(self, entry: Entry) -> bool:
        try:
            with self.lock(entry.key, wait=False):
                entry.folder.place.metadata.unlink(missing_ok=True)  # first: without it the entry does not exist
                shutil.rmtree(entry.folder.place.home, ignore_errors=True)
        except BusyError:
            return False
        return True


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _opened(home: Path) -> StemFolder | None:
    try:
        return open_folder(home) if home.is_dir() else None
    except InputError:
        return None


def _entry(home: Path) -> Entry | None:
    folder = _opened(home)
    if folder is None:
        return None
    try:
        size = sum(path.stat().st_size for path in home.iterdir())
        return Entry(home.name, folder, size, folder.place.metadata.stat().st_mtime)
    except OSError:
        return None  # removed this moment
