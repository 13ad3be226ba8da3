"""Folders that are watched: what is dropped in is separated once it has stopped growing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from stem_cli.batch import command
from stem_cli.batch.command import How
from stem_cli.errors import StemError
from stem_cli.library.walk import Found, is_song
from stem_cli.settings import Settings

_LOOK_MILLISECONDS = 1000
_AFTER_TROUBLE_SECONDS = 60.0
"""A full disk, or a folder that is gone, is looked at again after so long."""


@dataclass
class Steady:
    """Which files have stopped growing: size and time were the same for so many seconds."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    seen: dict[Path, tuple[int, int, float]] = field(default_factory=dict)
    """By file its size, its time, and since when they are so."""

    def is_ready(self, found: Found) -> bool:
        """Whether a file may be read; an empty one has not begun to grow."""
        now = self.clock()
        size, mtime_ns, since = self.seen.get(found.path, (-1, -1, now))
        if (size, mtime_ns) != (found.size, found.mtime_ns):
            since = now
        self.seen[found.path] = (found.size, found.mtime_ns, since)
        if not found.size or now - since < self.seconds:
            return False
        del self.seen[found.path]
        return True

    @property
    def due(self) -> bool:
        """Whether one of the files that grew may have stopped by now; an empty one tells when it begins to."""
        now = self.clock()
        return any(size and now - since >= self.seconds for size, _, since in self.seen.values())

    def forget_missing(self) -> None:
        """Files that went away again are not waited for."""
        for path in [path for path in self.seen if not os.path.exists(path)]:  # noqa: PTH110 - pathlib's own may raise
            del self.seen[path]


def watch(settings: Settings, how: How, settle_seconds: float, polling: bool) -> None:
    """Separate what lies in the folders, and what comes, until Ctrl-C. What fails is told and the next begins."""
    import watchfiles

    steady = Steady(settle_seconds)
    how = replace(how, wanted=replace(how.wanted, ready=steady.is_ready), summary=False)
    folders = [Path(name).expanduser().absolute() for name in how.wanted.names]
    trouble, wanted = 0.0, True
    for changes in watchfiles.watch(
        *folders,
        watch_filter=lambda _change, name: is_song(Path(name).name),
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        force_polling=True if polling else None,
        raise_interrupt=True,
        ignore_permission_denied=True,
    ):
        steady.forget_missing()
        wanted = wanted or bool(changes) or steady.due
        if wanted and time.monotonic() >= trouble:
            trouble = 0.0 if _pass(settings, how) else time.monotonic() + _AFTER_TROUBLE_SECONDS
            wanted = bool(trouble)


def _pass(settings: Settings, how: How) -> bool:
    """One look at the folders; whether it went well, failed songs apart."""
    try:
        _, end = command.once(settings, how)
    except StemError as error:
        end = error
    if end is not None:
        sys.stderr.write(f"stem: {end}\n")
    return end is None
