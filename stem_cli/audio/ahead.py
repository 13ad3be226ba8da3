"""Blocks made by a thread that runs a little ahead of whoever uses them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Any

from numpy.typing import NDArray

_AHEAD_BLOCKS = 4


def ahead(blocks: Iterator[NDArray[Any]]) -> Generator[NDArray[Any], None, None]:
    """The same blocks, made by a thread that runs a little ahead."""
    lane: queue.Queue[Any] = queue.Queue(_AHEAD_BLOCKS)
    stopped = threading.Event()

    def work() -> None:
        try:
            for block in blocks:
                if not put(lane, block, stopped):
                    return
            put(lane, None, stopped)
        except BaseException as error:  # noqa: BLE001 - handed on to whoever reads
            put(lane, error, stopped)

    thread = threading.Thread(target=work, name="decode", daemon=True)
    thread.start()
    block: Any = None
    try:
        while (block := lane.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            yield block
    finally:
        block = None  # an error that holds itself would hold what is being read until Python ends
        stopped.set()
        thread.join()


def put(lane: queue.Queue[Any], item: Any, stopped: threading.Event) -> bool:
    """Into the lane as soon as there is room; False where it was stopped before that."""
    while not stopped.is_set():
        try:
            lane.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
