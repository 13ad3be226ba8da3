"""What a DJ has prepared of a song in a DJ program: its grid, its cues and loops, key, rating and colour.

Stems line up with their song to the sample, so all of it holds for them as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = ("cue", "fade-in", "fade-out", "load", "loop")
"""Of cues; a loop is the only one that has an end."""
HOT_CUES = 8
"""Pads that every program and player has."""
SLOWEST, FASTEST = 5.0, 999.99
"""BPM of a grid that makes sense, as the checker for rekordbox.xml has it."""


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
