"""The spectrogram that most networks hear and its inverse, as `torch.stft` and `torch.istft` make them, by numpy.

A periodic Hann window; the sound is mirrored by half a window at its edges, so that column k lies around frame
k * hop. The inverse divides by the sum of the squared windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]
Spectra = NDArray[Any]
"""complex64 [channels, columns, bins]."""


@dataclass(frozen=True)
class Transform:
    """size: of the window and of its Fourier transform, even; hop: frames; columns: of one segment."""

    size: int
    hop: int
    columns: int

    @property
    def frames(self) -> int:
        """Frames of sound that so many columns are made of: more than half a window."""
        return self.hop * (self.columns - 1)

    @property
    def bins(self) -> int:
        """From 0 Hz to half the rate."""
        return self.size // 2 + 1


def analyse(sound: Floats, transform: Transform, workers: int) -> Spectra:
    """Sound [channels, frames] as complex64 [channels, columns, bins]."""
    half = transform.size // 2
    padded = np.pad(sound, ((0, 0), (half, half)), "reflect")
    cut = np.lib.stride_tricks.sliding_window_view(padded, transform.size, axis=1)[:, :: transform.hop]
    spectra: Spectra = fft.rfft(cut * _window(transform.size), axis=-1, workers=workers)
    return spectra


def synthesise(spectra: Spectra, transform: Transform, workers: int) -> Floats:
    """The inverse of `analyse`: complex64 [channels, columns, bins] to [channels, frames]."""
    size, hop, half = transform.size, transform.hop, transform.size // 2
    pieces = fft.irfft(spectra, size, axis=-1, workers=workers) * _window(size)
    sound = np.zeros((len(spectra), transform.frames + size), np.float32)
    for column in range(transform.columns):
        sound[:, column * hop : column * hop + size] += pieces[:, column]
    whole: Floats = sound[:, half:-half] / _weights(transform)
    return whole


@cache
def _window(size: int) -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


@cache
def _weights(transform: Transform) -> Floats:
    """The sum of the squared windows over each frame of a segment."""
    size, hop = transform.size, transform.hop
    total = np.zeros(transform.frames + size)
    for column in range(transform.columns):
        total[column * hop : column * hop + size] += _window(size).astype(np.float64) ** 2
    return total[size // 2 : -(size // 2)].astype(np.float32)


def parts_of(spectra: Spectra, bins: int) -> Floats:
    """The lowest bins as float32 [2 * channels, bins, columns]: real and imaginary part of each channel in turn."""
    channels, columns, _ = spectra.shape
    parts = np.empty((channels, 2, bins, columns), np.float32)
    parts[:, 0] = spectra.real[..., :bins].swapaxes(1, 2)
    parts[:, 1] = spectra.imag[..., :bins].swapaxes(1, 2)
    return parts.reshape(2 * channels, bins, columns)


def joined(parts: Floats, transform: Transform) -> Spectra:
    """The inverse of `parts_of`; the bins above are silent."""
    doubled, bins, columns = parts.shape
    split = parts.reshape(doubled // 2, 2, bins, columns)
    spectra = np.zeros((doubled // 2, columns, transform.bins), np.complex64)
    spectra.real[..., :bins] = split[:, 0].swapaxes(1, 2)
    spectra.imag[..., :bins] = split[:, 1].swapaxes(1, 2)
    return spectra
