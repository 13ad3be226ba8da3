"""How the segments of a network become a song, as audio-separator 0.47.1 joins them (`mdxc_separator.py`, `demix`).

A RoFormer's segments are weighted by a Hamming window, and the last one is moved back to end with the song. Those of an
MDX23C are averaged, and silence before and after the song gives its edges as many segments as its middle. A song that
is shorter than a segment is filled up with silence.
"""

from __future__ import annotations

import numpy as np

from stem_cli.engines.uvr.config import ROFORMERS, Layout
from stem_cli.overlap import Floats, Joint, Network, Part


def _hamming(segment: int, frames: int) -> Floats:
    return np.hamming(segment).astype(np.float32)[:frames]


def _flat(_segment: int, frames: int) -> Floats:
    return np.ones(frames, np.float32)


_MOVED = Joint(window=_hamming, centred=False, last_moved=True)
_AVERAGE = Joint(window=_flat, centred=False, tail=None)


def part_of(network: Network, layout: Layout, stride: int) -> tuple[Part, int]:
    """The network in its place along the song, and the frame at which its first segment starts.

    stride: frames from one segment to the next.
    """
    weights = (1.0,) * network.stems
    if layout.kind in ROFORMERS:
        return Part(network, weights, _MOVED, stride), 0
    return Part(network, weights, _AVERAGE, stride), min(0, stride - network.segment)
