"""Songs separated in processes of their own: threads of one Python wait for one another, and a crash would end all.

Each process (`apart_process`) holds a database, a cache and the embedded engine; the queue stays with the batch.
"""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from stem_cli.batch.board import Stopped
from stem_cli.batch.work import Made, Task
from stem_cli.separation import Listener

_log = logging.getLogger("stem_cli")

_SIGNAL_SECONDS = 0.5
"""So long after one of us a signal may reach the next."""
_PATIENCE_SECONDS = 5.0


class Died(Exception):
    """The process that had a song in hand has ended by itself."""


class Apart:
    """One process, held open over many songs, and started anew where it died."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._process: subprocess.Popen[bytes] | None = _started()  # it loads its libraries while songs are chosen

    def make(self, task: Task, listener: Listener) -> Made:
        """Have one song separated; the listener hears of it here, and may raise Stopped.

        Raises StemError as the work does, Stopped, and Died.
        """
        process = self._process = self._process or _started()
        try:
            _say(process, task)
            return self._heard(process, listener)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            self.close()
            time.sleep(_SIGNAL_SECONDS)  # a signal for all of us may have reached it before this process
            if self._stopping():
                raise Stopped from error
            raise Died from error

    def _heard(self, process: subprocess.Popen[bytes], listener: Listener) -> Made:
        """Pass on the events it tells; the last one holds Made or an error."""
        assert process.stdout is not None
        told_to_stop = False
        while True:
            name, *values = pickle.load(process.stdout)  # noqa: S301 - our own process wrote it
            if name == "made":
                return values[0]  # type: ignore[no-any-return]
            if name in ("error", "stopped"):
                raise values[0] if values else Stopped
            if name == "log":
                _log.log(*values)
                continue
            try:
                getattr(listener, name)(*values)
            except Stopped:
                if not told_to_stop:
                    _say(process, None)
                told_to_stop = True

    def close(self) -> None:
        """End the process, which has nothing in hand, or is dead."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr] # its sign to end
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()  # type: ignore[union-attr]


def _started() -> subprocess.Popen[bytes]:
    """What it prints on stderr goes where the prints of C libraries go: into the log."""
    code = "from stem_cli.batch.apart_process import main; main()"
    command = [sys.executable, "-P", "-c", code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _say(process: subprocess.Popen[bytes], message: Any) -> None:
    assert process.stdin is not None
    pickle.dump(message, process.stdin)
    process.stdin.flush()
