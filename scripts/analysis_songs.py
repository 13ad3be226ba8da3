"""Render the songs of the table in docs/analysis.md, a folder each: python scripts/analysis_songs.py DIR

Twenty minutes on one core. Then: python scripts/beat_study.py DIR/* --genre --separated --keep ELSEWHERE
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from songs_with_truth import later, with_pickup, write

from stem_cli.synth import compose


class Wanted(NamedTuple):
    """A song: see songs_with_truth.py."""

    style: str
    seed: int
    seconds: float = 240.0
    bpm: float | None = None
    silence: float = 0.0
    noise: float | None = None
    pickup: int = 0


SONGS = {
    "house124": Wanted("house", 1, bpm=124),
    "house127.35": Wanted("house", 2, 236, 127.35),
    "techno132.017": Wanted("techno", 3, 229, 132.017),
    "dnb174": Wanted("dnb", 4, 245, 174),
    "hiphop92": Wanted("hiphop", 5, bpm=92),
    "trap140": Wanted("trap", 6, bpm=140),
    "trap140b": Wanted("trap", 11, bpm=140),
    "syncopated121": Wanted("syncopated", 7, bpm=121),
    "waltz144": Wanted("waltz", 8, bpm=144),
    "seven168": Wanted("seven", 9, bpm=168),
    "seven150": Wanted("seven", 10, bpm=150),
    "change124": Wanted("change", 1),
    "change118": Wanted("change", 12, bpm=118),
    "rock118": Wanted("rock", 13, bpm=118),
    "ballad67": Wanted("ballad", 14, bpm=67),
    "house124silence": Wanted("house", 15, bpm=124, silence=3.7),
    "house121.7noise": Wanted("house", 16, bpm=121.7, silence=3.7, noise=-50),
    "house126pickup": Wanted("house", 17, bpm=126, pickup=1),
    "techno132pickup": Wanted("techno", 18, bpm=132, pickup=3),
    "hiphop92pickup": Wanted("hiphop", 19, bpm=92, pickup=1),
    "dnb174pickup": Wanted("dnb", 20, bpm=174, silence=2, pickup=3),
    "waltz144pickup": Wanted("waltz", 21, bpm=144, pickup=2),
}


def main() -> None:
    for name, wanted in SONGS.items():
        song = compose(wanted.style, wanted.seed, wanted.seconds, bpm=wanted.bpm)
        write(later(with_pickup(song, wanted.pickup), wanted.silence), Path(sys.argv[1]) / name, wanted.noise)
        print(name, flush=True)


if __name__ == "__main__":
    main()
