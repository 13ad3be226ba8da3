"""Where each song lies in the arrangement, and how fast the set goes there. Numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stem_cli.ableton.master import Clock
from stem_cli.ableton.metre import Metre, metre_of
from stem_cli.ableton.song import FASTEST_BPM, SLOWEST_BPM, Song, labels
from stem_cli.ableton.warp import Warp, octave_for, warp_of
from stem_cli.errors import InputError

ARRANGEMENTS = ("end-to-end", "stacked")
_SLACK_BARS, _ROUNDED_BARS = 1e-9, 1e-6
"""What is no bar of its own: beats of a grid are rounded to the microsecond."""
_NEAR_BEATS = 1 / 16  # a section this near to a beat begins on it


@dataclass(frozen=True)
class Timed:
    """A song with its markers. seconds: of its longest stem. octave: 2 is read at double time, 0.5 at half time."""

    song: Song
    warp: Warp
    seconds: float
    octave: float = 1.0

    @property
    def metre(self) -> Metre:
        """Its time signature."""
        return metre_of(self.song.grid)

    @property
    def tempo(self) -> float:
        """Of the song: exact where it is constant, else the mean."""
        grid = self.song.grid
        return grid.bpm * self.metre.unit * self.octave if grid.constant else round(self.warp.tempo, 2)


def timed(songs: Sequence[tuple[Song, float]], tempo: float | None, steady: bool) -> list[Timed]:
    """The songs with their markers, each read at the octave at which it is stretched least.

    songs: each with its length in seconds. tempo: of the set; None is that of the first song. steady: whether the set
    has one tempo. Raises InputError where a song goes slower or faster than a set can.
    """
    made: list[Timed] = []
    for song, seconds in songs:
        plain = Timed(song, warp_of(song.grid, seconds), seconds)
        wanted = tempo or (made[0].tempo if made else plain.tempo)
        octave = octave_for(plain.tempo, wanted) if steady else 1.0
        made.append(Timed(song, warp_of(song.grid, seconds, octave), seconds, octave))
        _check(made[-1], steady)
    return made


def _check(one: Timed, steady: bool) -> None:
    tempos = [one.tempo] if steady else [one.tempo, *(tempo for _, tempo in one.warp.steps)]
    wrong = next((tempo for tempo in tempos if not SLOWEST_BPM <= tempo <= FASTEST_BPM), None)
    if wrong is not None:
        hint = f"A Live set goes at {SLOWEST_BPM:g} to {FASTEST_BPM:g} BPM: name its tempo with --bpm."
        raise InputError(f"its beats go at {wrong:.1f} BPM", one.song.stems.home, hint)


def origins(songs: Sequence[Timed], arrange: str) -> list[float]:
    """The beat of the arrangement at which each song's first downbeat lies: the beginning of a bar.

    Nothing is cut off: what comes before the first downbeat lies before it. arrange: one after another, or "stacked",
    with all first downbeats at one place.
    """
    if arrange == "stacked":
        lead = max(_lead(one, songs[0].metre.bar) for one in songs)
        return [lead] * len(songs)
    found, start = [], 0.0
    for one in songs:
        bar = one.metre.bar
        found.append(start + _lead(one, bar))
        end = found[-1] + one.warp.beat(one.seconds)
        start += bar * math.ceil((end - start) / bar - _SLACK_BARS)
    return found


def _lead(one: Timed, bar: float) -> float:
    return bar * max(0, math.ceil(-one.warp.beat(0.0) / bar - _ROUNDED_BARS))


def clock(songs: Sequence[Timed], places: Sequence[float], arrange: str, tempo: float | None, steady: bool) -> Clock:
    """The tempo of the set, and its time signatures: of each song, where they lie one after another.

    tempo: the one wanted, None is the first song's. steady: False follows the beats of every song.
    """
    first = songs[0]
    begins = [place - _lead(one, one.metre.bar) for one, place in zip(songs, places, strict=True)]
    metres = []
    for before, one, begin in zip(songs, songs[1:], begins[1:], strict=False):
        if arrange != "stacked" and one.metre != before.metre:
            metres.append((begin, one.metre))
    if steady:
        return Clock(tempo or first.tempo, first.metre, (), tuple(metres))
    tempos = [
        step for one, place, begin in zip(songs, places, begins, strict=True) for step in _steps(one, place, begin)
    ]
    return Clock(tempos[0][1], first.metre, tuple(tempos[1:]), tuple(metres))


def _steps(one: Timed, place: float, begin: float) -> list[tuple[float, float]]:
    """The tempo at a song's beginning, and wherever it changes."""
    (_, first), *later = [(0.0, one.tempo)] if one.song.grid.constant else one.warp.steps
    return [(begin, first), *((place + beat, tempo) for beat, tempo in later)]


def locators(songs: Sequence[Timed], places: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Where sections begin: (beat, name), rising, one for each place.

    With several songs each is named after its song, and the song's own beginning has one too.
    """
    several = len(songs) > 1
    found: dict[float, list[str]] = {}
    names = [label.title for label in labels([one.song for one in songs])]
    for one, place, name in zip(songs, places, names, strict=True):
        marks = [(section.start, section.name.capitalize()) for section in one.song.sections]
        if several and (not marks or marks[0][0] > one.song.grid.first_downbeat):
            marks.insert(0, (max(0.0, one.song.grid.first_downbeat), ""))
        for second, text in marks:
            label = ": ".join(filter(None, (name, text))) if several else text
            found.setdefault(max(0.0, place + _on_beat(one.warp.beat(second))), []).append(label)
    return tuple((beat, " / ".join(found[beat])) for beat in sorted(found))


def _on_beat(beat: float) -> float:
    return float(round(beat)) if abs(beat - round(beat)) < _NEAR_BEATS else beat
