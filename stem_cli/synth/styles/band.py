"""Music of people in a room: rock, a waltz, seven eighths, a ballad."""

from __future__ import annotations

from stem_cli.synth.styles.style import HOOKS, MAJOR_LOOPS, MINOR_LOOPS, Scene, Style
from stem_cli.synth.tempo import breathing, drifting

BACK = "....X.......X..."
ROCK_VERSE = {
    "kick": "X.......X.x..... | X......xX....... | X.....x.X.x.....",
    "snare": 7 * BACK + "....X..o....XxXX",
    "closed_hat": "X.x.X.x.X.x.X.x. | x.x.x.x.x.x.x.x.",
}
ROCK_CHORUS = {
    "kick": "X..x....X.x..... | X.x.....X..x..x. | X.....x.X.x...x.",
    "snare": 3 * BACK + "....X.......X.xX" + 3 * BACK + "X.XxX.xxX.X.XXXX",
    "ride": "X.x.X.x.X.x.X.x. | X...X...X...X...",
    "crash": "X...............................................................",
}

ROCK = Style(
    name="rock",
    genre="Rock",
    bpm=(112, 124),
    swing=0.0,
    loops={"minor": MINOR_LOOPS, "major": MAJOR_LOOPS},
    hooks=HOOKS,
    kit="rock",
    bass="round",
    course=drifting(2.0),
    human=0.008,
    pump=0.1,
    sounds={"stab": "guitar", "pluck": "keys"},
    levels={"vocals": -4.0, "drums": 0.0, "bass": -4.0, "other": -4.0},
    parts={"pad": -12.0, "stab": 0.0, "pluck": -6.0, "lead": 0.0, "harmony": -6.0, "chop": -2.0},
    scenes=(
        Scene("intro", 0.1, {"closed_hat": "X...X...X...X..."}, stab="x-x-x-.xx-x-x---", tone=(0.6, 1.0)),
        Scene(
            "verse",
            0.22,
            ROCK_VERSE,
            bass="r-r-r-r-r-r-r-r- | r-..r-r-r-..r-f-",
            stab="x-......x-.x.... | x-x.....x-x.....",
            pluck="0.2.3.4.2.3.4.5. | ",
            hook=True,
            tone=(0.6, 0.8),
            arrive=True,
        ),
        Scene(
            "chorus",
            0.2,
            ROCK_CHORUS,
            bass="r-r-r-r-r-r-r-r- | r-r-r-f-r-r-o-r-",
            stab="x---x---x---x-x- | x-----x---x-x---",
            pad=True,
            hook=True,
            harmony=True,
        ),
        Scene(
            "verse",
            0.2,
            ROCK_VERSE,
            bass="r-r-r-r-r-r-r-r- | r-..r-r-r-..r-f-",
            stab="x-......x-.x.... | x-x.....x-x.....",
            pluck="0.2.3.4.2.3.4.5. | ",
            hook=True,
            tone=(0.6, 0.8),
            arrive=True,
        ),
        Scene(
            "chorus",
            0.2,
            ROCK_CHORUS,
            bass="r-r-r-r-r-r-r-r- | r-r-r-f-r-r-o-r-",
            stab="x---x---x---x-x- | x-----x---x-x---",
            pad=True,
            hook=True,
            harmony=True,
        ),
        Scene(
            "outro",
            0.08,
            {"kick": "X.......X.......", "snare": BACK, "closed_hat": "x.x.x.x.x.x.x.x."},
            bass="r---------------",
            stab="x-x-x-.xx-x-x---",
            tone=(1.0, 0.5),
            arrive=True,
        ),
    ),
)
"""A band without a click: it drifts by 2 BPM at most, and every hand is some milliseconds off."""

OOM = {
    "kick": "X...........",
    "snare": "....x...x... | ....x...x.o.",
    "closed_hat": "....x...x... | x...x...x...",
    "ride": "X...x.x.x... | X...x...x.x. | ",
}

WALTZ = Style(
    name="waltz",
    genre="Waltz",
    bpm=(138, 150),
    swing=0.0,
    loops={"minor": MINOR_LOOPS, "major": MAJOR_LOOPS},
    hooks=(
        "x-------x--- x-----------",
        "x---x---x--- x-------....",
        "x-----x-x--- x-------x---",
        "....x---x--- x-------....",
    ),
    kit="brush",
    bass="round",
    beats_per_bar=3,
    human=0.004,
    pump=0.1,
    sounds={"stab": "keys"},
    levels={"vocals": -3.0, "drums": 0.0, "bass": -2.0, "other": -3.0},
    parts={"pad": -7.0, "stab": 0.0, "pluck": -5.0, "lead": 0.0, "harmony": -8.0, "chop": -2.0},
    scenes=(
        Scene(
            "intro", 0.1, bass="r---........ f---........", stab="....x-..x-..", pluck="4.......3.2.", tone=(0.5, 0.8)
        ),
        Scene(
            "verse",
            0.26,
            OOM,
            bass="r---........ f---........ | r-------.... r-------f---",
            stab="....x-..x-..",
            hook=True,
            tone=(0.7, 0.9),
        ),
        Scene(
            "chorus",
            0.22,
            {**OOM, "kick": "X.........o. | X..........."},
            bass="r-------r--- f-------r--- | r---r---f---",
            stab="....x-..x-.. ....x-..x.x.",
            pluck="4.2.5.3.6.4. | 4...5...6.4.",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene("break", 0.12, bass="r-----------", pad=True, pluck="0.2.4.3.2.1. | 0...2...4...", tone=(0.4, 0.8)),
        Scene(
            "chorus",
            0.2,
            {**OOM, "kick": "X.........o. | X..........."},
            bass="r-------r--- f-------r--- | r---r---f---",
            stab="....x-..x-.. ....x-..x.x.",
            pluck="4.2.5.3.6.4. | 4...5...6.4.",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene("outro", 0.1, OOM, bass="r---........ f---........", stab="....x-..x-..", tone=(0.8, 0.4)),
    ),
)
"""Oom-pah-pah: bass on the one, chords on the two and the three."""

SEVEN = Style(
    name="seven",
    genre="Progressive Rock",
    bpm=(164, 176),
    swing=0.0,
    loops={"minor": MINOR_LOOPS},
    hooks=(
        "x---x---x----- x---x---......",
        "x-x-x---x-x--- x-x-x---......",
        "....x---x-x-x- x-------......",
    ),
    kit="rock",
    bass="round",
    beats_per_bar=7,
    beat=2,
    human=0.004,
    pump=0.1,
    sounds={"stab": "guitar", "pluck": "keys"},
    levels={"vocals": -4.0, "drums": 0.0, "bass": -3.0, "other": -4.0},
    parts={"pad": -8.0, "stab": 0.0, "pluck": -3.0, "lead": 0.0, "harmony": -6.0, "chop": -2.0},
    scenes=(
        Scene("intro", 0.12, {"closed_hat": "X.x.X.x.X.x.x."}, pluck="0.2.1.3.2.4.5. | 0.3.2.4.0.3.5."),
        Scene(
            "verse",
            0.3,
            {
                "kick": "X.......X..... | X.....x.X.....",
                "snare": "....X.....X... ....X.....X..o",
                "closed_hat": "X.x.X.x.X.x.x.",
            },
            bass="r---r---r--f-- | r-r-f-..r-r-o-",
            pluck="0.2.1.3.2.4.5. | 0.3.2.4.0.3.5.",
            hook=True,
            tone=(0.6, 0.8),
            arrive=True,
        ),
        Scene(
            "chorus",
            0.26,
            {"kick": "X..x....X..... | X.x.....X...x.", "snare": "....X.....X...", "ride": "X.x.X.x.X.x.x."},
            bass="r-r-r-r-r-r-r-",
            stab="x---x---x----- | x-x-x---x--x--",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene(
            "verse",
            0.2,
            {
                "kick": "X.......X..... | X.....x.X.....",
                "snare": "....X.....X... ....X.....X..o",
                "closed_hat": "X.x.X.x.X.x.x.",
            },
            bass="r---r---r--f-- | r-r-f-..r-r-o-",
            pluck="0.2.1.3.2.4.5. | 0.3.2.4.0.3.5.",
            hook=True,
            tone=(0.6, 0.8),
        ),
        Scene("outro", 0.12, {"closed_hat": "X...X...X....."}, bass="r-------------", pluck="0.2.1.3.2.4.5."),
    ),
)
"""7/8, counted 2 + 2 + 3; its beats are the eighths."""

BALLAD = Style(
    name="ballad",
    genre="Ballad",
    bpm=(62, 72),
    swing=0.0,
    loops={"minor": MINOR_LOOPS, "major": MAJOR_LOOPS},
    hooks=(
        "x-----x-x---x--- x---x---x-------",
        "..x-x-x-x-----x- x-----x---------",
        "x---..x-x--x--x- x-----------....",
    ),
    kit="brush",
    bass="round",
    course=breathing(0.14),
    human=0.012,
    sounds={"pluck": "keys", "stab": "keys"},
    levels={"vocals": 0.0, "drums": 0.0, "bass": -6.0, "other": -2.0},
    parts={"pad": -8.0, "stab": -3.0, "pluck": 0.0, "lead": 0.0, "harmony": -7.0, "chop": -2.0},
    scenes=(
        Scene("intro", 0.12, pluck="0.2.3.4.5.4.3.2. | 0...2...4...3.2.", tone=(0.5, 0.7)),
        Scene(
            "verse",
            0.3,
            bass="r--------------- | r-------f-------",
            pluck="0.2.3.4.5.4.3.2. | 0...2...4...3.2.",
            hook=True,
            tone=(0.6, 0.8),
        ),
        Scene(
            "chorus",
            0.26,
            bass="r-------r-----f- | r-----r-f-------",
            stab="x-------x------- | x---------------",
            pluck="4.2.5.3.6.4.5.2. | 2.4.5.6.7.6.5.4.",
            pad=True,
            hook=True,
            harmony=True,
        ),
        Scene("verse", 0.2, bass="r---------------", pluck="0.2.3.4.5.4.3.2. | 0...2...4...3.2.", hook=True),
        Scene("outro", 0.12, bass="r---------------", pluck="0...2...4.......", pad=True, tone=(0.8, 0.3)),
    ),
)
"""Rubato: no drums, and every phrase of four bars pushes on and holds back as it likes."""
