"""Work that may hang is done by a thread, and given up when there is no sign of life for too long."""

from __future__ import annotations

import ctypes
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stem_cli.audio.ahead import put
from stem_cli.engines import Readable
from stem_cli.errors import EngineError

Item = TypeVar("Item")

_AHEAD = 2
"""Items that the thread may be ahead of whoever uses them."""
_LOOK_SECONDS = 0.5
_LAST_SECONDS = 3.0
"""That a thread which is told to stop has for it. One that hangs in a driver or in the network does not hear it."""


class GivenUp(SystemExit):
    """Raised inside a thread whose work nobody waits for any more. Python says nothing of a thread that ends by it."""


class Pulse:
    """When somebody last gave a sign of life; any thread may give one."""

    def __init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        """A sign of life."""
        self._last = time.monotonic()

    def beating(self, note: Callable[[str], None]) -> Callable[[str], None]:
        """The same note, each a sign of life."""

        def call(text: str) -> None:
            self.beat()
            note(text)

        return call

    @property
    def silent_seconds(self) -> float:
        """Since the last one."""
        return time.monotonic() - self._last


class Heard:
    """A sound, each block that is read of it a sign of life."""

    def __init__(self, mix: Readable, pulse: Pulse) -> None:
        self._mix, self._pulse = mix, pulse
        self.rate, self.channels, self.frames = mix.rate, mix.channels, mix.frames

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All of it."""
        for block in self._mix.blocks():
            self._pulse.beat()
            yield block


def patient(
    items: Generator[Item, None, None], pulse: Pulse, limit_seconds: float, who: str
) -> Generator[Item, None, None]:
    """The same items, made by a thread of their own.

    Raises EngineError where for so long there was neither an item nor a sign of life: then the thread is told to stop,
    and left to itself if it does not hear that. In every other case it has ended when this ends.
    """
    work = _Work(items, pulse)
    told: type[BaseException] = GivenUp
    item: Item | _Ended | None = None
    try:
        while not isinstance(item := work.next(limit_seconds), _Ended):
            yield item
        if item.error is not None:
            raise item.error
    except queue.Empty:
        what = f"{who} has given no sign of life for {limit_seconds / 60:.3g} minutes"
        raise EngineError(what, None, "Try another model; stall_minutes says how long to wait.") from None
    except KeyboardInterrupt:
        told = KeyboardInterrupt  # as if it had come there: a service is told to stop
        raise
    finally:
        item = None  # an error that holds itself would hold what is being read
        work.stop(told)


class _Ended:
    """The last thing that comes of a thread. error: what it ended by, None for its end."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Work(Generic[Item]):
    """A thread that makes items until it is stopped."""

    def __init__(self, items: Generator[Item, None, None], pulse: Pulse) -> None:
        self._items, self._pulse = items, pulse
        self._lane: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="patient", daemon=True)
        self._thread.start()

    def next(self, limit_seconds: float) -> Item | _Ended:
        """The next item, or the end. Raises queue.Empty after so long without a sign of life."""
        self._pulse.beat()  # what was given before waited for us
        while True:
            try:
                found: Item | _Ended = self._lane.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self._pulse.silent_seconds > limit_seconds:
                    raise
            else:
                return found

    def stop(self, told: type[BaseException]) -> None:
        """Join the thread; where it is not at its end, tell it to stop by raising `told` in it."""
        self._stopped.set()
        self._thread.join(_LOOK_SECONDS)
        if self._thread.is_alive() and self._thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident), ctypes.py_object(told))
            self._thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        with suppress(BaseException):  # it may be told to stop while it says how it ended
            put(self._lane, _Ended(self._outcome()), self._stopped)

    def _outcome(self) -> BaseException | None:
        """What the work ends by: None for its end."""
        try:
            with closing(self._items):
                for item in self._items:
                    if not put(self._lane, item, self._stopped):
                        break
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits
            return error
        return None
