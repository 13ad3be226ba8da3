"""Several engines along one song, which is read once, side by side: none of them runs far ahead of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from stem_cli.audio import Tee
from stem_cli.engines import Mix, StemBlock
from stem_cli.errors import EngineError

Block = NDArray[Any]


class Shared:
    """One song, held open for several readers. What one has read and another has not is kept."""

    def __init__(self, mix: Mix, readers: int) -> None:
        self.mix = mix
        self._tee: Tee | None = None
        self._source: Iterator[Block] = iter(())
        self._waiting: list[deque[Block]] = [deque() for _ in range(readers)]
        self._lock = Lock()

    def blocks(self, reader: int) -> Iterator[Block]:
        """The song for one of the readers, once."""
        while (block := self._next(reader)) is not None:
            yield block

    def _next(self, reader: int) -> Block | None:
        with self._lock:
            if not self._waiting[reader]:
                if self._tee is None:
                    self._tee = Tee(self.mix.blocks())
                    self._source = iter(self._tee)
                block = next(self._source, None)
                if block is None:
                    return None
                for queue in self._waiting:
                    queue.append(block)
            return self._waiting[reader].popleft()

    def take(self, frames: int) -> Block:
        """The next frames of the song, to be set beside what was made of them."""
        if self._tee is None or frames > self._tee.left:
            raise EngineError("a model gave more sound than the song has", None, "This is a bug: please report it.")
        return self._tee.take(frames)


class Reader:
    """The song as one of several engines sees it. After the first reading it is read by itself."""

    def __init__(self, shared: Shared, place: int) -> None:
        self._shared, self._place, self._read = shared, place, False
        self.rate, self.channels, self.frames = shared.mix.rate, shared.mix.channels, shared.mix.frames

    def blocks(self) -> Iterator[Block]:
        """See `Mix`."""
        if self._read:
            return self.skim()
        self._read = True
        return self._shared.blocks(self._place)

    def skim(self) -> Iterator[Block]:
        """See `Mix`."""
        return self._shared.mix.skim()


def together(streams: Sequence[Iterator[StemBlock]]) -> Iterator[list[StemBlock]]:
    """The next frames of every stream, as many as all of them have ready; all are closed with this.

    Raises EngineError where one of them ends before the others.
    """
    with ExitStack() as stack:
        for stream in streams:
            stack.enter_context(closing(stream))  # type: ignore[type-var]
        heads: list[StemBlock | None] = [None] * len(streams)
        while True:
            heads = [_filled(head, stream) for head, stream in zip(heads, streams, strict=True)]
            ready = [head for head in heads if head is not None]
            if len(ready) < len(heads):
                break
            frames = min(map(_frames, ready))
            yield [_part(head, 0, frames) for head in ready]
            heads = [_part(head, frames, None) for head in ready]
        if ready:
            raise EngineError("one model's stems are shorter than another's", None, "This is a bug: please report it.")


def _filled(head: StemBlock | None, stream: Iterator[StemBlock]) -> StemBlock | None:
    """What is left of a block, or the stream's next one that is not empty; None at its end."""
    while head is None or not _frames(head):
        head = next(stream, None)
        if head is None:
            return None
    return head


def _frames(block: StemBlock) -> int:
    return int(next(iter(block.values())).shape[1])


def _part(block: StemBlock, first: int, last: int | None) -> StemBlock:
    return {name: part[:, first:last] for name, part in block.items()}
