"""What a style is made of: scenes of patterns, and what several styles share.

A pattern is a string of sixteenths; it repeats, and blanks in it are ignored. Where a pattern offers
several with "|" between them, the seed picks one.

==========  ==============================================================================================
drums       ``X`` accent, ``x`` stroke, ``o`` ghost, ``.`` rest,
            ``d`` two strokes in one sixteenth, ``t`` three in two
bass        ``r`` root, ``f`` fifth, ``o`` octave, ``-`` hold, ``.`` rest
stab        ``x`` the chord, ``-`` hold, ``.`` rest
pluck       ``0`` to ``7`` tones of the chord upwards through the octaves, ``.`` rest
hook        ``x`` a new syllable, ``-`` hold, ``.`` rest; two bars
chops       ``0`` to ``3`` tones of the chord, ``-`` hold, ``.`` rest
==========  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stem_cli.synth.tempo import Course


@dataclass(frozen=True)
class Scene:
    """What plays in one section.

    share: of the song's length. tone: how far the filter on the chords opens, at the start and the end.
    build: a snare roll and a riser lead out of it, with a beat of silence. arrive: a crash on its first beat.
    hook: the lead sings it; harmony: a second voice joins. Empty patterns are silent.
    """

    name: str
    share: float
    drums: Mapping[str, str] = field(default_factory=dict)
    bass: str = ""
    stab: str = ""
    pluck: str = ""
    chops: str = ""
    pad: bool = False
    hook: bool = False
    harmony: bool = False
    tone: tuple[float, float] = (1.0, 1.0)
    build: bool = False
    arrive: bool = False


@dataclass(frozen=True)
class Style:
    """One kind of music.

    genre: as a tag names it. bpm: beats a minute, slowest and fastest, whole numbers.
    swing: how late the off-sixteenths come, in sixteenths.
    loops: for each mode its progressions of scale degrees, a chord a bar.
    kit and bass: names of a drum kit and of a bass patch.
    levels: of each stem, and parts: of each part inside its stem, both in dB.
    beats_per_bar, and beat: sixteenths in one of them, 4 for quarters, 2 for eighths.
    course: where the tempo goes from there; None where it stands.
    human: how far hands miss the grid, standard deviation in seconds.
    pump: how deep the kick ducks the rest, 1 as on a club record. sounds: patches of parts not played on their own.
    """

    name: str
    genre: str
    bpm: tuple[int, int]
    swing: float
    loops: Mapping[str, tuple[tuple[int, ...], ...]]
    hooks: tuple[str, ...]
    scenes: tuple[Scene, ...]
    kit: str
    bass: str
    levels: Mapping[str, float]
    parts: Mapping[str, float]
    beats_per_bar: int = 4
    beat: int = 4
    course: Course | None = None
    human: float = 0.0
    pump: float = 1.0
    sounds: Mapping[str, str] = field(default_factory=dict)

    @property
    def bar(self) -> int:
        """Sixteenths in a bar."""
        return self.beat * self.beats_per_bar


MINOR_LOOPS = ((0, 5, 2, 6), (0, 3, 5, 4), (5, 6, 0, 0), (0, 6, 5, 6), (0, 2, 5, 4), (3, 0, 5, 6))
"""Four-bar loops in minor, degrees counted from 0: the first is i - VI - III - VII."""

MAJOR_LOOPS = ((0, 4, 5, 3), (5, 3, 0, 4), (3, 0, 4, 5), (0, 5, 3, 4))

HOOKS = (
    "x--x--x---x-x--- x--x--x-----....",
    "x-x-x--x--x----- x-x-x--x------..",
    "..x-x--x--x-x--- x-----x-x-------",
    "x---x-x--x--x--- ..x-x-x--x------",
    "x--x--x--x--x-x- x----------.....",
)
"""Rhythms that are easy to sing and lean on the off-beats."""
