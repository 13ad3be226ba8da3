"""SDR of an engine on real songs with true stems: python scripts/score.py TOOLS [--engine NAME] [--json]

TOOLS is the folder that holds multitrack.py, which mixes stretches of real multitracks. For every stretch and stem: the
SDR as written (24-bit WAV), that of the mixture taken for the stem (silence has 0 dB by definition), and what the exact
sum cost against the engine's own floats. SDR = 10 log10(sum s^2 / sum (s - e)^2) over the whole stretch, in dB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stem_cli import engines, stems

SECONDS = 30
STRETCHES = [(song, start) for song in ("lithium", "sodium", "hydrogen", "francium") for start in (60, 120, 180)]
NO_BASS = ("hydrogen", "francium")  # their synth part holds the bass: neither bass nor other can be scored


def main() -> None:
    """Score every stretch and print a table with the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", type=Path)
    parser.add_argument("--engine", default="builtin")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stem-score-") as name:
        home = Path(name)
        os.environ.update(
            STEM_DATA_DIR=str(home / "data"), STEM_CACHE_DIR=str(home / "cache"), STEM_CONFIG=str(home / "x")
        )
        rows = [score(home, args.tools, args.engine, song, start) for song, start in STRETCHES]
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    print(
        f"{'stretch':16}" + "".join(f"{stem:>22}" for stem in stems.FOUR) + "   (SDR, mixture, cost of the exact sum)"
    )
    for row in rows:
        print(f"{row['name']:16}" + "".join(_cell(row["stems"].get(stem)) for stem in stems.FOUR))
    print(f"{'mean':16}" + "".join(_cell(_mean(rows, stem)) for stem in stems.FOUR))


def score(home: Path, tools: Path, engine: str, song: str, start: int) -> dict[str, Any]:
    """One stretch: true stems, written stems, the engine's floats."""
    true = home / f"{song}-{start}"
    command = [sys.executable, tools / "multitrack.py", song, true, "--start", str(start), "--seconds", str(SECONDS)]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    separate = [sys.executable, "-m", "stem_cli.cli", "separate", str(true / "mix.wav"), "--engine", engine]
    done = subprocess.run([*separate, "--json", "-q", "--output", str(home / "out")], check=True, capture_output=True)
    written = json.loads(done.stdout)["stems"]
    raw = _floats(engine, true / "mix.wav")
    mix = _read(true / "mix.wav")
    found = {}
    for stem in stems.FOUR:
        truth = _read(true / f"{stem}.wav")
        if not np.any(truth) or (song in NO_BASS and stem in ("bass", "other")):
            continue
        sdr = decibels(truth, _read(Path(written[stem])))
        found[stem] = (sdr, decibels(truth, mix), decibels(truth, raw[stem]) - sdr)
    return {"name": f"{song} {start}", "stems": found}


def _floats(engine: str, path: Path) -> dict[str, np.ndarray]:
    """The engine's own stems, before the exact sum."""
    from stem_cli.audio import Mix
    from stem_cli.separation.stream import Tap

    mix = Tap(Mix.open(path))
    blocks = list(engines.load(engine).separate(mix, engines.Request(), engines.Run(2)))
    return {name: np.concatenate([block[name] for block in blocks], axis=1).T for name in blocks[0]}


def _read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]


def decibels(truth: np.ndarray, guess: np.ndarray) -> float:
    """SDR in dB."""
    return float(10 * np.log10((np.sum(truth**2) + 1e-12) / (np.sum((truth - guess) ** 2) + 1e-12)))


def _cell(figures: tuple[float, float, float] | None) -> str:
    return f"{'-':>22}" if figures is None else f"{figures[0]:8.1f} {figures[1]:6.1f} {figures[2]:+6.2f}"


def _mean(rows: list[dict[str, Any]], stem: str) -> tuple[float, float, float] | None:
    there = [row["stems"][stem] for row in rows if stem in row["stems"]]
    means = np.mean(there, axis=0) if there else None
    return None if means is None else (float(means[0]), float(means[1]), float(means[2]))


if __name__ == "__main__":
    main()
