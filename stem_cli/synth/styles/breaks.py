"""Broken beats: drum and bass, hip-hop, trap."""

from __future__ import annotations

from stem_cli.synth.styles.style import HOOKS, MAJOR_LOOPS, MINOR_LOOPS, Scene, Style

BREAKBEAT = {
    "kick": "X.........X..... | X.....o...X..... | X..x......X.....",
    "snare": "....X.......X... | ....X..o.o..X..o",
    "closed_hat": "x.x.x.x.x.x.x.x. | xox.xoxoxox.xoxo",
    "ride": "x...x...x...x... | ",
}

DNB = Style(
    name="dnb",
    genre="Drum & Bass",
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

HALF_TIME = {
    "kick": "X.....x...x..... | X..o..x......x.. | X.........x..x..",
    "snare": "........X....... ........X.....o. | ........X......o",
    "closed_hat": "x.x.x.x.x.x.x.x. | x.xox.x.x.x.xox.",
}
"""The snare on the third beat alone."""

BOOM_BAP = {
    "kick": "X......x..X..... | X.x....x..X....o | X..x...o..X.....",
    "snare": "....X.......X... ....X..o.o..X... | ....X..o....X..o",
    "closed_hat": "x.x.x.x.x.xox.x. | xox.x.xox.x.x.xo",
    "open_hat": "................ ..............x.",
}

HIPHOP = Style(
    name="hiphop",
    genre="Hip-Hop",
    bpm=(86, 96),
    swing=0.2,
    loops={"minor": ((0, 0, 5, 4), (0, 5, 3, 4), (3, 4, 0, 0), (0, 3, 0, 6)), "major": ((0, 5, 1, 4), (3, 2, 1, 0))},
    hooks=(
        "..x-x-x-x--x--.. ..x-x-x-x-----..",
        "x-xx-x-x--x---.. ..x-x-xx-x----..",
        "x--x--x-x---..x- x--x--x-------..",
    ),
    kit="dusty",
    bass="round",
    human=0.004,
    pump=0.4,
    sounds={"stab": "keys"},
    levels={"vocals": -3.0, "drums": 0.0, "bass": -2.5, "other": -6.5},
    parts={"pad": -9.0, "stab": 0.0, "pluck": -5.0, "lead": 0.0, "harmony": -8.0, "chop": -2.0},
    scenes=(
        Scene(
            "intro",
            0.1,
            {"closed_hat": "x...x...x...x.x."},
            stab="x-----..x--..x-. | x--x----..x---..",
            chops="........0-....1-",
            tone=(0.3, 0.6),
        ),
        Scene(
            "verse",
            0.25,
            HALF_TIME,
            bass="r-----r-..r----- | r--...r-..f--r-. | r---------f--r-.",
            stab="x-----..x--..x-. | x--x----..x---..",
            chops="................ ......0-..1-....",
            tone=(0.6, 0.8),
            arrive=True,
        ),
        Scene(
            "chorus",
            0.2,
            BOOM_BAP,
            bass="r-----.r-.r---.. | r-.r...r..f-..o.",
            stab="x-..x-..x-..x.x. | x--x--x-..x-..x.",
            pluck="4.....5.3.....2. | ..4..2....5..3..",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene(
            "verse",
            0.2,
            HALF_TIME,
            bass="r-----r-..r----- | r--...r-..f--r-. | r---------f--r-.",
            stab="x-----..x--..x-. | x--x----..x---..",
            chops="................ ......0-..1-....",
            tone=(0.6, 0.8),
        ),
        Scene(
            "chorus",
            0.15,
            BOOM_BAP,
            bass="r-----.r-.r---.. | r-.r...r..f-..o.",
            stab="x-..x-..x-..x.x. | x--x--x-..x-..x.",
            pluck="4.....5.3.....2. | ..4..2....5..3..",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene("outro", 0.1, HALF_TIME, stab="x-----..x--..x-.", tone=(0.7, 0.2)),
    ),
)
"""A sampler's swing and hands that are a few milliseconds off; half-time verses between choruses in full time."""

TRAP_DRUMS = {
    "kick": "X.....x...x..... X.....x......x.. | X..x......x..... | X.........x...x.",
    "clap": "........X.......",
    "snare": "................ ...........o..o. | ",
    "closed_hat": "x.x.x.x.x.x.x.x. x.x.t.x.x.x.d.dd | x.x.x.dxx.x.x.t. | xxx.x.x.xxx.t.xd",
    "open_hat": "................ ..x............. | ",
}

TRAP = Style(
    name="trap",
    genre="Trap",
    bpm=(136, 146),
    swing=0.0,
    loops={"minor": ((0, 0, 5, 5), (0, 0, 5, 4), (0, 5, 0, 6), (0, 0, 3, 4))},
    hooks=(
        "x---x---x-x-x--- ..x-x-x-x-------",
        "x--x--x---x-x--- x--x--x---------",
        "....x-x-x-x-x--- ....x-x-x-------",
    ),
    kit="trap",
    bass="eight",
    pump=0.5,
    levels={"vocals": -4.0, "drums": 0.0, "bass": -1.0, "other": -8.0},
    parts={"pad": -4.0, "stab": -4.0, "pluck": 0.0, "riser": -2.0, "lead": 0.0, "harmony": -8.0, "chop": -2.0},
    scenes=(
        Scene(
            "intro",
            0.12,
            pad=True,
            pluck="4.....2...3..... | 0..3..2.....4...",
            chops="........0---1---",
            tone=(0.2, 0.6),
        ),
        Scene(
            "verse",
            0.26,
            {**TRAP_DRUMS, "open_hat": ""},
            bass="r---------r----- r-----r------f-- | r--r------f-----",
            pluck="4.....2...3..... | 0..3..2.....4...",
            hook=True,
            tone=(0.5, 0.7),
            arrive=True,
        ),
        Scene(
            "break",
            0.08,
            {"closed_hat": "x...x...x...x..."},
            pad=True,
            pluck="4.....2...3..... | 0..3..2.....4...",
            chops="0---....1---....",
            tone=(0.3, 1.0),
            build=True,
        ),
        Scene(
            "drop",
            0.24,
            TRAP_DRUMS,
            bass="r-----r---r----- r-----r------o-- | r--r------r---f-",
            stab="x-------..x----- | ",
            pluck="4.....2...3...5. | 0..3..2...4..5..",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene(
            "verse",
            0.18,
            {**TRAP_DRUMS, "open_hat": ""},
            bass="r---------r----- r-----r------f-- | r--r------f-----",
            pluck="4.....2...3..... | 0..3..2.....4...",
            hook=True,
            tone=(0.5, 0.7),
        ),
        Scene("outro", 0.12, {"clap": "........x......."}, pad=True, pluck="4.....2...3.....", tone=(0.7, 0.1)),
    ),
)
"""Half-time: the clap on the third beat, long 808s, and hats that roll."""
