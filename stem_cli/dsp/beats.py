"""The beats of a song: where they are, which of them begin a bar, and how fast they go.

A song of constant tempo gets a constant grid, laid through all its strokes; one whose tempo jumps a grid for each
stretch; one that drifts gets beats one by one. What it was measured at is in docs/analysis.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stem_cli.dsp import drift, jumps, steady, tempo
from stem_cli.dsp.downbeats import Bar, divided
from stem_cli.dsp.onsets import KICK, Array, Novelty, Onsets, onsets

_DOUBT = 0.75
"""Sixteenths this nearly as strong as the strongest may be the beat as well; then bass and chords decide."""
_LEAST_ONSETS = 8
_HAIR_SECONDS = 0.005
_LEAST_SECONDS = 5.0
"""Two bars or so: any tempo would fit less."""
_EARLY = 0.75
"""Of a beat: so much before the sound begins may its first beat be, as where it begins on an off-beat."""
_FREE, _FREE_BEATS = 0.025, 8
"""Eight beats of a band without a click vary in length by 0.8 %, those of a ballad in rubato by 4.3 %."""
_LONG_BAR, _EIGHTHS_ABOVE_BPM = 5, 140.0
_STANDS = 0.0005
"""Two beats after each other are of one tempo that differ by less than this share."""


@dataclass(frozen=True)
class BeatGrid:
    """The beats of a song.

    bpm: exact where the tempo is constant, else what most of the song has. first_downbeat: seconds of the first beat
    that begins a bar. beats: seconds of every beat, rising, from the first that sounds to the end of the song; a
    pickup comes before the first downbeat. beats_per_bar: 4, 3, 7. constant: whether beats are `first + k * 60 / bpm`.
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

    @property
    def beat_unit(self) -> int:
        """4 where a beat is a quarter, 8 where it is an eighth: in bars of five and more, faster than 140 a minute.

        >>> BeatGrid(168.0, 0.0, (0.0,), beats_per_bar=7).beat_unit, BeatGrid(174.0, 0.0, (0.0,)).beat_unit
        (8, 4)
        """
        return 8 if self.beats_per_bar >= _LONG_BAR and self.bpm > _EIGHTHS_ABOVE_BPM else 4

    @property
    def quarters_bpm(self) -> float:
        """Quarters a minute: what a DJ program calls its tempo. That of 168 eighths a minute is 84."""
        return self.bpm * 4 / self.beat_unit

    @property
    def tempos(self) -> tuple[tuple[float, float], ...]:
        """Where the tempo jumps and else stands: (second, beats a minute) of each stretch. () where it drifts."""
        spans = np.diff(self.beats)
        edges = np.flatnonzero(np.abs(np.diff(spans)) > _STANDS * spans[:-1]) + 1
        whole = [part for part in np.split(np.arange(len(spans)), edges) if len(part) >= _LEAST_ONSETS]
        if sum(map(len, whole)) < len(spans) - 2 * len(whole):
            return ()
        return tuple((self.beats[part[0]], float(60 / spans[part].mean())) for part in whole)


@dataclass(frozen=True)
class Hints:
    """What is known of a song: bpm, exact where the user says it (0 unknown); tagged_bpm; genre."""

    bpm: float = 0.0
    tagged_bpm: float = 0.0
    genre: str = ""


Bars = Callable[[Array], Bar]
"""Tells of beats how they make bars."""


def grid_of(drums: Novelty, tonal: Novelty, bars: Bars, hints: Hints, begins: float = 0.0) -> BeatGrid | None:
    """The grid of a song; None where nothing in it has a beat, or it is too short to tell.

    drums: what beats are told from, of the drums, or of the mix where there are none. tonal: of bass and chords.
    begins: the second from which on there is something to hear.
    """
    struck = onsets(drums)
    if len(struck) < _LEAST_ONSETS or (drums.seconds < _LEAST_SECONDS and not hints.bpm):
        return None
    found = _fitted(drums, struck, hints)
    if found is None:
        return None
    found = _on_the_beat(found, struck, tonal, (0.0, drums.seconds))
    constant = bool(hints.bpm) or steady.is_steady(struck, found)
    beats, inliers = (
        (_constant(found, drums.seconds), found.inliers) if constant else _moving(found, struck, drums, tonal)
    )
    beats = beats[beats > begins - _EARLY * found.period]
    if len(beats) < 2:
        return None
    bar = bars(beats)
    beats = divided(beats, bar.parts)
    bpm = bar.parts * found.bpm if constant else float(60 / np.median(np.diff(beats)))
    times = tuple(float(time) for time in np.round(beats, 6))
    return BeatGrid(bpm, times[min(bar.phase, len(times) - 1)], times, bar.beats, constant, round(inliers, 3))


def is_free(beats: Array) -> bool:
    """Whether nobody keeps time, as in rubato."""
    spans = beats[_FREE_BEATS:] - beats[:-_FREE_BEATS]
    return len(spans) > 0 and bool(spans.std() > _FREE * spans.mean())


def _moving(found: steady.Fit, struck: Onsets, drums: Novelty, tonal: Novelty) -> tuple[Array, float]:
    """The beats of a song of several tempos, or one that drifts, and how much of what is struck falls on them."""
    parts = jumps.stretches(struck, found.bpm, drums.seconds)
    if not parts:
        loose = drift.beats_of(drums, struck, found.bpm, drift.LOOSE)
        return loose if is_free(loose) else drift.beats_of(drums, struck, found.bpm), found.inliers
    beats, inliers = [], 0.0
    for part in parts:
        mine = jumps.between(struck, part.start, part.end)
        grid = _on_the_beat(part.fit, mine, tonal, (part.start, part.end))
        times = _constant(grid, drums.seconds)
        beats.append(times[(times >= part.start) & (times < part.end)])
        inliers += grid.inliers * mine.weights.sum() / struck.weights.sum()
    return jumps.joined(beats), float(inliers)


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


def _on_the_beat(found: steady.Fit, struck: Onsets, tonal: Novelty, span: tuple[float, float]) -> steady.Fit:
    """The grid moved to the sixteenth that is the beat, and fitted once more to what is struck there.

    span: from where to where in the song it holds, seconds.
    """
    shifted = [steady.shifted(found, shift) for shift in range(steady.PARTS)]
    kicks, weights = (
        np.array([_weight_at(struck.times, what, one) for one in shifted]) for what in (struck.kicks, struck.weights)
    )
    strength = kicks * weights
    likely = [one for one, much in zip(shifted, strength, strict=True) if much >= _DOUBT * strength.max()]
    best = max(likely, key=lambda one: _one_in_the_bar(tonal, one, span)) if len(likely) > 1 else likely[0]
    placed = steady.on_beats(struck, best)
    bpm = tempo.rounded(placed.bpm, (span[1] - span[0]) / placed.period)
    return replace(steady.recentred(placed, 60 / bpm, span[0] + span[1]), inliers=found.inliers)


def _weight_at(times: Array, weights: Array, found: steady.Fit) -> float:
    off = np.abs(steady.off_grid(times, found.first, found.period, 1))
    return float(weights[off < found.period / (2 * steady.PARTS)].sum())


def _one_in_the_bar(tonal: Novelty, found: steady.Fit, span: tuple[float, float]) -> float:
    """The most that bass and chords begin on one beat of the bars, over a stretch of the song."""
    curve = tonal.flux[: KICK + 3].sum(axis=0) if tonal.flux.size else np.zeros(0)
    times = np.arange(len(curve)) / tonal.rate
    near = np.abs(steady.off_grid(times, found.first, found.period, 1)) < 0.03
    near &= (times >= span[0]) & (times <= span[1])
    places = np.round((times - found.first) / found.period).astype(int) % 4
    return max((float(curve[near & (places == place)].sum()) for place in range(4)), default=0.0)


def _constant(found: steady.Fit, seconds: float) -> Array:
    """Every beat of the grid that lies in the song; one that is a hair before it is at its start."""
    first = np.ceil((-_HAIR_SECONDS - found.first) / found.period)
    last = np.floor((seconds - found.first) / found.period)
    return np.maximum(found.first + np.arange(first, last + 1) * found.period, 0.0)
