"""Overlapping frames of a song that comes in blocks of any size, and their spectra."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

Floats = npt.NDArray[np.float32]

_AT_ONCE = 2048
"""Frames that are transformed together: enough for speed, little enough for memory."""


class Framer:
    """Cuts blocks of one channel into frames of `size` samples, `hop` apart; the first is centred at the first sample.

    Frame i is centred at sample i * hop. Held open while a song streams by; `end` gives the last frames.
    """

    def __init__(self, size: int, hop: int) -> None:
        self.size, self.hop = size, hop
        self._rest = np.zeros(size // 2, np.float32)

    def add(self, block: Floats) -> list[Floats]:
        """Batches of frames [some, size] that are complete now."""
        samples = np.concatenate([self._rest, block])
        count = max(0, (len(samples) - self.size) // self.hop + 1)
        self._rest = samples[count * self.hop :]
        if not count:
            return []
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.size)[:: self.hop][:count]
        return [frames[first : first + _AT_ONCE] for first in range(0, count, _AT_ONCE)]

    def end(self) -> list[Floats]:
        """The frames whose centre lies in the song and whose end does not."""
        return self.add(np.zeros(self.size - self.size // 2 - 1, np.float32))


def magnitudes(frames: Floats, window: Floats) -> Floats:
    """Magnitudes [frames, size / 2 + 1], 1 for a sine of full scale."""
    spectra = fft.rfft(frames * window, axis=1)
    return np.asarray(np.abs(spectra) * np.float32(2 / window.sum()))
