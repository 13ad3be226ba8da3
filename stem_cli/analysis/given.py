"""Grids that a DJ program has laid, as the analysis has them, and back again. Numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stem_cli.cues import Tempo
from stem_cli.dsp.beats import BeatGrid

_SAME_BEAT = 1e-3
"""Of a beat: three decimals of a second, as rekordbox.xml has them, are no beat more or less."""
_SAME_SECONDS = 0.001


@dataclass(frozen=True)
class Given:
    """What a DJ program says of the beats of a song. grid: None where it says nothing, or nothing that makes sense.

    source: in words, "rekordbox.xml". asked: whether the user named it just now. faults: what was left out, and why.
    """

    grid: BeatGrid | None = None
    source: str = ""
    asked: bool = False
    faults: tuple[str, ...] = ()


def grid_from(tempos: Sequence[Tempo], seconds: float) -> BeatGrid | None:
    """All beats of a song of so many seconds; bars are counted from the first tempo on, and beats before it go on back.

    None where there are fewer than two beats in the song.
    """
    if not tempos or tempos[0].seconds >= seconds:
        return None
    first = tempos[0]
    before = math.floor(first.seconds * first.bpm / 60 + _SAME_BEAT)
    beats = [max(0.0, first.seconds - beat * 60 / first.bpm) for beat in range(before, 0, -1)]
    for tempo, following in zip(tempos, (*tempos[1:], None), strict=True):
        beats += _stretch(tempo, seconds, following)
    if len(beats) < 2:
        return None
    bar = int(first.metre.partition("/")[0])
    times = tuple(round(beat, 6) for beat in beats)
    downbeat = times[min((before - first.beat + 1) % bar, len(times) - 1)]
    constant = len(tempos) == 1
    bpm = first.bpm if constant else round(float(60 / np.median(np.diff(times))), 6)
    return BeatGrid(bpm, downbeat, times, bar, constant, 1.0)


def _stretch(tempo: Tempo, seconds: float, following: Tempo | None) -> list[float]:
    """The beats of one tempo, to the next one or to the end of the song."""
    if tempo.seconds >= seconds:
        return []
    if following is None or following.seconds >= seconds:
        count = math.floor((seconds - tempo.seconds) * tempo.bpm / 60 + _SAME_BEAT) + 1
    else:
        count = max(1, round((following.seconds - tempo.seconds) * tempo.bpm / 60))
    return [tempo.seconds + beat * 60 / tempo.bpm for beat in range(count)]


def tempos_of(grid: BeatGrid) -> tuple[Tempo, ...]:
    """A grid as DJ programs take it: one tempo where it is constant, else one a bar."""
    first = grid.beats.index(grid.first_downbeat)
    if not grid.constant:
        return tuple(_bars(grid, first))
    if len(grid.beats) < 2:
        return ()
    place = grid.anchor
    return (Tempo(grid.beats[place], grid.bpm, _metre(grid), (place - first) % grid.beats_per_bar + 1),)


def _bars(grid: BeatGrid, first: int) -> Iterator[Tempo]:
    bar, last = grid.beats_per_bar, len(grid.beats) - 1
    begin = first % bar
    places = [*([0] if begin else []), *range(begin, last, bar)]
    for place, end in zip(places, (*places[1:], last), strict=True):
        bpm = 60 * (end - place) / (grid.beats[end] - grid.beats[place])
        yield Tempo(grid.beats[place], bpm, _metre(grid), (place - first) % bar + 1)


def _metre(grid: BeatGrid) -> str:
    return f"{grid.beats_per_bar}/4"


def same(one: BeatGrid | None, other: BeatGrid) -> bool:
    """Whether two grids say the same, but for how many beats the song has at its end."""
    if one is None or abs(len(one.beats) - len(other.beats)) > 1 or one.beats_per_bar != other.beats_per_bar:
        return False
    far = max(abs(a - b) for a, b in zip(one.beats, other.beats, strict=False))
    return far <= _SAME_SECONDS and abs(one.first_downbeat - other.first_downbeat) <= _SAME_SECONDS
