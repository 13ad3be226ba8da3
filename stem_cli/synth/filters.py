"""Filters by FFT: one shape for a short sound, shapes that move with time for a long one, convolution with a room.

Arrays are float64 [..., frames] and never changed; frequencies in Hz, times in seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float64]
Complex = NDArray[np.complex128]
Response = Callable[[Audio, Audio], Complex]
"""A moving filter: (times [grains, 1], frequencies [bins]) -> what it does to each, complex [grains, bins]."""

GRAIN_SECONDS = 0.023  # long enough for the bass, short enough for a filter that snaps shut in a twentieth of a second
RING_SECONDS = 0.25  # no fixed filter here rings longer
HOPS = 4  # grains overlap fourfold: Hann windows then add up to a constant
BLOCK = 64  # grains filtered at a time, so that their spectra stay in the processor's cache


def lowpass(frequencies: Audio, cutoff: Audio | float, resonance: float = 1.0) -> Complex:
    """Four poles, 24 dB an octave; resonance 1 is flat (Butterworth), 4 whistles."""
    x = frequencies / cutoff
    square = 1 - x * x
    return np.asarray(1 / ((square + 1.848j * x) * (square + 0.765j / resonance * x)))


def highpass(frequencies: Audio, cutoff: Audio | float) -> Complex:
    """Two poles, 12 dB an octave."""
    x = frequencies / cutoff
    return np.asarray(-x * x / (1 - x * x + 1.414j * x))


def bandpass(frequencies: Audio, centre: Audio | float, width: float) -> Complex:
    """Two poles around the centre; ``width`` is the bandwidth as a fraction of the centre."""
    x = frequencies / centre
    return np.asarray(1j * width * x / (1 - x * x + 1j * width * x))


def shape(signal: Audio, rate: int, response: Callable[[Audio], Complex]) -> Audio:
    """A whole sound through one fixed filter; what rings longer than the sound, or than RING_SECONDS, is lost."""
    frames = signal.shape[-1]
    size = fast_length(frames + min(frames, round(RING_SECONDS * rate)))
    spectrum = np.fft.rfft(signal, size) * response(_frequencies(size, rate))
    return np.asarray(np.fft.irfft(spectrum, size)[..., :frames])


def sweep(signal: Audio, rate: int, response: Response) -> Audio:
    """A long sound through a filter that moves: short grains, each filtered as its time demands, laid over each other.

    Silent stretches cost nothing. With a filter that stands still this equals :func:`shape`.
    """
    frames = signal.shape[-1]
    hop = 2 ** round(np.log2(GRAIN_SECONDS * rate / HOPS))
    size = HOPS * hop
    padded = np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(size, size + hop)])
    grains = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[..., ::hop, :]
    window = np.hanning(size + 1)[:-1] * (2 / HOPS)
    out = np.zeros((*signal.shape[:-1], grains.shape[-2] + 2 * HOPS, hop))
    frequencies = _frequencies(2 * size, rate)
    for first in range(0, grains.shape[-2], BLOCK):
        block = grains[..., first : first + BLOCK, :]
        if not block.any():
            continue
        count = block.shape[-2]
        times = ((np.arange(first, first + count) - HOPS / 2) * hop / rate)[:, None]
        spectrum = np.fft.rfft(block * window, 2 * size) * response(times, frequencies)
        filtered = np.fft.irfft(spectrum, 2 * size).reshape(*signal.shape[:-1], count, 2 * HOPS, hop)
        for part in range(2 * HOPS):
            out[..., first + part : first + part + count, :] += filtered[..., part, :]
    return np.asarray(out.reshape(*signal.shape[:-1], -1)[..., size : size + frames])


def _frequencies(size: int, rate: int) -> Audio:
    """Of the bins of a transform of that size."""
    return np.asarray(np.arange(size // 2 + 1) * (rate / size))


def convolve(signal: Audio, impulse: Audio) -> Audio:
    """The signal in a room: convolved with its impulse response and cut to the signal's own length."""
    frames = signal.shape[-1]
    size = fast_length(frames + impulse.shape[-1])
    return np.asarray(np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(impulse, size), size)[..., :frames])


def fast_length(frames: int) -> int:
    """The next length that is a power of two, or 3/4 or 5/8 of one: quick to transform.

    >>> fast_length(1000), fast_length(1100), fast_length(1300)
    (1024, 1280, 1536)
    """
    power = 1 << max(3, (frames - 1).bit_length())
    return min(size for size in (power // 8 * 5, power // 4 * 3, power) if size >= frames)
