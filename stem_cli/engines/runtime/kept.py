"""Models that stay open for the next song: what is in use is never closed, what is not gives its memory back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any, Generic, TypeVar

Opened = TypeVar("Opened")


@dataclass
class _Entry(Generic[Opened]):
    """users: separations that run with it now."""

    opened: Opened
    users: int = 0


_ALL: list[Kept[Any]] = []
"""Of all engines that were used."""


def release() -> None:
    """Close every model that no separation uses: before another engine takes its memory."""
    for kept in _ALL:
        kept.close_unused()


class Kept(Generic[Opened]):
    """Opened models by what they were opened with.

    Those of the last songs stay open, so all members of an ensemble do, until another one has to be opened: then those
    that no separation uses are closed first.
    """

    def __init__(self, close: Callable[[Opened], None] = lambda opened: None) -> None:  # noqa: ARG005
        self._close, self._entries = close, dict[Hashable, _Entry[Opened]]()
        _ALL.append(self)
        self._lock = RLock()  # a generator that is thrown away while one is being opened ends its use in that thread

    @contextmanager
    def using(self, key: Hashable, open_it: Callable[[], Opened]) -> Iterator[Opened]:
        """The model of that key, held open until the block ends; `open_it` is called where it is not open yet."""
        with self._lock:
            if key not in self._entries:
                self._close_unused()
                self._entries[key] = _Entry(open_it())
            entry = self._entries[key]
            entry.users += 1
        try:
            yield entry.opened
        finally:
            with self._lock:
                entry.users -= 1

    def close_unused(self) -> None:
        """Give back the memory of models that no separation uses now. One that is being opened is not waited for."""
        if self._lock.acquire(blocking=False):
            try:
                self._close_unused()
            finally:
                self._lock.release()

    def _close_unused(self) -> None:
        for key in [key for key, entry in self._entries.items() if not entry.users]:
            self._close(self._entries.pop(key).opened)
