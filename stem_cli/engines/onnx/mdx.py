"""MDX-Net: a network that hears the lower bins of a spectrogram and gives those of one stem.

After the MDX-Net of UVR as audio-separator 0.47.1 runs it (`mdx_separator.py`, `stft.py`): a periodic Hann window, the
chunk mirrored by half a window at its edges, real and imaginary part of each channel in turn, the three lowest bins
silent, the bins above the network's silent in what comes back. Chunks overlap by a quarter under a Hann window and lie
between half a window of silence before the song and enough after it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines.onnx.manifest import Transform
from stem_cli.engines.runtime import spectra
from stem_cli.overlap import Joint, Part

Floats = NDArray[np.float32]

_SILENT_BINS = 3
_OVERLAP = 0.25
_LEAST_WEIGHT = 1e-10  # a Hann window is 0 at its ends, where a chunk may be the only one


class MdxNetwork:
    """An MDX-Net as `overlap.Network`. run: [chunks, 4, bins, columns] to the same of its stem."""

    stems = 1

    def __init__(self, run: Callable[[Floats], Floats], transform: Transform, batch: int, threads: int) -> None:
        self._run, self._transform, self._threads = run, transform, threads
        self.segment, self.batch = transform.segment_frames, batch

    def valid_length(self, frames: int) -> int:  # noqa: ARG002 - see `overlap.Network`
        """Every chunk is filled up to a whole segment."""
        return self.segment

    def forward(self, batch: Floats) -> Floats:
        """[chunks, 2, segment] to [chunks, 1, 2, segment]."""
        heard = np.stack([analyse(chunk, self._transform, self._threads) for chunk in batch])
        heard[:, :, :_SILENT_BINS] = 0
        made = self._run(heard)
        return np.stack([synthesise(chunk, self._transform, self._threads) for chunk in made])[:, None]


def part_of(network: MdxNetwork, transform: Transform, overlap: float | None) -> tuple[Part, int]:
    """The network in its place along the song, and the frame at which its first chunk starts.

    overlap: share of a chunk, None is a quarter.
    """
    trim = transform.size // 2
    kept = network.segment - 2 * trim

    def tail(frames: int) -> int:
        return kept + trim - frames % kept

    joint = Joint(window=_hann_of, centred=False, tail=tail)
    stride = int((1 - (_OVERLAP if overlap is None else overlap)) * network.segment)
    return Part(network, (1.0,), joint, max(1, stride)), -trim


def _hann_of(segment: int, frames: int) -> Floats:  # noqa: ARG001 - a shorter chunk has a shorter window
    return np.maximum(np.hanning(frames), _LEAST_WEIGHT).astype(np.float32)


def analyse(chunk: Floats, transform: Transform, workers: int) -> Floats:
    """Sound [2, segment] as [4, bins, columns]: real and imaginary part of each channel in turn."""
    return spectra.parts_of(spectra.analyse(chunk, _whole(transform), workers), transform.bins)


def synthesise(parts: Floats, transform: Transform, workers: int) -> Floats:
    """The inverse of `analyse`: [4, bins, columns] to [2, segment]."""
    return spectra.synthesise(spectra.joined(parts, _whole(transform)), _whole(transform), workers)


def _whole(transform: Transform) -> spectra.Transform:
    return spectra.Transform(transform.size, transform.hop, transform.columns)
