"""MDX-Net: a network that hears the lower bins of a spectrogram and gives those of one stem.

After the MDX-Net of UVR as audio-separator 0.47.1 runs it (`mdx_separator.py`, `stft.py`): a periodic Hann window, the
chunk mirrored by half a window at its edges, real and imaginary part of each channel in turn, the three lowest bins
silent, the bins above the network's silent in what comes back. Chunks overlap by a quarter under a Hann window and lie
between half a window of silence before the song and enough after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from stem_cli.engines.onnx.manifest import CHANNELS, Transform
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


@cache
def _window(size: int) -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


@cache
def _weights(transform: Transform) -> Floats:
    """The sum of the squared windows over each frame of a chunk."""
    size, hop = transform.size, transform.hop
    total = np.zeros(transform.segment_frames + size)
    for column in range(transform.columns):
        total[column * hop : column * hop + size] += _window(size).astype(np.float64) ** 2
    return total[size // 2 : -(size // 2)].astype(np.float32)


def analyse(chunk: Floats, transform: Transform, workers: int) -> Floats:
    """Sound [2, segment] as [4, bins, columns]: real and imaginary part of each channel in turn."""
    half = transform.size // 2
    padded = np.pad(chunk, ((0, 0), (half, half)), "reflect")
    cut = np.lib.stride_tricks.sliding_window_view(padded, transform.size, axis=1)[:, :: transform.hop]
    spectra = fft.rfft(cut * _window(transform.size), axis=-1, workers=workers)[..., : transform.bins]
    parts = np.empty((CHANNELS, 2, transform.bins, transform.columns), np.float32)
    parts[:, 0] = spectra.real.swapaxes(1, 2)
    parts[:, 1] = spectra.imag.swapaxes(1, 2)
    return parts.reshape(2 * CHANNELS, transform.bins, transform.columns)


def synthesise(parts: Floats, transform: Transform, workers: int) -> Floats:
    """The inverse of `analyse`: [4, bins, columns] to [2, segment]."""
    size, hop, half = transform.size, transform.hop, transform.size // 2
    split = parts.reshape(CHANNELS, 2, transform.bins, transform.columns)
    spectra = np.zeros((CHANNELS, transform.columns, half + 1), np.complex64)
    spectra.real[..., : transform.bins] = split[:, 0].swapaxes(1, 2)
    spectra.imag[..., : transform.bins] = split[:, 1].swapaxes(1, 2)
    pieces = fft.irfft(spectra, size, axis=-1, workers=workers) * _window(size)
    sound = np.zeros((CHANNELS, transform.segment_frames + size), np.float32)
    for column in range(transform.columns):
        sound[:, column * hop : column * hop + size] += pieces[:, column]
    whole: Floats = sound[:, half:-half] / _weights(transform)
    return whole
