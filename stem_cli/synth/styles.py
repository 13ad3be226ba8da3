"""The table of styles: what each kind of music plays in each part of its songs. Composing walks this table.

A pattern is a string of sixteenths, four to a beat; it repeats, and blanks in it are ignored. Where a pattern offers
several with "|" between them, the seed picks one.

==========  ==============================================================================================
drums       ``X`` accent, ``x`` stroke, ``o`` ghost, ``.`` rest
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

from stem_cli.errors import UsageError


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

    bpm: slowest and fastest, whole numbers. swing: how late the off-sixteenths come, in sixteenths.
    loops: for each mode its progressions of scale degrees, a chord a bar.
    kit and bass: names of a drum kit and of a bass patch.
    levels: of each stem, and parts: of each part inside its stem, both in dB.
    """

    name: str
    bpm: tuple[int, int]
    swing: float
    loops: Mapping[str, tuple[tuple[int, ...], ...]]
    hooks: tuple[str, ...]
    scenes: tuple[Scene, ...]
    kit: str
    bass: str
    levels: Mapping[str, float]
    parts: Mapping[str, float]


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

FOUR_FLOOR = "X...X...X...X..."

HOUSE = Style(
    name="house",
    bpm=(120, 128),
    swing=0.12,
    loops={"minor": MINOR_LOOPS, "major": MAJOR_LOOPS},
    hooks=HOOKS,
    kit="club",
    bass="saw",
    levels={"vocals": -5.0, "drums": 0.0, "bass": -2.0, "other": -6.0},
    parts={"pad": -5.0, "stab": 0.0, "pluck": -7.0, "riser": -2.0, "lead": 0.0, "harmony": -8.0, "chop": -2.0},
    scenes=(
        Scene(
            "intro",
            0.2,
            {"closed_hat": "..x...x...x...xo", "shaker": "oxoooxoooxoooxoo", "clap": "....o.......o..."},
            pad=True,
            stab="x-..x-....x-..x. | x--x--x-..x-..x. | ..x-..x-..x-..xx",
            hook=True,
            tone=(0.12, 0.6),
        ),
        Scene(
            "build",
            0.2,
            {"kick": FOUR_FLOOR, "closed_hat": "..x...x...x...x.", "clap": "....x.......x..."},
            pad=True,
            stab="x--x--x-..x-..x.",
            pluck="0.2.1.3.2.4.3.5. | 0..2..4..2..3.5.",
            chops="0---....0---.... | 0-..0-..0-..1-..",
            tone=(0.35, 1.0),
            build=True,
        ),
        Scene(
            "drop",
            0.4,
            {
                "kick": FOUR_FLOOR,
                "clap": "....X.......X... ....X.......X..o",
                "open_hat": "..x...x...x...x.",
                "closed_hat": "x.oxo.oxx.oxo.ox | xoxoxoxoxoxoxoxo | x..ox..ox..ox.oo",
                "snare": "................ .......o.o....o. | .......o........ ..........o..o..",
                "shaker": "oxoooxoooxoooxoo | ",
            },
            bass="..r-..r-..r-..ro | r..r..r...r.r.o. | ..rr..ro..rr..rf",
            pad=True,
            stab="x-.x-.x-..x-..x. | x--x--x-..x-..x. | ..x-..x-..x-..xx",
            pluck="4.2.5.3.6.4.5.2. | 4..2..5..3..6.4.",
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene(
            "outro",
            0.2,
            {"kick": FOUR_FLOOR, "closed_hat": "..x...x...x...x.", "clap": "....x.......x..."},
            bass="..r-..r-..r-..r-",
            pad=True,
            chops="................ ........0-..1---",
            tone=(0.8, 0.1),
            arrive=True,
        ),
    ),
)

TECHNO = Style(
    name="techno",
    bpm=(128, 138),
    swing=0.0,
    loops={"minor": ((0, 0, 5, 5), (0, 0, 0, 6), (0, 0, 3, 0), (0, 5, 0, 6))},
    hooks=("x-------....x--- x-----------....", "....x-----x----- ........x-------"),
    kit="hard",
    bass="rolling",
    levels={"vocals": -7.0, "drums": 0.0, "bass": -4.0, "other": -6.5},
    parts={"pad": -7.0, "stab": -1.0, "pluck": 0.0, "riser": -2.0, "lead": 0.0, "harmony": -8.0, "chop": -1.0},
    scenes=(
        Scene(
            "intro",
            0.2,
            {"kick": FOUR_FLOOR, "closed_hat": "..x...x...x...x."},
            pluck="0..0..2.0..0..3. | 0.0.3.0.2.0.4.0.",
            tone=(0.05, 0.4),
        ),
        Scene(
            "build",
            0.2,
            {"kick": FOUR_FLOOR, "closed_hat": "oxxxoxxxoxxxoxxx", "clap": "....x.......x..."},
            pluck="0..0..2.0..0..3. | 0.0.3.0.2.0.4.0.",
            pad=True,
            chops="0-..........1-..",
            tone=(0.3, 1.0),
            build=True,
        ),
        Scene(
            "drop",
            0.45,
            {
                "kick": FOUR_FLOOR,
                "clap": "....X.......X...",
                "open_hat": "..X...X...X...X.",
                "closed_hat": "xoxoxoxoxoxoxoxo | oxxxoxxxoxxxoxxx",
                "ride": "x...x...x...x... | ",
                "shaker": "oooxoooxoooxooox",
            },
            bass=".rrr.rrr.rrr.rrr | ..rr..rr..rr..ro",
            stab="...x......x..... | x..x..x...x.....",
            pluck="0..4..2.0..4..3. | 0.4.3.0.2.4.4.0.",
            pad=True,
            hook=True,
            arrive=True,
        ),
        Scene(
            "outro",
            0.15,
            {"kick": FOUR_FLOOR, "closed_hat": "..x...x...x...x."},
            bass="..r...r...r...r.",
            pad=True,
            tone=(0.6, 0.1),
            arrive=True,
        ),
    ),
)

BREAKBEAT = {
    "kick": "X.........X..... | X.....o...X..... | X..x......X.....",
    "snare": "....X.......X... | ....X..o.o..X..o",
    "closed_hat": "x.x.x.x.x.x.x.x. | xox.xoxoxox.xoxo",
    "ride": "x...x...x...x... | ",
}

DNB = Style(
    name="dnb",
    bpm=(170, 176),
    swing=0.05,
    loops={"minor": MINOR_LOOPS, "major": MAJOR_LOOPS},
    hooks=HOOKS,
    kit="break",
    bass="reese",
    levels={"vocals": -5.0, "drums": 0.0, "bass": -3.0, "other": -7.5},
    parts={"pad": -1.0, "stab": -2.0, "pluck": -4.0, "riser": -2.0, "lead": 0.0, "harmony": -8.0, "chop": -2.0},
    scenes=(
        Scene("intro", 0.2, {"closed_hat": "x...x...x...x.x."}, pad=True, hook=True, tone=(0.2, 0.7)),
        Scene(
            "build",
            0.15,
            {"kick": "X.......X.......", "closed_hat": "x.x.x.x.x.x.x.x."},
            pad=True,
            pluck="0.2.1.3.2.4.3.5.",
            chops="0-..0-..0-..1-..",
            tone=(0.4, 1.0),
            build=True,
        ),
        Scene(
            "drop",
            0.45,
            BREAKBEAT,
            bass="r---------..r--- r------..f--o---  | r-----..r-----.. r---..r---..o---",
            stab="..x-..x....x-... | ",
            pluck="4..2..5..3..6.4.",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene("outro", 0.2, BREAKBEAT, bass="r---------..r---", pad=True, tone=(0.8, 0.1), arrive=True),
    ),
)

STYLES: dict[str, Style] = {style.name: style for style in (HOUSE, TECHNO, DNB)}
"""Every style by its name."""


def find(name: str) -> Style:
    """The style of that name."""
    if name not in STYLES:
        raise UsageError(f'there is no style "{name}"', hint=f"Choose one of: {', '.join(STYLES)}.")
    return STYLES[name]
