"""The spectrogram that HTDemucs and HDemucs hear and its inverse, by numpy: no torch needed.

Demucs 4.1.0 (`htdemucs.py`, `_spec` and `_ispec`): a Hann window of 4096 frames, hop 1024, divided by sqrt(4096); the
chunk is mirrored by 1.5 hops at its edges, so that there are as many columns as hops; the highest bin is left out.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]

SIZE, HOP = 4096, 1024
BINS = SIZE // 2
_EDGE = HOP // 2 * 3
_SCALE = SIZE**0.5
_SQUARES = 1.5
"""Sum of the squares of four Hann windows a quarter apart."""


def columns(frames: int) -> int:
    """How many columns the spectrogram of so many frames has."""
    return -(-frames // HOP)


@cache
def _window() -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)).astype(np.float32)


def forward(sound: Floats, workers: int) -> Floats:
    """Sound [channels, frames] as [2 * channels, BINS, columns]: real and imaginary part of each channel in turn.

    frames: more than 1.5 hops.
    """
    channels, frames = sound.shape
    count = columns(frames)
    padded = np.pad(sound, ((0, 0), (_EDGE, _EDGE + count * HOP - frames)), "reflect")
    cut = np.lib.stride_tricks.sliding_window_view(padded, SIZE, axis=1)[:, ::HOP][:, :count]
    bins = fft.rfft(cut * (_window() / np.float32(_SCALE)), axis=-1, workers=workers)[..., :BINS]
    parts = np.empty((channels, 2, BINS, count), np.float32)
    parts[:, 0] = bins.real.swapaxes(1, 2)
    parts[:, 1] = bins.imag.swapaxes(1, 2)
    return parts.reshape(2 * channels, BINS, count)


def inverse(parts: Floats, frames: int, workers: int) -> Floats:
    """Spectrograms [..., 2 * channels, BINS, columns] as sound [..., channels, frames]."""
    *others, rows, _, count = parts.shape
    split = parts.reshape(-1, 2, BINS, count)
    sound = np.zeros((len(split), count + SIZE // HOP - 1, HOP), np.float32)
    bins = np.zeros((count, BINS + 1), np.complex64)
    window = _window() * np.float32(_SCALE / _SQUARES)
    for (real, imaginary), one in zip(split, sound, strict=True):  # all at once, new memory costs as much as the work
        bins.real[:, :BINS] = real.T
        bins.imag[:, :BINS] = imaginary.T
        windowed = fft.irfft(bins, SIZE, axis=-1, workers=workers)
        windowed *= window
        quarters = windowed.reshape(count, SIZE // HOP, HOP)
        for quarter in range(SIZE // HOP):
            one[quarter : quarter + count] += quarters[:, quarter]
    return sound.reshape(len(split), -1)[:, _EDGE : _EDGE + frames].reshape(*others, rows // 2, frames)
