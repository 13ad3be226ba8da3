"""Songs side by side, but one whose process has died: it is worked on alone, so that others do not die with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stem_cli.batch.queue import Job

_POLL_SECONDS = 1.0


class Company:
    """Who works on what in one batch. Songs are taken under its lock, one seat after the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0
        self._alone = False

    def take(self, claim: Callable[[], Job | None], stopping: Callable[[], bool]) -> Job | None:
        """Take a song as soon as nobody has to be alone; one that has to be waits until all others are done."""
        with self._changed:
            while self._alone and not stopping():
                self._changed.wait(_POLL_SECONDS)
            job = claim()
            if job is not None and job.unclean:
                self._alone = True
                while self._busy and not stopping():
                    self._changed.wait(_POLL_SECONDS)
            self._busy += job is not None
            return job

    @contextmanager
    def over(self, job: Job) -> Iterator[None]:
        """When this closes, the work on a song that was taken is over."""
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._alone = self._alone and not job.unclean
                self._changed.notify_all()
