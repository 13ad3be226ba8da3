"""How much of an estimated stem is the true one, another one, or neither: BSSEval version 4, in two readings.

Stöter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign" (arXiv 1804.06267), after Vincent et al. 2006:
each estimate is projected onto all true stems through filters of 512 samples, the best over the whole song; what each
second of it holds of the true stem, of its filtered copies, of the others and of none is set in relation. Sounds are
float [stems, channels, frames]. The figures are those of the package museval (a test holds it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float64]

TAPS = 512
"""Length of the filters, as in the reference implementation."""
MEASURES = ("sdr_db", "isr_db", "sir_db", "sar_db")


class Correlations:
    """First reading: held open over the blocks of a song, true stems beside estimates."""

    def __init__(self, stems: int, channels: int) -> None:
        self.stems, self.channels = stems, channels
        count = stems * channels
        self._before = np.zeros((count, TAPS - 1))
        self._own = np.zeros((count, count, TAPS))
        self._cross = np.zeros((count, count, TAPS))

    def add(self, true: NDArray[Any], guess: NDArray[Any]) -> None:
        """Take the next frames of both, [stems, channels, frames]."""
        now = true.reshape(-1, true.shape[-1]).astype(np.float64)
        heard = np.concatenate([self._before, now], axis=1)
        size = fft.next_fast_len(heard.shape[1] + now.shape[1], real=True)
        past = np.conj(fft.rfft(heard, size, axis=1))
        for target, sounds in ((self._own, now), (self._cross, guess.reshape(now.shape))):
            for place, spectrum in enumerate(fft.rfft(np.pad(sounds, ((0, 0), (TAPS - 1, 0))), size, axis=1)):
                target[:, place] += fft.irfft(past * spectrum, size, axis=1)[:, :TAPS]
        self._before = heard[:, -(TAPS - 1) :]

    def filters(self, frames: int) -> Filters:
        """The projections, once everything was read, for windows of so many frames."""
        every = list(range(self.stems * self.channels))
        parts = [every[at : at + self.channels] for at in range(0, len(every), self.channels)]
        own = np.concatenate([self._solved(part, part) for part in parts], axis=1)
        size = fft.next_fast_len(frames + TAPS - 1, real=True)
        whole, near = (fft.rfft(found, size, axis=2) for found in (self._solved(every, every), own))
        return Filters(whole, near, self.channels, frames, size)

    def _solved(self, inputs: list[int], outputs: list[int]) -> Array:
        """Filters [inputs, outputs, TAPS] of least squares from true channels to estimated ones."""
        lags = np.arange(TAPS)[:, None] - np.arange(TAPS)[None, :]
        size = len(inputs) * TAPS
        system = np.empty((len(inputs), TAPS, len(inputs), TAPS))
        for row, one in enumerate(inputs):
            for column, other in enumerate(inputs):
                forward, back = self._own[one, other], self._own[other, one]
                system[row, :, column] = np.where(lags >= 0, forward[np.abs(lags)], back[np.abs(lags)])
        wanted = self._cross[np.ix_(inputs, outputs)].transpose(0, 2, 1).reshape(size, len(outputs))
        matrix = system.reshape(size, size)
        matrix[np.diag_indices(size)] += np.finfo(np.float64).eps
        try:
            found: Any = np.linalg.solve(matrix, wanted)
        except np.linalg.LinAlgError:  # two true stems that are alike
            found = np.linalg.lstsq(matrix, wanted)[0]
        filters: Array = found.reshape(len(inputs), TAPS, len(outputs)).transpose(0, 2, 1)
        return filters


@dataclass(frozen=True)
class Filters:
    """Spectra of filters. whole: from all true channels to all estimated ones, [inputs, outputs, bins]. own: from the
    channels of the same stem only, [channels, outputs, bins]. frames: of a window. size: of the transform."""

    whole: NDArray[np.complex128]
    own: NDArray[np.complex128]
    channels: int
    frames: int
    size: int

    def measures(self, true: NDArray[Any], guess: NDArray[Any]) -> Array:
        """Second reading, one window: SDR, ISR, SIR and SAR in dB, [stems, 4]; NaN for all where a sound is silent.

        true, guess: [stems, channels, frames of the window].
        """
        if not (true.any(axis=(1, 2)).all() and guess.any(axis=(1, 2)).all()):
            return np.full((len(true), len(MEASURES)), np.nan)
        flat = true.reshape(-1, self.frames).astype(np.float64)
        spectra = fft.rfft(flat, self.size, axis=1)
        found = np.empty((len(true), len(MEASURES)))
        for stem, one in enumerate(guess):
            mine = slice(stem * self.channels, (stem + 1) * self.channels)
            every = self._projected(spectra, self.whole[:, mine])
            near = self._projected(spectra[mine], self.own[:, mine])
            target = np.pad(flat[mine], ((0, 0), (0, TAPS - 1)))
            sound = np.pad(one.astype(np.float64), ((0, 0), (0, TAPS - 1)))
            found[stem] = (
                _ratio(target, sound - target),
                _ratio(target, near - target),
                _ratio(near, every - near),
                _ratio(every, sound - every),
            )
        return found

    def _projected(self, spectra: Any, filters: Any) -> Array:
        made = np.einsum("if,iof->of", spectra, filters)
        found: Array = fft.irfft(made, self.size, axis=1)[:, : self.frames + TAPS - 1]
        return found


def _ratio(part: Array, rest: Array) -> float:
    above, below = float(np.vdot(part, part)), float(np.vdot(rest, rest))
    if below == 0:
        return np.inf
    return 10 * float(np.log10(above / below)) if above > 0 else -np.inf
