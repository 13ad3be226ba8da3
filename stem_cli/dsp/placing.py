"""Which sixteenth of a constant grid is the beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stem_cli.dsp import steady, tempo
from stem_cli.dsp.chroma import Chroma
from stem_cli.dsp.downbeats import changes
from stem_cli.dsp.onsets import KICK, Array, Novelty, Onsets

Span = tuple[float, float]
"""From where to where in the song a grid holds, seconds."""
_KICKS, _STRUCK, _BEGINS, _SNARES, _CHANGES = 1.0, 0.5, 2.0, 3.0, 5.0
"""How much each kind of evidence counts: of logarithms, but for the last. Fitted as multinomial logistic regression to
stretches of half a minute and a minute of four real multitracks and to rendered songs of all styles, true and
separated stems, each family of songs left out in turn (5 of 110 wrong), and rounded (3 wrong)."""
_FLOOR, _NO_SNARES = 0.05, 0.02
"""Added to shares of the strongest place; of all strokes: where fewer are snares, these decide little."""
_BAR = 4


@dataclass(frozen=True)
class Tonal:
    """What bass and chords do. novelty: of both together; harmonies: which notes each has."""

    novelty: Novelty
    harmonies: tuple[Chroma, ...]


def on_the_beat(found: steady.Fit, struck: Onsets, tonal: Tonal, span: Span, beat: float | None = None) -> steady.Fit:
    """The grid moved to the sixteenth that is the beat, and fitted once more to what is struck there.

    beat: seconds of one, about, where it is known.
    """
    if beat is None:
        return placed(steady.shifted(found, int(np.argmax(strengths(found, struck, tonal, span)))), struck, span)
    grids = [steady.shifted(found, shift) for shift in range(steady.PARTS)]
    nearest = min(grids, key=lambda grid: abs(float(steady.off_grid(np.array(beat), grid.first, grid.period, 1))))
    return placed(nearest, struck, span)


def strengths(found: steady.Fit, struck: Onsets, tonal: Tonal, span: Span) -> Array:
    """How likely each of the four sixteenths is the beat, the likeliest 1.

    Told by the kick, by all that is struck, by what of bass and chords begins there on one beat of the bars, by snares
    and claps, and by changes of harmony on one beat of the bars. Kicks alone will not do: those of trap are mostly
    between the beats; nor what is struck: hats on the off-beats are louder than the rest of some bars.
    """
    grids = [steady.shifted(found, shift) for shift in range(steady.PARTS)]
    kicks, weights, snares = (
        np.array([_weight_at(struck.times, what, grid) for grid in grids])
        for what in (struck.kicks, struck.weights, struck.snares)
    )
    begins = np.array([_one_in_the_bar(tonal.novelty, grid, span) for grid in grids])
    told = _KICKS * _share(kicks) + _STRUCK * _share(weights) + _BEGINS * _share(begins)
    told += _SNARES * np.log(snares / max(len(struck), 1) + _NO_SNARES)
    change = np.array([_change_in_the_bar(tonal.harmonies, grid, span) for grid in grids])
    told += _CHANGES * change / max(float(change.mean()), 1e-9)
    return np.asarray(np.exp(told - told.max()))


def rival(found: steady.Fit, struck: Onsets, tonal: Tonal, span: Span, parts: int) -> float:
    """How near another sixteenth comes to being the beat, 0 to 1. parts: of each beat that are counted as beats."""
    others = strengths(found, struck, tonal, span)
    others[:: steady.PARTS // parts] = 0.0
    return round(float(others.max()), 3)


def placed(found: steady.Fit, struck: Onsets, span: Span) -> steady.Fit:
    """The grid fitted once more to what is struck on its beats, at a round tempo where that moves none of them."""
    best = steady.on_beats(struck, found)
    bpm = tempo.rounded(best.bpm, (span[1] - span[0]) / best.period)
    return replace(steady.recentred(best, 60 / bpm, span[0] + span[1]), inliers=found.inliers)


def _share(values: Array) -> Array:
    """The logarithm of each place's share of the strongest."""
    return np.asarray(np.log(values / max(float(values.max()), 1e-12) + _FLOOR))


def _weight_at(times: Array, weights: Array, found: steady.Fit) -> float:
    off = np.abs(steady.off_grid(times, found.first, found.period, 1))
    return float(weights[off < found.period / (2 * steady.PARTS)].sum())


def _one_in_the_bar(tonal: Novelty, found: steady.Fit, span: Span) -> float:
    """The most that bass and chords begin on one beat of the bars, over a stretch of the song."""
    curve = tonal.flux[: KICK + 3].sum(axis=0) if tonal.flux.size else np.zeros(0)
    times = np.arange(len(curve)) / tonal.rate
    near = np.abs(steady.off_grid(times, found.first, found.period, 1)) < 0.03
    near &= (times >= span[0]) & (times <= span[1])
    places = np.round((times - found.first) / found.period).astype(int) % _BAR
    return max((float(curve[near & (places == place)].sum()) for place in range(_BAR)), default=0.0)


def _change_in_the_bar(harmonies: Sequence[Chroma], found: steady.Fit, span: Span) -> float:
    """The most that harmony changes on one beat of the bars."""
    beats = steady.beats(found, *span)
    if len(beats) < _BAR:
        return 0.0
    change = sum((changes(one, beats) for one in harmonies), np.zeros(len(beats)))
    return max(float(change[place::_BAR].mean()) for place in range(_BAR))
