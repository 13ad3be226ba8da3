"""Folders that are watched: what is dropped in is separated once it has stopped growing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from stem_cli.batch import command
from stem_cli.batch.command import How
from stem_cli.batch.wish import output_of
from stem_cli.errors import StemError
from stem_cli.library.walk import Found, is_song
from stem_cli.settings import Settings

_LOOK_MILLISECONDS = 1000
_AFTER_TROUBLE_SECONDS = 60.0
"""A full disk, or a folder that is gone, is looked at again after so long."""
_FULL_SECONDS = 300.0
"""All folders are looked through so often even where nothing was told: a system's events may get lost."""


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
    """Separate what lies in the folders, and what comes, until Ctrl-C. What fails is told and the next begins.

    Raises StemError where the system watches no more files.
    """
    steady = Steady(settle_seconds)
    folders = [Path(os.path.abspath(os.path.expanduser(name))) for name in how.wanted.names]  # noqa: PTH100, PTH111
    names = tuple(map(str, folders))  # one that goes is no name of a list
    how = replace(how, wanted=replace(how.wanted, names=names, ready=steady.is_ready), summary=False)
    if not how.quiet:
        _say_where(folders, settings)
    trouble, wanted, passed = 0.0, True, time.monotonic()
    for changed, anew in _changes(folders, polling):
        steady.forget_missing()
        trouble = 0.0 if anew else trouble
        wanted = wanted or changed or steady.due or time.monotonic() - passed >= _FULL_SECONDS
        if wanted and time.monotonic() >= trouble:
            trouble = 0.0 if _pass(settings, how) else time.monotonic() + _AFTER_TROUBLE_SECONDS
            wanted, passed = bool(trouble), time.monotonic()


def _say_where(folders: Sequence[Path], settings: Settings) -> None:
    where = "beside each song" if settings.output == "same" else output_of(settings)
    sys.stderr.write(f"stem: watching {', '.join(map(str, folders))}; stems go to {where}; Ctrl-C ends it\n")


def _changes(folders: Sequence[Path], polling: bool) -> Iterator[tuple[bool, bool]]:
    """Once a second: whether something has changed, and whether folders came or went and are watched anew."""
    while True:
        marks, anew = _marks(folders), True
        there = [folder for folder, mark in zip(folders, marks, strict=True) if mark is not None]
        with closing(_told(there, polling)) as told:
            for changed in told:
                if _marks(folders) != marks:
                    break
                yield changed or anew, anew
                anew = False


def _told(folders: Sequence[Path], polling: bool) -> Generator[bool, None, None]:
    """Once a second, whether the system tells of a change in folders that are there. Raises StemError."""
    import watchfiles

    while not folders:
        yield False
        time.sleep(_LOOK_MILLISECONDS / 1000)
    try:
        for changes in watchfiles.watch(
            *folders,
            watch_filter=None,  # else it would say nothing for as long as other files change
            rust_timeout=_LOOK_MILLISECONDS,
            yield_on_timeout=True,
            force_polling=True if polling else None,
            raise_interrupt=True,
            ignore_permission_denied=True,
        ):
            yield any(is_song(os.path.basename(name)) for _, name in changes)  # noqa: PTH119
    except FileNotFoundError:
        time.sleep(_LOOK_MILLISECONDS / 1000)  # it went this moment
    except (OSError, RuntimeError) as error:
        if None in _marks(folders):
            return
        what = f"the system does not tell of changes ({error})"
        raise StemError(what, folders[0], "Use --polling, or raise fs.inotify.max_user_watches.") from error


def _marks(folders: Sequence[Path]) -> list[tuple[int, int] | None]:
    """Which folders these are; another disk or another folder of the same name has another mark."""
    return [_mark(folder) for folder in folders]


def _mark(folder: Path) -> tuple[int, int] | None:
    try:
        stat = folder.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _pass(settings: Settings, how: How) -> bool:
    """One look at the folders; whether it went well, failed songs apart."""
    try:
        _, end = command.once(settings, how)
    except StemError as error:
        end = error
    if end is not None:
        sys.stderr.write(f"stem: {end}\n")
    return end is None
