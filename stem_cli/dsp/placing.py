"""Which sixteenth of a constant grid is the beat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stem_cli.dsp import steady, tempo
from stem_cli.dsp.onsets import KICK, Array, Novelty, Onsets

_STRUCK = 3
"""The power to which it counts what is struck: with less, separated house begins its beats on the bass between them."""

_SNARES, _NO_SNARES = 2, 0.02
"""The power to which snares count, and the share of all strokes below which they decide little."""


def on_the_beat(found: steady.Fit, struck: Onsets, tonal: Novelty, span: tuple[float, float]) -> steady.Fit:
    """The grid moved to the sixteenth that is the beat, and fitted once more to what is struck there.

    span: from where to where in the song it holds, seconds.
    """
    return placed(steady.shifted(found, int(np.argmax(strengths(found, struck, tonal, span)))), struck, span)


def strengths(found: steady.Fit, struck: Onsets, tonal: Novelty, span: tuple[float, float]) -> Array:
    """How much each of the four sixteenths is the beat, the likeliest 1.

    What is struck there counts most, then the kick, which separation confuses with a bass on the off-beats, then how
    much of bass and chords begins there on one beat of the bars, and snares: those of trap, whose kicks are mostly
    between the beats, are on them, as they are everywhere.
    """
    shifted = [steady.shifted(found, shift) for shift in range(steady.PARTS)]
    kicks, weights = (
        np.array([_weight_at(struck.times, what, one) for one in shifted]) for what in (struck.kicks, struck.weights)
    )
    chords = np.array([_one_in_the_bar(tonal, one, span) for one in shifted])
    snares = np.array([_weight_at(struck.times, struck.snares, one) for one in shifted])
    found_there = kicks * weights**_STRUCK * (_NO_SNARES + snares / max(len(struck), 1)) ** _SNARES
    if chords.any():
        found_there = found_there * chords
    return np.asarray(found_there / max(float(found_there.max()), 1e-12))


def rival(found: steady.Fit, struck: Onsets, tonal: Novelty, span: tuple[float, float], parts: int) -> float:
    """How near another sixteenth comes to being the beat, 0 to 1. parts: of each beat that are counted as beats."""
    others = strengths(found, struck, tonal, span)
    others[:: steady.PARTS // parts] = 0.0
    return round(float(others.max()), 3)


def placed(found: steady.Fit, struck: Onsets, span: tuple[float, float]) -> steady.Fit:
    """The grid fitted once more to what is struck on its beats, at a round tempo where that moves none of them."""
    best = steady.on_beats(struck, found)
    bpm = tempo.rounded(best.bpm, (span[1] - span[0]) / best.period)
    return replace(steady.recentred(best, 60 / bpm, span[0] + span[1]), inliers=found.inliers)


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
