"""What a DJ has prepared of a song in a DJ program: its grid, its cues and loops, key, rating and colour.

Stems line up with their song to the sample, so all of it holds for them as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

KINDS = ("cue", "fade-in", "fade-out", "load", "loop")
"""Of cues; a loop is the only one that has an end."""
HOT_CUES = 8
"""Pads that every program and player has."""
SLOWEST, FASTEST = 5.0, 999.99
"""BPM of a grid that makes sense, as the checker for rekordbox.xml has it."""

_SAME_BEAT = 1e-6
"""Of a beat: rounding, not the beat before."""


@dataclass(frozen=True)
class Tempo:
    """From here on the song has this tempo. seconds: of a beat. metre: "4/4". beat: which one of the bar, from 1 on."""

    seconds: float
    bpm: float
    metre: str = "4/4"
    beat: int = 1


@dataclass(frozen=True)
class Cue:
    """A place in the song. kind: one of KINDS. end: seconds, of loops. pad: 0-7 of a hot cue, None of a memory cue.

    colour: "#RRGGBB", "" where there is none.
    """

    seconds: float
    name: str = ""
    kind: str = "cue"
    end: float | None = None
    pad: int | None = None
    colour: str = ""


@dataclass(frozen=True)
class Prepared:
    """What is known of a song; whatever is not is "", None or empty.

    key: as given, "8A" or "Am". rating: 0 to 5 stars. colour: "#RRGGBB". faults: what was left out, and why.
    """

    grid: tuple[Tempo, ...] = ()
    cues: tuple[Cue, ...] = ()
    key: str = ""
    rating: int | None = None
    colour: str = ""
    faults: tuple[str, ...] = field(default=())


def within(prepared: Prepared, start: float, end: float | None) -> Prepared:
    """The same for a stretch of the song, in the stretch's own time. start, end: seconds, end None is the song's.

    Cues outside of it are left out, as are loops that do not lie in it whole; the grid begins with its first beat.
    """
    last = math.inf if end is None else end
    cues = tuple(
        replace(cue, seconds=cue.seconds - start, end=None if cue.end is None else cue.end - start)
        for cue in prepared.cues
        if start <= cue.seconds < last and (cue.end is None or cue.end <= last)
    )
    return replace(prepared, grid=tuple(_grid_within(prepared.grid, start, last)), cues=cues)


def _grid_within(grid: Sequence[Tempo], start: float, end: float) -> Iterator[Tempo]:
    for tempo, following in zip(grid, (*grid[1:], None), strict=True):
        moved = _first_beat(tempo, start)
        until = end if following is None else min(end, following.seconds)
        if moved.seconds < until:
            yield replace(moved, seconds=moved.seconds - start)


def _first_beat(tempo: Tempo, start: float) -> Tempo:
    """The tempo from its first beat on that does not come before a time."""
    beats = max(0, math.ceil((start - tempo.seconds) * tempo.bpm / 60 - _SAME_BEAT))
    bar = int(tempo.metre.partition("/")[0])
    return replace(
        tempo, seconds=max(start, tempo.seconds + beats * 60 / tempo.bpm), beat=(tempo.beat - 1 + beats) % bar + 1
    )
