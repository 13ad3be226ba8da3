"""The beats of a song: where they are, which of them begin a bar, and how fast they go.

A song of constant tempo gets a constant grid, laid through all its strokes; one that drifts gets beats one by one. What
it was measured at is in docs/analysis.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stem_cli.dsp import drift, steady, tempo
from stem_cli.dsp.onsets import KICK, Array, Novelty, Onsets, onsets

_DOUBT = 0.75
"""Sixteenths this nearly as strong as the strongest may be the beat as well; then bass and chords decide."""
_LEAST_ONSETS = 8
_HAIR_SECONDS = 0.005
_LEAST_SECONDS = 5.0
"""Two bars or so: any tempo would fit less."""


@dataclass(frozen=True)
class BeatGrid:
    """The beats of a song.

    bpm: exact where the tempo is constant, else what most of the song has. first_downbeat: seconds of the first beat
    that begins a bar. beats: seconds of every beat, rising, from the first to the last in the song; bars that begin
    before the sound does are left out. beats_per_bar: 4, 3, 7 ... constant: whether beats are `first + k * 60 / bpm`.
    confidence: 0 to 1, the share of what was played on the drums that falls on the grid.
    """

    bpm: float
    first_downbeat: float
    beats: tuple[float, ...]
    beats_per_bar: int = 4
    constant: bool = True
    confidence: float = 0.0

    @property
    def downbeats(self) -> tuple[float, ...]:
        """Seconds of the beats that begin a bar."""
        first = self.beats.index(self.first_downbeat)
        return self.beats[first % self.beats_per_bar :: self.beats_per_bar]


@dataclass(frozen=True)
class Hints:
    """What is known of a song: bpm, exact where the user says it (0 unknown); tagged_bpm; genre."""

    bpm: float = 0.0
    tagged_bpm: float = 0.0
    genre: str = ""


Bars = Callable[[Array], tuple[int, int]]
"""Tells of beats how many there are to a bar, and which of the first ones begins a bar."""


def grid_of(drums: Novelty, tonal: Novelty, bars: Bars, hints: Hints) -> BeatGrid | None:
    """The grid of a song; None where nothing in it has a beat, or it is too short to tell.

    drums: what beats are told from, of the drums, or of the mix where there are none. tonal: of bass and chords.
    """
    struck = onsets(drums)
    if len(struck) < _LEAST_ONSETS or (drums.seconds < _LEAST_SECONDS and not hints.bpm):
        return None
    found = _fitted(drums, struck, hints)
    if found is None:
        return None
    found = _on_the_beat(found, struck, tonal)
    known = bool(hints.bpm)
    constant = known or steady.is_steady(struck, found)
    beats = _constant(found, drums.seconds) if constant else drift.beats_of(drums, struck, found.bpm)
    if len(beats) < 2:
        return None
    metre, phase = bars(beats)
    bpm = found.bpm if constant else float(60 / np.median(np.diff(beats)))
    times = tuple(float(time) for time in np.round(beats, 6))
    return BeatGrid(bpm, times[min(phase, len(times) - 1)], times, metre, constant, round(found.inliers, 3))


def _fitted(drums: Novelty, struck: Onsets, hints: Hints) -> steady.Fit | None:
    """The constant grid that the strokes sit on best, in the right octave; its beats may be any sixteenth."""
    if hints.bpm:
        return replace(steady.fit(struck, hints.bpm), period=60 / hints.bpm)
    candidates = [tempo.refined(struck, bpm, drums.seconds) for bpm in tempo.guesses(drums)]
    if not candidates:
        return None
    best = max(candidates, key=lambda one: one[1])[0]
    right = tempo.octave(best, tempo.strong_hits_a_second(drums), hints.tagged_bpm, hints.genre)
    return steady.fit(struck, right)


def _on_the_beat(found: steady.Fit, struck: Onsets, tonal: Novelty) -> steady.Fit:
    """The grid moved to the sixteenth that is the beat, and fitted once more to what is struck there."""
    shifted = [steady.shifted(found, shift) for shift in range(steady.PARTS)]
    kicks, weights = (
        np.array([_weight_at(struck.times, what, one) for one in shifted]) for what in (struck.kicks, struck.weights)
    )
    strength = kicks * weights
    likely = [one for one, much in zip(shifted, strength, strict=True) if much >= _DOUBT * strength.max()]
    best = max(likely, key=lambda one: _one_in_the_bar(tonal, one)) if len(likely) > 1 else likely[0]
    placed = steady.on_beats(struck, best)
    bpm = tempo.rounded(placed.bpm, tonal.seconds / placed.period)
    return replace(steady.recentred(placed, 60 / bpm, tonal.seconds), inliers=found.inliers)


def _weight_at(times: Array, weights: Array, found: steady.Fit) -> float:
    off = np.abs(steady.off_grid(times, found.first, found.period, 1))
    return float(weights[off < found.period / (2 * steady.PARTS)].sum())


def _one_in_the_bar(tonal: Novelty, found: steady.Fit) -> float:
    """The most that bass and chords begin on one beat of the bars, over the song."""
    curve = tonal.flux[: KICK + 3].sum(axis=0) if tonal.flux.size else np.zeros(0)
    times = np.arange(len(curve)) / tonal.rate
    near = np.abs(steady.off_grid(times, found.first, found.period, 1)) < 0.03
    places = np.round((times - found.first) / found.period).astype(int) % 4
    return max((float(curve[near & (places == place)].sum()) for place in range(4)), default=0.0)


def _constant(found: steady.Fit, seconds: float) -> Array:
    """Every beat of the grid that lies in the song; one that is a hair before it is at its start."""
    first = np.ceil((-_HAIR_SECONDS - found.first) / found.period)
    last = np.floor((seconds - found.first) / found.period)
    return np.maximum(found.first + np.arange(first, last + 1) * found.period, 0.0)
