"""Beats of a song that speeds up and slows down: one by one, by dynamic programming, after D. Ellis, "Beat Tracking by
Dynamic Programming", Journal of New Music Research 36 (2007), then moved to the strokes that are heard there."""

from __future__ import annotations

import numpy as np

from stem_cli.dsp import steady
from stem_cli.dsp.onsets import Array, Novelty, Onsets, unit

TIGHT, LOOSE = 300.0, 50.0
"""How much an interval that is not the period costs: -300 ln(interval / period)^2, in units of the novelty's spread.
Loose is for rubato: 95 % of the beats of a ballad within 68 ms instead of 173."""
_COARSER = 4
"""Frames of novelty taken as one, 12 ms: strokes are looked for afterwards."""
_NEAR_SECONDS = 0.04
_AROUND_BEATS = 4
_LEAST_NEAR = 3


def beats_of(novelty: Novelty, onsets: Onsets, bpm: float, tightness: float = TIGHT) -> Array:
    """Seconds of every beat, rising, none before the song.

    bpm: what most of the song has. tightness: how much they keep to it.
    """
    frames = _chain(novelty, bpm, tightness)
    times = frames * _COARSER / novelty.rate
    between = (times[1:] + times[:-1]) / 2
    if _struck_at(between, onsets) > _struck_at(times, onsets):
        times = between
    found = _smoothed(_snapped(times, onsets), 60 / bpm)
    return np.maximum(found[found > -_NEAR_SECONDS], 0.0)


def share_on(beats: Array, onsets: Onsets) -> float:
    """The share of the weight of what is struck that falls within 5 ms of these beats and their sixteenths."""
    inside = onsets.part((onsets.times >= beats[0]) & (onsets.times <= beats[-1]))
    sixteenths = np.arange(steady.PARTS * (len(beats) - 1) + 1) / steady.PARTS
    there = _distance(np.interp(sixteenths, np.arange(len(beats)), beats), inside.times) < steady.ON_SECONDS
    return float(inside.weights[there].sum() / max(onsets.weights.sum(), 1e-12))


def _struck_at(times: Array, onsets: Onsets) -> float:
    """How much kick and snare there is next to these times: a chain may sit on the off-beats."""
    if not len(onsets) or not len(times):
        return 0.0
    near = _distance(times, onsets.times) < _NEAR_SECONDS
    return float((unit(onsets.kicks) + onsets.snares)[near].sum())


def _distance(beats: Array, times: Array) -> Array:
    """How far each time is from the nearest beat."""
    after = np.searchsorted(beats, times)
    either = np.stack([beats[np.maximum(after - 1, 0)], beats[np.minimum(after, len(beats) - 1)]])
    return np.asarray(np.abs(times - either).min(axis=0))


def _chain(novelty: Novelty, bpm: float, tightness: float) -> Array:
    """The chain of frames, about a period apart, that holds the most novelty."""
    curve = novelty.curve
    whole = len(curve) // _COARSER * _COARSER
    strength = curve[:whole].reshape(-1, _COARSER).max(axis=1)
    strength = strength / max(strength.std(), 1e-9)
    period = 60 / bpm * novelty.rate / _COARSER
    back = np.arange(-round(2 * period), -round(period / 2) + 1)
    cost = -tightness * np.log(-back / period) ** 2
    score, link = strength.copy(), np.full(len(strength), -1)
    for frame in range(-int(back[-1]), len(strength)):
        first = max(0, frame + int(back[0]))
        before = cost[first - frame - int(back[0]) :] + score[first : frame + int(back[-1]) + 1]
        best = int(np.argmax(before))
        if before[best] > 0:
            score[frame] += before[best]
            link[frame] = first + best
    tail = max(0, len(score) - round(2 * period))
    frame, chain = tail + int(np.argmax(score[tail:])), []
    while frame >= 0:
        chain.append(frame)
        frame = int(link[frame])
    return np.array(chain[::-1], np.float64)


def _snapped(times: Array, onsets: Onsets) -> Array:
    """Each time moved to the heaviest stroke next to it, where there is one."""
    if not len(onsets):
        return times
    out = times.copy()
    for number, time in enumerate(times):
        first, last = np.searchsorted(onsets.times, (time - _NEAR_SECONDS, time + _NEAR_SECONDS))
        if last > first:
            closeness = 1 - np.abs(onsets.times[first:last] - time) / (2 * _NEAR_SECONDS)
            out[number] = onsets.times[first + int(np.argmax(onsets.weights[first:last] * closeness))]
    return out


def _smoothed(times: Array, period: float) -> Array:
    """Beats without a stroke of their own, or off by much, on the line through their neighbours; still rising."""
    out = times.copy()
    for number in range(len(times)):
        first, last = max(0, number - _AROUND_BEATS), min(len(times), number + _AROUND_BEATS + 1)
        places = np.arange(first, last)
        others = places != number
        if others.sum() < _LEAST_NEAR:
            continue
        slope, start = np.polyfit(places[others] - number, times[first:last][others], 1)
        if abs(times[number] - start) > _NEAR_SECONDS or not period / 2 < slope < 2 * period:
            out[number] = start
    return np.asarray(np.maximum.accumulate(out + np.arange(len(out)) * 1e-9))
