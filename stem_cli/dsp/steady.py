"""A constant grid laid through onsets by least squares, and the question whether the song is that constant."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stem_cli.dsp import tempo
from stem_cli.dsp.onsets import Array, Onsets

PARTS = 4
"""Sixteenths to a beat."""
_TOLERANCES = (0.030, 0.020, 0.012, 0.008, 0.005)
"""Seconds that an onset may be off the grid, narrower from fit to fit."""
ON_SECONDS = _TOLERANCES[-1]
"""What is that near to the grid falls on it."""
_WINDOW_BEATS = 16
_LEAST_IN_WINDOW = 8
_HAIR_SECONDS = 0.005
_FLAT_SECONDS, _FLAT_SHARE = 0.006, 0.75
"""So many windows lie that near to the grid where the tempo stands; in the others samples are struck that begin
up to 13 ms beside the grid."""
_ASIDE, _ASIDE_ODDS = 0.06, 1.3
"""A third of a song that sits this much better on a tempo up to so far away has that tempo."""
_LEAST_INLIERS, _CLEAR_INLIERS = 0.4, 0.7
"""A song that drifts has 0.36 of its strokes within 5 ms of the best constant grid, one of constant tempo 0.5 to 1."""
_AT_START_SECONDS = 0.002
"""Four songs that were made in a DAW were found 0.3 to 1.2 ms off. Nobody hears two."""


@dataclass(frozen=True)
class Fit:
    """A grid `first + k * period`, seconds; inliers: the share of the onsets' weight within 5 ms of its sixteenths."""

    first: float
    period: float
    inliers: float

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return 60 / self.period


def fit(onsets: Onsets, bpm: float) -> Fit:
    """The best grid of about this tempo. Which sixteenth is the beat is not decided here.

    Tried from where the sixteenths, the eighths and the beats are heavy: in a song that swings these differ.
    """
    return max((_from(onsets, 60 / bpm, parts) for parts in (PARTS, 2, 1)), key=lambda found: found.inliers)


def _from(onsets: Onsets, period: float, parts: int) -> Fit:
    turns = np.exp(2j * np.pi * parts * onsets.times / period) @ onsets.weights
    first = float((np.angle(turns) / (2 * np.pi) * period / parts) % (period / parts))
    for tolerance in _TOLERANCES:
        first, period = _line(onsets.times, onsets.weights, first, period, tolerance)
    share = onsets.weights[np.abs(off_grid(onsets.times, first, period)) < ON_SECONDS].sum()
    return Fit(first, period, float(share / max(onsets.weights.sum(), 1e-12)))


def shifted(found: Fit, sixteenths: int) -> Fit:
    """The same grid, its beats so many sixteenths later."""
    return Fit(found.first + sixteenths * found.period / PARTS, found.period, found.inliers)


def from_the_start(found: Fit) -> Fit:
    """The same grid; where it has a beat next to the beginning of the file, just there: the song was made in a DAW.

    >>> from_the_start(Fit(0.5007, 0.5, 1.0)).first, from_the_start(Fit(0.51, 0.5, 1.0)).first
    (0.5, 0.51)
    """
    off = float(off_grid(np.zeros(1), found.first, found.period, 1)[0])
    return replace(found, first=round(found.first + off, 9)) if abs(off) < _AT_START_SECONDS else found


def on_beats(onsets: Onsets, found: Fit) -> Fit:
    """Fitted once more to what is struck on the beats alone, the kick above all."""
    weights = onsets.weights * (onsets.kicks / max(onsets.kicks.max(initial=0.0), 1e-12) + 0.05)
    off = off_grid(onsets.times, found.first, found.period, 1)
    close = np.abs(off) < ON_SECONDS
    if close.sum() < _LEAST_IN_WINDOW:
        return found
    first, period = _line(onsets.times, weights, found.first, found.period, ON_SECONDS, 1)
    return Fit(first, period, found.inliers)


def recentred(found: Fit, period: float, seconds: float) -> Fit:
    """The grid with a period next to its own, unmoved in the middle of the song."""
    middle = round((seconds / 2 - found.first) / found.period)
    return Fit(found.first + middle * (found.period - period), period, found.inliers)


def beats(found: Fit, start: float, end: float) -> Array:
    """Every beat of the grid from `start` to `end`, seconds; one that is a hair before the song is at its start."""
    first = np.ceil((start - _HAIR_SECONDS - found.first) / found.period)
    last = np.floor((end - found.first) / found.period)
    return np.maximum(found.first + np.arange(first, last + 1) * found.period, 0.0)


def off_grid(times: Array, first: float, period: float, parts: int = PARTS) -> Array:
    """How far each time is from the nearest part of a beat, seconds."""
    part = period / parts
    return np.asarray((times - first + part / 2) % part - part / 2)


def _line(
    times: Array, weights: Array, first: float, period: float, tolerance: float, parts: int = PARTS
) -> tuple[float, float]:
    """One weighted least-squares line through the onsets near the grid."""
    part = period / parts
    steps = np.round((times - first) / part)
    near = np.abs(times - first - steps * part) < tolerance
    if near.sum() < 2 or np.ptp(steps[near]) == 0:
        return first, period
    root = np.sqrt(weights[near])
    columns = np.stack([root, root * steps[near]], axis=1)
    (first, part), *_ = np.linalg.lstsq(columns, root * times[near], rcond=None)
    return float(first), float(part * parts)


def is_steady(onsets: Onsets, found: Fit, start: float = 0.0) -> bool:
    """Whether the song keeps to this grid from its first bar to its last; a stretch of it from `start` on.

    No third of it may sit better on another tempo; and where not nearly all strokes sit on the grid, the strokes of
    most windows of 16 beats must lie around it.
    """
    if found.inliers < _LEAST_INLIERS or any(_has_its_own(part, found.bpm) for part in _thirds(onsets, start)):
        return False
    if found.inliers > _CLEAR_INLIERS:
        return True
    off = off_grid(onsets.times, found.first, found.period)
    windows = np.floor((onsets.times - found.first) / (_WINDOW_BEATS * found.period)).astype(int)
    near = np.abs(off) < _TOLERANCES[0] / 2
    centres = [
        float(np.median(off[mine])) for window in np.unique(windows)
        if (mine := near & (windows == window)).sum() >= _LEAST_IN_WINDOW
    ]  # fmt: skip
    if len(centres) < 3:
        return True
    return bool(np.mean(np.abs(centres) < _FLAT_SECONDS) >= _FLAT_SHARE)


def _thirds(onsets: Onsets, first: float) -> list[Onsets]:
    """The strokes of each third of a song, or of a stretch of it that begins at `first`."""
    last = float(onsets.times[-1]) + 1e-6
    place = (3 * (onsets.times - first) / (last - first)).astype(int)
    return [onsets.part(place == third) for third in range(3)]


def _has_its_own(part: Onsets, bpm: float) -> bool:
    """Whether a stretch of a song has another tempo than the song."""
    if len(part) < 4 * _LEAST_IN_WINDOW:
        return False
    lobe = 60 / max(float(np.ptp(part.times)), 10.0)
    tempos = np.arange(bpm * (1 - _ASIDE), bpm * (1 + _ASIDE), lobe / 8)
    scores = tempo.comb(part, tempos)
    here = scores[np.abs(tempos - bpm) < lobe].max()
    return bool(scores.max() > _ASIDE_ODDS * here)
