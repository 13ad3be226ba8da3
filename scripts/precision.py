"""What bfloat16 costs against float32 on real songs: python scripts/precision.py TOOLS --models-dir DIR [--model NAME]

TOOLS is the folder that holds multitrack.py. Of every stem of every stretch:
SNR: power of the float32 stem against that of the difference to the bfloat16 one, the engine's own floats.
SDR: how far that difference moves the SDR of a separator of 9 dB. Random weights separate nothing, so a separator is
made of the truth: the true stem with the rest of the song in it at -9 dB, as a separator's error is for the most part
what leaks. To it the difference is added, as loud against the true stem as it was against the network's. Where the
difference resembles what leaks, this moves more than its power alone would, and that is measured, not assumed.
At most: what no difference of that power can exceed, as if it were the error itself once more.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import multitrack
from score import NO_BASS, SECONDS, STRETCHES, decibels

from stem_cli import engines
from stem_cli.audio import Mix
from stem_cli.engines import Request, Run
from stem_cli.separation.stream import Tap

SEPARATOR_DB = 9.0
Stems = dict[str, np.ndarray]


def main() -> None:
    """Print every stretch, the mean and the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", type=Path)
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--model", default="htdemucs")
    parser.add_argument("--stretches", type=int, default=len(STRETCHES), help="only so many")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    args = parser.parse_args()
    print(f"\nbfloat16 against float32, {args.model}: SNR in dB, movement of an SDR of {SEPARATOR_DB:g} dB, at most")
    found: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory(prefix="stem-precision-") as home:
        for song, start in STRETCHES[: args.stretches]:
            path = multitrack(args.tools, song, start, args.seconds, Path(home) / f"{song}-{start}.wav")
            for stem, row in _measured(path, song, args.models_dir, args.model):
                found.append(row)
                print(_line(f"{song} {start} {stem}", row), flush=True)
    print(_line("mean", np.mean(found, axis=0)))
    print(_line("worst (<= -40, < 0.02)", (min(row[0] for row in found), *np.min(found, axis=0)[1:])))


def _line(name: str, row: tuple[float, float, float] | np.ndarray) -> str:
    return f"{name:26} {row[0]:6.1f} {row[1]:+9.4f} {row[2]:+9.4f}"


def _measured(path: Path, song: str, models_dir: Path, model: str) -> Iterator[tuple[str, tuple[float, float, float]]]:
    parts = path.with_suffix("")
    true = {stem: _floats(parts / f"{stem}.wav") for stem in ("vocals", "drums", "bass", "other")}
    exact, rounded = (_separated(path, models_dir, model, precision) for precision in ("f32", "bf16"))
    for stem, truth in true.items():
        scored = stem in exact and np.any(truth) and not (song in NO_BASS and stem in ("bass", "other"))
        if scored:
            yield stem, figures(truth, sum(true.values()) - truth, exact[stem], rounded[stem])


def figures(truth: np.ndarray, rest: np.ndarray, exact: np.ndarray, rounded: np.ndarray) -> tuple[float, float, float]:
    """SNR, movement of the SDR and the most that it could be, in dB; all arrays alike."""
    snr = decibels(exact, rounded)
    leaked = truth + rest * (_loudness(truth) / _loudness(rest) * 10 ** (-SEPARATOR_DB / 20))
    lost = (rounded - exact) * (_loudness(truth) / _loudness(exact))
    most = -20 * np.log10(1 + 10 ** ((SEPARATOR_DB - snr) / 20))
    return snr, decibels(truth, leaked + lost) - decibels(truth, leaked), float(most)


def _loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=float)))) + 1e-12


def _separated(path: Path, models_dir: Path, model: str, precision: str) -> Stems:
    """The engine's own floats, [2, frames]."""
    engine = engines.load("demucs")
    request, run = Request(engine="demucs", model=model, models_dir=models_dir, precision=precision), Run(2)
    engine.prepare(request, print)
    blocks = list(engine.separate(Tap(Mix.open(path)), request, run))
    return {stem: np.concatenate([block[stem] for block in blocks], axis=1) for stem in blocks[0]}


def _floats(path: Path) -> np.ndarray:
    return np.concatenate(list(Mix.open(path).blocks()), axis=1)


if __name__ == "__main__":
    main()
