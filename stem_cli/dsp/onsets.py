"""When something is struck: how much is new from moment to moment, and the onsets, each to half a millisecond.

What it was measured at is in docs/analysis.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stem_cli.dsp.framing import Floats, Framer, magnitudes
from stem_cli.dsp.peaks import peaks_of
from stem_cli.dsp.stft import hann, size_near

Array = npt.NDArray[np.float64]

FRAME_SECONDS = 1024 / 44100
"""Short enough to tell strokes 20 ms apart; frames lie an eighth of this apart."""
BANDS_HZ = (30.0, 150.0, 500.0, 2000.0, 6000.0, 16000.0)
KICK, SNARE, CLAP = 0, 1, 2
"""Bands in which these stand out: claps have no body, and hats, which are higher, are in neither."""
_LOUDNESS = 100.0
_STEP = 3
"""Frames that a rise is measured over: a stroke takes about 8 ms to fill a frame."""
_KICK_WEIGHT = 1.5
_SMOOTH = np.hanning(7)[1:-1]
_GAP_SECONDS = 0.04
_BEFORE_SECONDS, _AFTER_SECONDS = 0.032, 0.020
"""Around the peak of novelty the stroke itself begins somewhere here."""
_EMPHASIS = np.float32(0.95)
"""How much of each sample is taken from the next: else the waves of the bass hide where a kick begins."""
_ENVELOPE_SECONDS = 0.001
_ENVELOPE_HZ = 5512.0
_ATTACK_SECONDS = 0.010
_AT_ONCE = 4096
_ATTACK_SHARE = 0.15
"""A stroke begins where its envelope has gone this far from the quiet before it to its peak."""


@dataclass(frozen=True)
class Novelty:
    """How much is new in a song. flux: [5 bands, frames], rate: frames a second, frame i is at i / rate.

    envelope: the mean level over the millisecond before each of its samples, `envelope_rate` a second.
    """

    flux: Floats
    rate: float
    envelope: Floats
    envelope_rate: float

    @property
    def seconds(self) -> float:
        """Of the song."""
        return len(self.envelope) / self.envelope_rate

    @cached_property
    def curve(self) -> Array:
        """All bands as one, each as much as the others whatever its level, the kick a little more."""
        means = self.flux.mean(axis=1, keepdims=True, dtype=np.float64)
        weights = np.ones((len(self.flux), 1))
        weights[KICK] = _KICK_WEIGHT
        summed = np.sum(weights * self.flux / np.maximum(means, 1e-9), axis=0)
        return np.convolve(summed, _SMOOTH / _SMOOTH.sum(), mode="same")


@dataclass(frozen=True)
class Onsets:
    """Strokes: seconds, how much each weighs, how much of it is new in the kick's band, and how much it is a snare.

    snares: 0 to 1; what is new in the band of claps where the kick is not struck.
    """

    times: Array
    weights: Array
    kicks: Array
    snares: Array

    def __len__(self) -> int:
        return len(self.times)

    def unnamed(self) -> Onsets:
        """The same where none is of a drum: what is new in a kick's band then is the bass, often between the beats."""
        return Onsets(self.times, self.weights, np.zeros(len(self)), np.zeros(len(self)))

    def part(self, which: npt.NDArray[np.bool_]) -> Onsets:
        """Some of them."""
        return Onsets(self.times[which], self.weights[which], self.kicks[which], self.snares[which])


class NoveltyMeter:
    """Held open while one channel of a song streams by."""

    def __init__(self, rate: int) -> None:
        size = size_near(FRAME_SECONDS, rate)
        self._framer, self._rate = Framer(size, size // 8), rate
        self._window = hann(size)
        edges = np.round(np.array(BANDS_HZ) * size / rate).astype(int)
        self._edges = np.clip(edges, 1, size // 2)
        self._before = np.zeros((_STEP, size // 2 + 1), np.float32)
        self._flux: list[Floats] = []
        self._stride = max(1, round(rate / _ENVELOPE_HZ))
        self._box = max(1, round(rate * _ENVELOPE_SECONDS))
        self._sums: list[Floats] = []
        self._rest = np.zeros(0, np.float32)
        self._last = np.zeros(1, np.float32)

    def add(self, block: Floats) -> None:
        """The next samples, of any number."""
        for frames in self._framer.add(block):
            self._hear(frames)
        sharp = block - _EMPHASIS * np.concatenate([self._last, block[:-1]])
        self._last = block[-1:] if len(block) else self._last
        self._follow(np.concatenate([self._rest, np.abs(sharp)]))

    def result(self) -> Novelty:
        """Of all that was heard."""
        for frames in self._framer.end():
            self._hear(frames)
        if len(self._rest):
            self._follow(np.pad(self._rest, (0, self._stride - len(self._rest))))
        flux = np.concatenate(self._flux, axis=1) if self._flux else np.zeros((len(BANDS_HZ) - 1, 0), np.float32)
        sums = np.concatenate(self._sums) if self._sums else np.zeros(0, np.float32)
        width = max(1, round(self._box / self._stride))
        level = np.convolve(sums, np.full(width, 1 / width, np.float32))[: len(sums)]
        return Novelty(flux, self._rate / self._framer.hop, level.astype(np.float32), self._rate / self._stride)

    def _hear(self, frames: Floats) -> None:
        loud = np.log1p(_LOUDNESS * magnitudes(frames, self._window))
        whole = np.concatenate([self._before, loud])
        self._before = whole[-_STEP:]
        rise = np.maximum(whole[_STEP:] - whole[:-_STEP], 0)
        bands = [rise[:, low : max(high, low + 1)].mean(axis=1) for low, high in zip(self._edges, self._edges[1:])]  # noqa: B905
        self._flux.append(np.array(bands, np.float32))

    def _follow(self, level: Floats) -> None:
        whole = len(level) // self._stride * self._stride
        self._sums.append(level[:whole].reshape(-1, self._stride).mean(axis=1))
        self._rest = level[whole:]


def onsets(novelty: Novelty) -> Onsets:
    """Every stroke, in order."""
    curve = novelty.curve
    mean = float(curve.mean()) if len(curve) else 0.0
    if mean <= 0:
        return Onsets(*(np.zeros(0) for _ in range(4)))
    peaks = peaks_of(curve, height=1.5 * mean, prominence=mean, distance=max(1, round(_GAP_SECONDS * novelty.rate)))
    kicks, claps = (_most_near(novelty.flux[band], peaks, reach) for band, reach in ((KICK, 2), (CLAP, 4)))
    snares = unit(claps) * (1 - unit(kicks))
    return Onsets(_attacks(novelty, peaks / novelty.rate), curve[peaks], kicks, snares)


def _most_near(flux: Floats, peaks: npt.NDArray[np.intp], after: int) -> Array:
    """The most that is new from two frames before each peak to so many after it; a clap is several strokes."""
    around = np.clip(peaks[:, None] + np.arange(-2, after + 1), 0, len(flux) - 1)
    return np.asarray(flux[around].max(axis=1), np.float64)


def unit(values: Array) -> Array:
    """0 to 1, which is the 95th percentile and more."""
    top = float(np.percentile(values, 95)) if len(values) else 0.0
    return np.minimum(values / top, 1.0) if top > 0 else values


def _attacks(novelty: Novelty, near: Array) -> Array:
    """Where each stroke begins, seconds."""
    parts = [_attacks_of(novelty, near[first : first + _AT_ONCE]) for first in range(0, len(near), _AT_ONCE)]
    return np.concatenate([np.zeros(0), *parts])


def _attacks_of(novelty: Novelty, near: Array) -> Array:
    """Of some of them, one at least: of all strokes of an hour the windows would fill 300 MB."""
    rate = novelty.envelope_rate
    before, after, attack = (round(span * rate) for span in (_BEFORE_SECONDS, _AFTER_SECONDS, _ATTACK_SECONDS))
    first = np.round(near * rate).astype(int) - before - attack
    start, end = int(first[0]), int(first[-1]) + before + after + 4 * attack
    inside = novelty.envelope[max(0, start) : end]
    level = np.pad(inside, (max(0, -start), end - max(0, start) - len(inside))).astype(np.float64)
    first -= start
    search = level[first[:, None] + np.arange(attack, before + after + attack)]
    step = max(1, round(_ENVELOPE_SECONDS * rate))
    steep = first + attack + np.argmax(search[:, step:] - search[:, :-step], axis=1)
    behind = level[steep[:, None] + np.arange(-attack, step)]
    peak = level[steep[:, None] + np.arange(attack)].max(axis=1)
    low = behind.min(axis=1)
    aim = low + _ATTACK_SHARE * (peak - low)
    return np.asarray((start + steep - attack + _last_crossing(behind, aim)) / rate)


def _last_crossing(levels: Array, aims: Array) -> Array:
    """For each row the place, between samples, where it last rises through its aim."""
    below = levels <= aims[:, None]
    last = levels.shape[1] - 1 - np.argmax(below[:, ::-1], axis=1)
    after = np.minimum(last + 1, levels.shape[1] - 1)
    rows = np.arange(len(levels))
    rise = levels[rows, after] - levels[rows, last]
    part = np.where(rise > 0, (aims - levels[rows, last]) / np.where(rise > 0, rise, 1), 0.0)
    return np.asarray(last + np.clip(part, 0, 1))
