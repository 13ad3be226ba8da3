"""When each sixteenth of a song comes: a tempo that stands, or one that drifts, breathes or jumps.

A course says where a tempo goes: from the place of each sixteenth in bars, the tempo the song begins with, the length
of the song in bars (about) and random numbers to the tempo there, in beats a minute.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Course = Callable[[Curve, float, float, np.random.Generator], Curve]

WAVES = ((53.0, 0.5), (23.0, 0.3), (11.0, 0.2))
"""Of a drift: bars from crest to crest, and how much of it that wave is; a verse and a chorus long, or several."""

PHRASE_BARS = 4
HOLD = 0.22  # the end of a phrase that holds back, as a share of it
FURTHEST = 1.5  # no course goes further from the tempo it begins with, as a factor up or down


@dataclass(frozen=True)
class Clock:
    """Sixteenths to seconds. beat: sixteenths in one; edges: seconds at which each begins, () at a constant tempo."""

    beat: int
    bpm: float
    edges: tuple[float, ...] = ()

    def seconds(self, start: float, steps: float) -> float:
        """How long some sixteenths last from ``start`` on, counted from the beginning of the song."""
        if not self.edges:
            return steps * (60.0 / self.beat) / self.bpm
        return self._at(start + steps) - self._at(start)

    def bars(self, bar: int, seconds: float) -> int:
        """How many whole bars of ``bar`` sixteenths fit."""
        if not self.edges:
            return int(seconds * self.bpm / (60 * bar / self.beat)) if self.bpm > 0 else 0
        return bisect_right(self.edges[::bar], seconds) - 1

    def _at(self, step: float) -> float:
        place = min(int(step), len(self.edges) - 2)
        return self.edges[place] + (step - place) * (self.edges[place + 1] - self.edges[place])


def clock(course: Course | None, beat: int, bar: int, bpm: float, seconds: float, random: np.random.Generator) -> Clock:
    """The clock of a song of about ``seconds``, with some bars to spare."""
    if course is None or bpm <= 0 or seconds <= 0:
        return Clock(beat, bpm)
    length = seconds * bpm / 60 * beat / bar
    steps = np.arange(int(FURTHEST * length + 2) * bar)
    tempo = np.clip(course(steps / bar, bpm, length, random), bpm / FURTHEST, FURTHEST * bpm)
    edges = np.concatenate([[0.0], np.cumsum(60.0 / beat / tempo)])
    return Clock(beat, bpm, tuple(edges.tolist()))


def drifting(by: float) -> Course:
    """A band without a click: slowly up and down over many bars, ``by`` BPM at most."""

    def course(bars: Curve, bpm: float, _length: float, random: np.random.Generator) -> Curve:
        starts = random.uniform(0, 2 * np.pi, len(WAVES))
        waves = [
            share * np.sin(2 * np.pi * bars / period + start)
            for (period, share), start in zip(WAVES, starts, strict=True)
        ]
        return np.asarray(bpm + by * np.sum(waves, axis=0))

    return course


def breathing(by: float) -> Course:
    """Rubato: each phrase has its own pace, pushes to its middle and holds back at its end; by: share of the tempo."""

    def course(bars: Curve, bpm: float, _length: float, random: np.random.Generator) -> Curve:
        phrases = int(bars[-1] // PHRASE_BARS) + 2
        paces, depths = random.uniform(-1, 1, phrases), random.uniform(0.5, 1, phrases)
        place = bars / PHRASE_BARS
        depth, along = depths[place.astype(int)], place % 1
        push = np.sin(np.pi * along) - 0.5
        hold = np.clip((along - 1 + HOLD) / HOLD, 0, 1)
        return np.asarray(bpm * (1 + by * (0.6 * np.interp(place, np.arange(phrases), paces) + depth * (push - hold))))

    return course


def jumping(by: float) -> Course:
    """From the phrase nearest to the middle of the song on ``by`` BPM faster."""

    def course(bars: Curve, bpm: float, length: float, _random: np.random.Generator) -> Curve:
        unit = PHRASE_BARS if length >= 2 * PHRASE_BARS else 1
        return np.asarray(bpm + by * (bars >= unit * round(length / 2 / unit)))

    return course
