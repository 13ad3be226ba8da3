"""Networks that take sound and give the sound of each stem: ports of SCNet, PolarFormer and the like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stem_cli.overlap import Joint, Part

Floats = NDArray[np.float32]

_OVERLAP = 0.25
JOINT = Joint(centred=False, tail=None)
"""Segments are always whole: what the song does not fill is silence."""


class WaveformNetwork:
    """A network of a fixed length as `overlap.Network`. run: [segments, 2, frames] to [segments, stems, 2, frames]."""

    def __init__(self, run: Callable[[Floats], Floats], stems: int, segment: int, batch: int) -> None:
        self._run, self.stems, self.segment, self.batch = run, stems, segment, batch

    def valid_length(self, frames: int) -> int:  # noqa: ARG002 - see `overlap.Network`
        """Every chunk is filled up to a whole segment."""
        return self.segment

    def forward(self, batch: Floats) -> Floats:
        """See `overlap.Network`."""
        found = self._run(batch)
        return found.reshape(len(batch), self.stems, batch.shape[1], self.segment)


def part_of(network: WaveformNetwork, overlap: float | None) -> Part:
    """The network in its place along the song. overlap: share of a segment, None is a quarter."""
    stride = int((1 - (_OVERLAP if overlap is None else overlap)) * network.segment)
    return Part(network, (1.0,) * network.stems, JOINT, max(1, stride))
