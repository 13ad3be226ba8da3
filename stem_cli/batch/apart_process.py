"""A process that separates songs for a batch, which `apart` starts: tasks come in on stdin, events go out on stdout.

None in place of a task is the word to stop with the song in hand. At the end of stdin the batch is at its end, or dead,
and so is this process at once: two must never work on one song.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import ExitStack
from queue import SimpleQueue
from typing import BinaryIO

from stem_cli import allocator
from stem_cli.batch import trouble, work
from stem_cli.batch.board import Stopped
from stem_cli.batch.work import Task
from stem_cli.separation import open_shop
from stem_cli.track import Track

_log = logging.getLogger("stem_cli")

_TELL_SECONDS = 0.1


class _Teller(logging.Handler):
    """Writes events, one at a time: as the listener of a song, and as the handler of the log."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.stop = threading.Event()
        self._file, self._told, self._frames = file, 0.0, 0

    def tell(self, *event: object) -> None:
        """Write one event: its name and what goes with it."""
        message = pickle.dumps(event)
        with self.lock:  # type: ignore[union-attr] # a handler has one
            self._file.write(message)
            self._file.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the log, which the batch writes down."""
        self.tell("log", record.levelno, "%s", self.format(record))

    def begin(self, track: Track, engine: str, why: str, frames: int) -> None:
        """An engine begins."""
        self._frames = 0
        self.tell("begin", track, engine, why, frames)

    def advance(self, frames: int) -> None:
        """So many more frames; told now and then. Raises Stopped where the batch is to end."""
        if self.stop.is_set():
            raise Stopped
        self._frames += frames
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            self.tell("advance", self._frames)
            self._frames = 0

    def note(self, text: str) -> None:
        """Something the user should know."""
        self.tell("note", text)


def main() -> None:
    """Separate what comes, song after song. Signals are the batch's affair: it says when to stop."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    allocator.bound_arenas()
    teller = _Teller(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what libraries print belongs into the log
    _log.setLevel(logging.DEBUG)
    _log.propagate = False
    _log.addHandler(teller)
    tasks: SimpleQueue[Task] = SimpleQueue()
    threading.Thread(target=_listen, args=(tasks, teller.stop), daemon=True).start()
    importlib.import_module("stem_cli.dsp.unmix")  # what the embedded engine would load with the first song
    with ExitStack() as held:
        shop = None
        while True:
            task = tasks.get()
            try:
                shop = shop or held.enter_context(open_shop(task.settings))
                teller.tell("made", work.make(shop, task, teller))
            except Stopped:
                teller.tell("stopped")
            except Exception as error:  # noqa: BLE001 - one failing song is told, and the next begins
                teller.tell("error", trouble.told(error, task.path))


def _listen(tasks: SimpleQueue[Task], stop: threading.Event) -> None:
    while True:
        try:
            task = pickle.load(sys.stdin.buffer)  # noqa: S301 - the batch wrote it
        except (EOFError, OSError):
            os._exit(0)
        if task is None:
            stop.set()
        else:
            stop.clear()
            tasks.put(task)
