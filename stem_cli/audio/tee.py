"""Blocks of a song that are kept until what was made of them is there, to be set beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Block = NDArray[Any]


class Tee:
    """Held open along a song: iterate over its blocks, [channels, frames], and take the same frames again, once.

    read: frames that were iterated over. left: those of them that were not taken yet.
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = blocks
        self._kept: deque[Block] = deque()
        self.read = self.left = 0

    def __iter__(self) -> Iterator[Block]:
        for block in self._blocks:
            self._kept.append(block)
            self.read += block.shape[1]
            self.left += block.shape[1]
            yield block

    def take(self, frames: int) -> Block:
        """The next frames, not more than are `left`."""
        taken, missing = [], frames
        while missing:
            block = self._kept.popleft()
            if block.shape[1] > missing:
                self._kept.appendleft(block[:, missing:])
                block = block[:, :missing]
            taken.append(block)
            missing -= block.shape[1]
        self.left -= frames
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=1)
