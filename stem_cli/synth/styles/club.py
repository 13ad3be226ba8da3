"""Music for the floor: a kick on every beat, or the wait for it."""

from __future__ import annotations

from dataclasses import replace

from stem_cli.synth.styles.style import HOOKS, MAJOR_LOOPS, MINOR_LOOPS, Scene, Style
from stem_cli.synth.tempo import jumping

FOUR_FLOOR = "X...X...X...X..."

HOUSE = Style(
    name="house",
    genre="House",
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
    genre="Techno",
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

CHANGE = replace(HOUSE, name="change", bpm=(124, 124), course=jumping(4.0))
"""House that goes on 4 BPM faster from its middle, as where a DJ has laid two records end to end."""

SYNCOPATED = Style(
    name="syncopated",
    genre="Indie Dance",
    bpm=(116, 124),
    swing=0.1,
    loops={"minor": MINOR_LOOPS, "major": MAJOR_LOOPS},
    hooks=HOOKS,
    kit="club",
    bass="saw",
    sounds={"stab": "swell"},
    levels={"vocals": -5.0, "drums": 0.0, "bass": -2.5, "other": -5.0},
    parts={"pad": -6.0, "stab": 0.0, "pluck": -3.0, "riser": -2.0, "lead": 0.0, "harmony": -8.0, "chop": -3.0},
    scenes=(
        Scene(
            "intro",
            0.12,
            stab="..x-----..x----. | ...x----..x----- | ..x---x-.....x--",
            pluck="..0..2....3..4.. | ...2..4....3..1. | .0.3..2..1.3..2.",
            tone=(0.25, 0.6),
        ),
        Scene(
            "verse",
            0.14,
            bass="..r--......r---. | ...r--....r--...",
            stab="..x-----..x----. | ...x----..x----- | ..x---x-.....x--",
            pluck="..0..2....3..4.. | ...2..4....3..1. | .0.3..2..1.3..2.",
            chops="......0-..1--... | ...0-......2--..",
            tone=(0.5, 0.9),
        ),
        Scene(
            "drop",
            0.26,
            {
                "kick": FOUR_FLOOR,
                "clap": "....X.......X...",
                "closed_hat": "xoxoxoxoxoxoxoxo",
                "open_hat": "..x...x...x...x.",
            },
            bass="..r-..r-..r-..ro | r..r..r...r.r.o.",
            stab="..x---..x---..x- | x--x--x-..x-..x.",
            pluck="..0..2....3..4.. | 4.2.5.3.6.4.5.2.",
            hook=True,
            arrive=True,
        ),
        Scene(
            "break",
            0.12,
            {"shaker": "oxoooxoooxoooxoo"},
            stab="..x-----..x----. | ...x----..x-----",
            pluck="..0..2....3..4..",
            pad=True,
            hook=True,
            tone=(0.3, 1.0),
            build=True,
        ),
        Scene(
            "drop",
            0.26,
            {
                "kick": FOUR_FLOOR,
                "clap": "....X.......X...",
                "closed_hat": "xoxoxoxoxoxoxoxo",
                "open_hat": "..x...x...x...x.",
            },
            bass="..r-..r-..r-..ro | r..r..r...r.r.o.",
            stab="..x---..x---..x- | x--x--x-..x-..x.",
            pluck="..0..2....3..4.. | 4.2.5.3.6.4.5.2.",
            pad=True,
            hook=True,
            harmony=True,
            arrive=True,
        ),
        Scene(
            "outro",
            0.1,
            {"kick": FOUR_FLOOR, "closed_hat": "..x...x...x...x."},
            bass="..r-..r-..r-..r-",
            pad=True,
            tone=(0.8, 0.1),
            arrive=True,
        ),
    ),
)
"""A quarter of the song before the first drum, and in it nothing falls on a beat."""
