"""Songs whose tempo jumps: cut where it does, each stretch with a grid of its own, and the beats of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stem_cli.dsp import placing, steady, tempo
from stem_cli.dsp.onsets import Array, Onsets

LONGEST_SECONDS = 15 * 60.0
"""Of a song; a longer one is no song, and to look for its cuts takes time that grows with the square of it."""
_WINDOW_SECONDS = 2.0
_LEAST_WINDOWS = 8
_SLOW, _FAST = 80.0, 160.0
"""One octave is enough to cut by: the comb knows half and double."""
_FINENESS = 8
_DEPTH = 3
"""Cuts of cuts: eight stretches at most."""
_LEAST_INLIERS = 0.5
"""A stretch whose tempo stands has so much on its grid; a band without a click up to 0.45, in half a minute of it."""
_NEAR_SECONDS = 8.0
_GOES_ON = 0.5
"""Beats go on through a change of tempo where each stretch is struck at least this much there, of its strongest."""
_ALIKE = 0.002
"""Tempos that differ by less are one: another sample of the drums, which begins later, has looked like a jump."""
_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Stretch:
    """From `start` to `end`, seconds, the song keeps to one grid."""

    start: float
    end: float
    fit: steady.Fit


def beats_of(onsets: Onsets, tonal: placing.Tonal, bpm: float, seconds: float) -> tuple[Array, float] | None:
    """The beats of a song whose tempo jumps, and the share of what is struck that falls on its grids; None where it
    does not. See `stretches`; tonal: of bass and chords."""
    parts = stretches(onsets, bpm, seconds)
    if not parts or max(part.fit.bpm for part in parts) < (1 + _ALIKE) * min(part.fit.bpm for part in parts):
        return None
    mine = [between(onsets, part.start, part.end) for part in parts]
    grids = _on_the_beat(parts, mine, tonal)
    spans = [(part.start, part.end) for part in parts]
    beats = [steady.beats(grid, *span) for grid, span in zip(grids, spans, strict=True)]
    share = sum(grid.inliers * one.weights.sum() for grid, one in zip(grids, mine, strict=True)) / onsets.weights.sum()
    return joined(beats), float(share)


def _on_the_beat(parts: Sequence[Stretch], mine: Sequence[Onsets], tonal: placing.Tonal) -> list[steady.Fit]:
    """The grid of each stretch at the beat: the one that goes on through all of them, or else each by itself."""
    fits = [parts[0].fit]
    for part in parts[1:]:
        turns = [steady.shifted(part.fit, shift) for shift in range(steady.PARTS)]
        last = steady.beats(fits[-1], part.start - fits[-1].period, part.start)[-1]
        fits.append(min(turns, key=lambda one: abs(float(steady.off_grid(last, one.first, one.period, 1)))))
    strengths = np.array(
        [
            placing.strengths(fit, one, tonal, (part.start, part.end))
            for part, fit, one in zip(parts, fits, mine, strict=True)
        ]
    )
    most = int(np.argmax(strengths.sum(axis=0)))
    goes_on = bool(strengths[:, most].min() >= _GOES_ON)
    found = []
    for part, fit, one in zip(parts, fits, mine, strict=True):
        span = (part.start, part.end)
        here = placing.placed(steady.shifted(fit, most), one, span)
        found.append(here if goes_on else placing.on_the_beat(fit, one, tonal, span))
    return found


def stretches(onsets: Onsets, bpm: float, seconds: float) -> list[Stretch]:
    """The stretches of a song, two to eight, without gaps; [] where it cannot be cut into such.

    bpm: what the whole song was taken for, which decides the octave.
    """
    if seconds > LONGEST_SECONDS:
        return []
    rough = _cut(onsets, bpm, 0.0, seconds, _DEPTH)
    if len(rough) < 2:
        return []
    cuts = [_where(onsets, one, other) for one, other in pairwise(rough)]
    edges = [0.0, *cuts, seconds]
    return [
        Stretch(start, end, steady.fit(between(onsets, start, end), one.fit.bpm))
        for one, (start, end) in zip(rough, pairwise(edges), strict=True)
    ]


def between(onsets: Onsets, start: float, end: float) -> Onsets:
    """The strokes of a stretch."""
    return onsets.part((onsets.times >= start) & (onsets.times < end))


def joined(beats: Sequence[Array]) -> Array:
    """The beats of all stretches one after the other; where the last of one comes too near to the next, it goes."""
    whole = beats[0]
    for more in beats[1:]:
        if len(more) > 1:
            whole = np.concatenate([whole[whole < more[0] - (more[1] - more[0]) / 2], more])
    return whole


def _cut(onsets: Onsets, bpm: float, start: float, end: float, depth: int) -> list[Stretch]:
    """Stretches that keep to their grids, cut in two until they do; [] where one never does."""
    mine = between(onsets, start, end)
    found = _fit(mine, bpm, end - start)
    if found is None:
        return []
    if found.inliers > _LEAST_INLIERS and steady.is_steady(mine, found, start):
        return [Stretch(start, end, found)]
    place = _best_cut(mine, start, end) if depth else None
    if place is None:
        return []
    left, right = _cut(mine, bpm, start, place, depth - 1), _cut(mine, bpm, place, end, depth - 1)
    return [*left, *right] if left and right else []


def _fit(onsets: Onsets, bpm: float, seconds: float) -> steady.Fit | None:
    """The best grid of a stretch, its octave next to `bpm`."""
    if len(onsets) < 4 * _LEAST_WINDOWS:
        return None
    tempos = _tempos(seconds)
    rough = float(tempos[np.argmax(tempo.comb(onsets, tempos))])
    near = rough * 2.0 ** np.round(np.log2(bpm / rough))
    return steady.fit(onsets, tempo.refined(onsets, float(near), seconds)[0])


def _tempos(seconds: float) -> Array:
    return np.arange(_SLOW, _FAST, 60 / max(seconds, 10.0) / _FINENESS)


def _best_cut(onsets: Onsets, start: float, end: float) -> float | None:
    """Where the strokes before sit best on one tempo and those after on another; None where it is too short to cut."""
    windows = int((end - start) / _WINDOW_SECONDS)
    if windows < 2 * _LEAST_WINDOWS:
        return None
    place = np.minimum((onsets.times - start) / _WINDOW_SECONDS, windows - 1).astype(int)
    firsts = np.searchsorted(place, np.arange(1, windows))
    before, after = np.zeros(windows - 1), np.zeros(windows - 1)
    tempos = _tempos(end - start)
    rows = max(1, _AT_ONCE // max(1, len(onsets)))
    for first in range(0, len(tempos), rows):
        left, right = _sides(onsets, tempos[first : first + rows], firsts)
        before, after = np.maximum(before, left.max(axis=0)), np.maximum(after, right.max(axis=0))
    inside = slice(_LEAST_WINDOWS - 1, windows - _LEAST_WINDOWS)
    return start + _WINDOW_SECONDS * (_LEAST_WINDOWS + int(np.argmax((before + after)[inside])))


def _sides(onsets: Onsets, tempos: Array, firsts: npt.NDArray[np.intp]) -> tuple[Array, Array]:
    """How well what is struck before each cut sits on each tempo, and what is struck after it: [tempos, cuts]."""
    turns = tempos[:, None] / 60 * onsets.times
    left = right = np.zeros((len(tempos), len(firsts)))
    for many in (1, 2, 4):
        sums = np.cumsum(np.exp(-2j * np.pi * many * turns) * onsets.weights, axis=1)
        sums = np.concatenate([np.zeros((len(tempos), 1)), sums], axis=1)
        left = left + np.abs(sums[:, firsts])
        right = right + np.abs(sums[:, -1:] - sums[:, firsts])
    return left, right


def _where(onsets: Onsets, one: Stretch, other: Stretch) -> float:
    """The second from which on more of what is struck falls on the later grid."""
    near = between(onsets, one.end - _NEAR_SECONDS, one.end + _NEAR_SECONDS)
    if not len(near):
        return one.end
    off = [np.abs(steady.off_grid(near.times, part.fit.first, part.fit.period)) for part in (one, other)]
    gain = np.concatenate([[0.0], np.cumsum(near.weights * (np.minimum(off[1], 0.03) - np.minimum(off[0], 0.03)))])
    place = int(np.argmax(gain))
    edges = np.concatenate([[one.end - _NEAR_SECONDS], near.times, [one.end + _NEAR_SECONDS]])
    return float((edges[place] + edges[place + 1]) / 2)
