"""Which of the twelve notes sound, from the peaks of spectra: the ground of keys, and of where chords change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stem_cli.dsp.framing import Floats, Framer, magnitudes
from stem_cli.dsp.onsets import Array
from stem_cli.dsp.stft import hann, size_near

LONG_SECONDS, SHORT_SECONDS = 8192 / 22050, 4096 / 22050
"""Frames: long ones tell neighbouring notes apart, short ones tell when they change."""
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 2000.0
_FLOOR = 0.01
"""Peaks are above this part of the largest one of their frame."""
_FINE = 10
"""Steps to a semitone, from which the tuning is told before notes are."""
_C_HZ = 440.0 * 2 ** (-9 / 12)
_SILENT = 1e-5


@dataclass(frozen=True)
class Chroma:
    """How much of each tenth of a semitone sounds: fine [frames, 120], C first, `rate` frames a second."""

    fine: Floats
    rate: float

    def tuning(self) -> float:
        """How far the song is tuned from A = 440 Hz, in semitones, -0.5 to 0.5."""
        total = self.fine.sum(axis=0, dtype=np.float64)
        turns = np.exp(2j * np.pi * np.arange(12 * _FINE) / _FINE) @ total
        return float(np.angle(turns) / (2 * np.pi)) if abs(turns) > 0 else 0.0

    def notes(self) -> Array:
        """How much of each note sounds, [frames, 12], C first; what lies between two notes counts for neither."""
        place = np.arange(12 * _FINE) / _FINE - self.tuning()
        off = (place[:, None] - np.arange(12) + 6) % 12 - 6
        weights = np.where(np.abs(off) < 0.5, np.cos(np.pi * off) ** 2, 0.0)
        return np.asarray(self.fine @ weights)


class ChromaMeter:
    """Held open while one channel of a song streams by. seconds: of a frame; they overlap by three quarters."""

    def __init__(self, rate: int, seconds: float) -> None:
        size = size_near(seconds, rate)
        self._framer, self._rate = Framer(size, size // 4), rate
        self._window = hann(size)
        self._bins = slice(max(1, round(_LOWEST_HZ * size / rate)), round(min(_HIGHEST_HZ, 0.45 * rate) * size / rate))
        self._rows: list[Floats] = []

    def add(self, block: Floats) -> None:
        """The next samples, of any number."""
        self._rows += [self._hear(frames) for frames in self._framer.add(block)]

    def result(self) -> Chroma:
        """Of all that was heard."""
        self._rows += [self._hear(frames) for frames in self._framer.end()]
        fine = np.concatenate(self._rows) if self._rows else np.zeros((0, 12 * _FINE), np.float32)
        return Chroma(fine, self._rate / self._framer.hop)

    def _hear(self, frames: Floats) -> Floats:
        loud = magnitudes(frames, self._window)[:, self._bins.start - 1 : self._bins.stop + 1]
        middle = loud[:, 1:-1]
        floor = np.maximum(_FLOOR * middle.max(axis=1, keepdims=True), _SILENT)
        row, column = np.nonzero((middle > loud[:, :-2]) & (middle >= loud[:, 2:]) & (middle > floor))
        left, top, right = (np.log(np.maximum(loud[row, column + step], 1e-12)) for step in (0, 1, 2))
        bend = left - 2 * top + right
        shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1), 0.0)
        hertz = (self._bins.start + column + shift) * self._rate / self._framer.size
        place = np.round(12 * _FINE * np.log2(hertz / _C_HZ)).astype(int) % (12 * _FINE)
        out = np.zeros((len(frames), 12 * _FINE), np.float32)
        np.add.at(out, (row, place), np.sqrt(middle[row, column]))
        return out
