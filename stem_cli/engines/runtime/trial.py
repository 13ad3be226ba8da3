"""A trial before the song begins: how much at once fits into a GPU's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Runner(Protocol):
    """What a trial needs of a network on a device; see `runtime.torch.Runner`."""

    device: str
    batch: int
    note: Callable[[str], None]

    def fits(self, frames: int) -> bool:
        """Whether `batch` segments of so many frames fit."""

    def halve(self) -> None:
        """Half the batch."""

    def leave_gpu(self) -> None:
        """Go on on the CPU."""


def fitting_segment(runner: Runner, segment: int, least: int, padded: Callable[[int], int]) -> int:
    """Frames of the longest segment that the GPU takes: first the batch is halved, then the segment, then the CPU.

    least: frames of the shortest one; `segment` itself where a network always computes a whole one. padded: how long
    a segment of so many frames is when the network gets it. On the CPU nothing is tried.
    """
    wanted = segment
    while runner.device != "cpu" and not runner.fits(padded(segment)):
        if runner.batch > 1:
            runner.halve()
        elif segment // 2 >= least:
            segment //= 2
            runner.note("the GPU's memory is full; going on with segments half as long")
        else:
            runner.leave_gpu()
            segment = wanted
    return segment
