"""The differences between our engine and Demucs' own package: python scripts/compare_demucs.py [MODEL...] [--long]

Prints a Markdown table. A figure is the RMS of the difference in dB relative to the deviation of Demucs' stem, of the
worst stem; "equal" is equal to the bit. Same random weights, same settings, same offsets of the shifts; what is
compared says `beside_demucs.py`. Without --models-dir the models are made anew; the columns of OpenVINO are left out
where it is not there. Where it cannot run a network, or not exactly enough, torch does, and the figure says so.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import make_random_demucs
import numpy as np
from beside_demucs import OWN, RATE, Choice, Song, by_demucs, by_engine, counted, music, runtime, worst_db

from stem_cli.engines.runtime import openvino


@dataclass(frozen=True)
class Case:
    """One row: a model, a song, settings."""

    model: str
    frames: int
    channels: int = 2
    rate: int = RATE
    choice: Choice = OWN

    @property
    def seconds(self) -> float:
        """How long the song is."""
        return self.frames / self.rate


def _song(model: str, seconds: float, channels: int = 2, rate: int = RATE, **choice: Any) -> Case:
    return Case(model, round(seconds * rate), channels, rate, Choice(**choice))


CASES = (
    _song("htdemucs", 8),
    Case("tiny", 44),
    _song("tiny", 0.1),
    _song("tiny", 8),
    _song("tiny", 30),
    _song("tiny", 30, overlap=0.1),
    _song("tiny", 8, channels=1),
    _song("tiny", 8, rate=48000),
    _song("tiny", 8, channels=1, rate=48000),
    _song("tiny", 0.1, channels=1, rate=48000),
    _song("tiny", 8, shifts=2),
    _song("tiny", 8, segment=5),
    _song("tiny", 30, rate=48000, overlap=0.1, shifts=2, segment=5),
    _song("tiny", 300),
    _song("tiny_6s", 8),
    _song("tiny_ft", 8),
    _song("tiny_ft", 8, channels=1, rate=48000, shifts=2),
    _song("tiny_ft", 300),
    Case("tiny_hdemucs", 44),
    _song("tiny_hdemucs", 0.1),
    _song("tiny_hdemucs", 8),
    _song("tiny_hdemucs", 30, segment=5),
    _song("tiny_mdx", 8),
    _song("tiny_mdx", 8, channels=1, rate=48000),
    _song("tiny_mdx", 30, overlap=0.1, shifts=2, segment=5),
    _song("tiny_mdx", 300),
)
LONG_SECONDS = 60
WAYS = (("torch", "f32"), ("openvino", "f32"), ("openvino", "bf16"), ("torch", "bf16"))


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="only these of " + ", ".join(_names()))
    parser.add_argument("--models-dir", type=Path)
    parser.add_argument("--long", action="store_true", help="songs of five minutes as well")
    args = parser.parse_args()
    cases = [case for case in CASES if case.model in (args.models or _names())]
    ways = [way for way in WAYS if way[0] == "torch" or openvino.ready()]
    with tempfile.TemporaryDirectory(prefix="compare-demucs-") as home:
        folder = args.models_dir or Path(home)
        if not args.models_dir:
            for name in dict.fromkeys(case.model for case in cases):
                make_random_demucs.make(name, folder)
        titles = ("model", "song", "overlap", "shifts", "segment", *(f"{name} {precision}" for name, precision in ways))
        print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
        for case in cases:
            if args.long or case.seconds < LONG_SECONDS:
                print(row(folder, case, ways), flush=True)


def _names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(case.model for case in CASES))


def row(folder: Path, case: Case, ways: list[tuple[str, str]]) -> str:
    """One line of the table."""
    song = Song(music(case.frames, case.channels), case.rate)
    wanted = by_demucs(folder, case.model, song, case.choice)
    cells = [_cell(folder, case, song, wanted, way) for way in ways]
    segment = "own" if case.choice.segment is None else f"{case.choice.segment:g} s"
    settings = (f"{case.choice.overlap:g}", str(case.choice.shifts), segment)
    return f"| {' | '.join((case.model, _told(case), *settings, *cells))} |"


def _cell(folder: Path, case: Case, song: Song, wanted: dict[str, np.ndarray], way: tuple[str, str]) -> str:
    with runtime(way[0]), counted() as calls:
        found = worst_db(by_engine(folder, case.model, song, case.choice, way[1]), wanted)
    torch_instead = way[0] == "openvino" and not calls
    return ("equal" if math.isinf(found) else f"{found:.0f}") + (" (torch)" if torch_instead else "")


def _told(case: Case) -> str:
    length = f"{case.seconds:g} s" if case.frames > RATE // 100 else f"{case.frames} samples"
    return f"{length}, {'stereo' if case.channels == 2 else 'mono'}, {case.rate / 1000:g} kHz"


if __name__ == "__main__":
    main()
