"""Warp markers from a grid of beats: which second of a file is which beat. Numbers in, numbers out.

Beats are quarters, as Live counts them, and beat 0 is the song's first downbeat. Between two markers time is linear;
before the first and after the last the neighbouring piece goes on.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stem_cli.ableton.metre import metre_of
from stem_cli.dsp.beats import BeatGrid

TOLERANCE_SECONDS = 0.005
"""How far a beat may lie from where the markers put it: below it, nobody hears two drums."""
HIDDEN_BEATS = 1 / 32
"""Live writes one marker more than it shows, so far behind the last."""
_NEAR_SECONDS = 0.001  # a file that ends this near to a marker ends at it
_OCTAVES = (1.0, 2.0, 0.5)
_WORTH_OCTAVES = math.log2(1.2)  # half or double time is taken where it leaves less than a fifth to be stretched

Marker = tuple[float, float]


@dataclass(frozen=True)
class Warp:
    """markers: (second of the file, beat), both rising, two at least."""

    markers: tuple[Marker, ...]

    def beat(self, second: float) -> float:
        """The beat at a second."""
        return _on_line(second, self.markers)

    def second(self, beat: float) -> float:
        """The second of a beat."""
        return _on_line(beat, [(b, s) for s, b in self.markers])

    @property
    def tempo(self) -> float:
        """Beats a minute from the first marker to the last."""
        (first, begin), (last, end) = self.markers[0], self.markers[-1]
        return 60 * (end - begin) / (last - first)

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """The tempo of each piece: (beat that it begins at, beats a minute)."""
        return tuple((a[1], 60 * (b[1] - a[1]) / (b[0] - a[0])) for a, b in pairwise(self.markers))

    @property
    def written(self) -> tuple[Marker, ...]:
        """The markers with the hidden one, which carries the tempo of the tail."""
        (before, low), (last, high) = self.markers[-2:]
        return (*self.markers, (last + HIDDEN_BEATS * (last - before) / (high - low), high + HIDDEN_BEATS))


def _on_line(x: float, points: Sequence[tuple[float, float]]) -> float:
    place = min(max(bisect_right(points, x, key=lambda point: point[0]), 1), len(points) - 1)
    (x0, y0), (x1, y1) = points[place - 1], points[place]
    return y0 + (x - x0) * (y1 - y0) / (x1 - x0)


def warp_of(grid: BeatGrid, seconds: float, octave: float = 1.0) -> Warp:
    """The markers of a song of so many seconds.

    A constant tempo takes two. A drifting one takes its first downbeat and the fewest beats with which none is off by
    5 ms. octave: beats counted for each beat of the grid, 2 reads it at double time.
    """
    unit = metre_of(grid).unit * octave
    zero = int(np.argmin([abs(beat - grid.first_downbeat) for beat in grid.beats])) if grid.beats else 0
    inside = [(beat, (number - zero) * unit) for number, beat in enumerate(grid.beats) if 0 <= beat <= seconds]
    if grid.constant or len(inside) < 2:
        return Warp(_constant(grid, seconds, unit, zero))
    times = [second for second, _ in inside]
    downbeat = next((place for place, (_, beat) in enumerate(inside) if beat == 0), 0)
    before, after = fewest(times[: downbeat + 1]), fewest(times[downbeat:])
    return Warp(tuple(inside[place] for place in (*before[:-1], *(downbeat + place for place in after))))


def _constant(grid: BeatGrid, seconds: float, unit: float, downbeat: int) -> tuple[Marker, Marker]:
    """The first downbeat and the last beat in the file; its ends, where that is shorter than a beat.

    downbeat: which beat is the first downbeat.
    """
    zero, beat, later = grid.first_downbeat, 60 / grid.bpm, max(0, grid.anchor - downbeat)
    start = grid.beats[downbeat + later] if later else zero
    count = math.floor((seconds - start) / beat + 1e-9)
    if count >= 1:
        return (start, later * unit), (start + count * 60 / grid.bpm, (count + later) * unit)
    return (0.0, -zero / beat * unit), (seconds, (seconds - zero) / beat * unit)


def fewest(times: Sequence[float], tolerance: float = TOLERANCE_SECONDS) -> list[int]:
    """Which of the beats, the first and the last among them, keep all others within the tolerance: as few as will do.

    times: of all beats, seconds, rising. A piece from beat i holds beat j if its slope lies between those that miss
    every beat in between by the tolerance; the shortest way along such pieces is the answer.

    >>> fewest([0.0, 1.0, 2.0, 3.0, 3.5, 4.0])
    [0, 3, 5]
    """
    beats = np.asarray(times, dtype=np.float64)
    steps = np.full(len(beats), len(beats), dtype=np.int64)
    came_from = np.zeros(len(beats), dtype=np.int64)
    steps[0] = 0
    for start in range(len(beats) - 1):
        ends = start + 1 + np.flatnonzero(_holds(beats, start, tolerance))
        better = ends[steps[ends] > steps[start] + 1]
        steps[better], came_from[better] = steps[start] + 1, start
    way = [len(beats) - 1]
    while way[-1]:
        way.append(int(came_from[way[-1]]))
    return way[::-1]


def _holds(beats: np.ndarray, start: int, tolerance: float) -> np.ndarray:
    """For each beat after `start` whether a piece that ends there misses none in between by more than allowed."""
    distance = np.arange(1, len(beats) - start)
    rise = beats[start + 1 :] - beats[start]
    lowest = np.maximum.accumulate((rise - tolerance) / distance)
    highest = np.minimum.accumulate((rise + tolerance) / distance)
    slope = rise / distance
    held: np.ndarray = np.ones(len(slope), dtype=bool)
    held[1:] = (slope[1:] >= lowest[:-1]) & (slope[1:] <= highest[:-1])
    return held


def ending_at(warp: Warp, seconds: float) -> Warp:
    """The markers of a shorter file of the same song: on the same lines, none of them behind its end."""
    if seconds >= warp.markers[-1][0]:
        return warp
    kept = tuple(marker for marker in warp.markers if marker[0] < seconds + _NEAR_SECONDS)
    if len(kept) > 1 and kept[-1][0] > seconds - _NEAR_SECONDS:
        return Warp(kept)
    kept = tuple(marker for marker in kept if marker[0] < seconds - _NEAR_SECONDS) or ((0.0, warp.beat(0.0)),)
    return Warp((*kept, (seconds, warp.beat(seconds))))


def octave_for(tempo: float, wanted: float) -> float:
    """Whether a song is read at double time (2), half time (0.5) or as it is (1), to be played at another tempo.

    >>> octave_for(87.0, 174.0), octave_for(174.0, 90.0), octave_for(92.0, 124.0)
    (2.0, 0.5, 1.0)
    """
    off = {octave: abs(math.log2(tempo * octave / wanted)) for octave in _OCTAVES}
    best = min(_OCTAVES, key=lambda octave: off[octave])
    return best if off[best] < _WORTH_OCTAVES else 1.0
