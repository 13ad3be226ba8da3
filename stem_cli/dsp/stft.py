"""Short-time Fourier transform and back, in pieces of fixed size, so that a song streams through in bounded memory.

A song is cut into *segments* of ``FRAMES_PER_SEGMENT`` hops, counted from its first sample, each with the ``OVERLAP``
hops before it. Every segment is transformed by the same calls on the same shapes whatever the sizes of the blocks
that came in: the same song gives the same bytes. Frame 0 starts ``OVERLAP`` hops before the song, so every sample
lies under the same number of windows and the inverse needs no special case at the edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from math import log2

import numpy as np
import numpy.typing as npt
from scipy import fft

Floats = npt.NDArray[np.float32]
Complex = npt.NDArray[np.complex64]

WINDOW_SECONDS = 0.093  # 4096 frames at 44.1 kHz, the size all measured figures are for
OVERLAP = 3  # hops shared by neighbouring windows: 75 %
FRAMES_PER_SEGMENT = 64  # 1.5 s: long enough to hide the work at its edges, short enough for memory; even
HANN_SQUARED_SUM = 1.5  # sum over the hops of a squared Hann window at an overlap of 75 %


def size_near(seconds: float, rate: int) -> int:
    """The power of two of samples that is nearest to so long, 64 at least.

    >>> size_near(1024 / 44100, 44100), size_near(1024 / 44100, 96000)
    (1024, 2048)
    """
    return 1 << max(6, round(log2(seconds * rate)))


def window_size(rate: int) -> int:
    """The power of two nearest to ``WINDOW_SECONDS`` at ``rate`` Hz.

    >>> window_size(44100), window_size(48000), window_size(96000), window_size(8000)
    (4096, 4096, 8192, 1024)
    """
    return size_near(WINDOW_SECONDS, rate)


def hop_size(size: int) -> int:
    """Samples between windows of ``size``."""
    return size // (OVERLAP + 1)


@cache
def hann(size: int) -> Floats:
    """The periodic Hann window, peak 1; shared, so read-only."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    window.flags.writeable = False
    return window


def segments(blocks: Iterable[npt.NDArray[np.float32]], channels: int, size: int) -> Iterator[tuple[Floats, slice]]:
    """Re-cut blocks [channels, any] into segments [channels, FRAMES_PER_SEGMENT + OVERLAP hops], zeros around the song.

    Sample i of segment k is sample (k * FRAMES_PER_SEGMENT - OVERLAP) * hop + i of the song. Yields each segment with
    the part of it that holds song and lies in its first FRAMES_PER_SEGMENT hops: the parts follow one another without
    gap. An empty song yields nothing.
    """
    hop = hop_size(size)
    step, lap = FRAMES_PER_SEGMENT * hop, OVERLAP * hop
    first, last = lap, lap  # the song within the segment
    segment = np.zeros((channels, step + lap), np.float32)
    for block in blocks:
        start = 0
        while start < block.shape[1]:
            count = min(block.shape[1] - start, segment.shape[1] - last)
            segment[:, last : last + count] = block[:, start : start + count]
            start, last = start + count, last + count
            if last == segment.shape[1]:
                yield segment, slice(first, step)
                segment, first, last = _moved_on(segment, step), 0, lap
    while last > first:
        yield segment, slice(first, min(last, step))
        segment, first, last = _moved_on(segment, step), 0, last - step


def _moved_on(segment: Floats, step: int) -> Floats:
    return np.concatenate([segment[:, step:], np.zeros((len(segment), step), np.float32)], axis=1)


def analyse(segment: Floats, size: int) -> Complex:
    """Spectra [channels, FRAMES_PER_SEGMENT, size / 2 + 1] of a segment [channels, samples], under a Hann window."""
    hop = hop_size(size)
    frames = np.lib.stride_tricks.sliding_window_view(segment, size, axis=1)[:, ::hop]
    spectra: Complex = fft.rfft(frames * hann(size), axis=2)
    return spectra


def synthesise(spectra: Complex, size: int) -> Floats:
    """Overlap-add spectra [channels, frames, bins] to [channels, (frames + OVERLAP) hops]: the inverse of `analyse`.

    The first and the last OVERLAP hops lack what the neighbouring segments add to them (`Joint` does).
    """
    hop = hop_size(size)
    pieces = fft.irfft(spectra, size, axis=2)
    pieces *= hann(size) / np.float32(HANN_SQUARED_SUM)
    channels, frames, _ = pieces.shape
    sound = np.zeros((channels, frames + OVERLAP, hop), np.float32)
    for part in range(OVERLAP + 1):
        sound[:, part : part + frames] += pieces[:, :, part * hop : (part + 1) * hop]
    return sound.reshape(channels, -1)


class Joint:
    """Held open along a song: adds to the head of each synthesised segment the tail of the one before."""

    def __init__(self) -> None:
        self._tail: Floats | None = None

    def join(self, sound: Floats, size: int) -> Floats:
        """Take sound [..., (frames + OVERLAP) hops] of `synthesise`, give the finished [..., frames hops]."""
        lap = OVERLAP * hop_size(size)
        done = sound[..., :-lap]
        if self._tail is not None:
            done[..., :lap] += self._tail
        self._tail = sound[..., -lap:].copy()
        return done
