"""How loud a sound is in each of 24 bands, from moment to moment: what a listener tells the parts of a song by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stem_cli.dsp.framing import Floats, Framer, magnitudes
from stem_cli.dsp.stft import hann, size_near

BANDS = 24
_FRAME_SECONDS = 2048 / 44100
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 14000.0


@dataclass(frozen=True)
class Bands:
    """power: mean power in each band, [frames, 24], 1 for a sine of full scale; rate: frames a second."""

    power: Floats
    rate: float


class BandMeter:
    """Held open while one channel of a song streams by."""

    def __init__(self, rate: int) -> None:
        size = size_near(_FRAME_SECONDS, rate)
        self._framer, self._rate = Framer(size, size // 2), rate
        self._window = hann(size)
        self._edges = _edges(size, rate)
        self._rows: list[Floats] = []

    def add(self, block: Floats) -> None:
        """The next samples, of any number."""
        self._rows += [self._hear(frames) for frames in self._framer.add(block)]

    def result(self) -> Bands:
        """Of all that was heard."""
        self._rows += [self._hear(frames) for frames in self._framer.end()]
        power = np.concatenate(self._rows) if self._rows else np.zeros((0, BANDS), np.float32)
        return Bands(power, self._rate / self._framer.hop)

    def _hear(self, frames: Floats) -> Floats:
        power = magnitudes(frames, self._window) ** 2
        sums = np.add.reduceat(power[:, : self._edges[-1]], self._edges[:-1], axis=1)
        return np.asarray(sums, np.float32)


def _edges(size: int, rate: int) -> npt.NDArray[np.int64]:
    """Bins at which bands begin, as wide as the ear hears them, and where the last one ends; each has one at least."""
    mels = np.linspace(_mel(_LOWEST_HZ), _mel(min(_HIGHEST_HZ, 0.48 * rate)), BANDS + 1)
    bins = np.round((10 ** (mels / 2595) - 1) * 700 * size / rate).astype(int)
    return np.asarray(np.maximum(bins, np.arange(1, BANDS + 2)), np.int64)


def _mel(hertz: float) -> float:
    """O'Shaughnessy's scale."""
    return float(2595 * np.log10(1 + hertz / 700))
