"""`stem analyze`: python scripts/bench.py analyze [--song FILE] [--runs 3]

A song's stems in a folder, 24 or 16 bits as the song has it: heard anew, then told from what is there; and the song
itself, told from the database.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
from pathlib import Path

from measure import STEM, Cost, render, seconds_of, show, timed

_SECONDS = 240.0


def analyze(home: Path, args: argparse.Namespace) -> None:
    """Heard, known by its stems, known by its sound."""
    folder = home / "analyze"
    folder.mkdir()
    song = args.song or render(folder / "song.wav", _SECONDS)
    timed([*STEM, "separate", song, "--engine", "builtin", "--output", folder / "stems"])
    stems = next((folder / "stems").iterdir())
    minutes = f"{seconds_of(song) / 60:.1f} min"
    first = timed([*STEM, "analyze", stems])
    runs = [timed([*STEM, "analyze", stems, "--reanalyze"]) for _ in range(args.runs)]
    _row(f"analyze, stems of {minutes} (load {os.getloadavg()[0]:.1f})", runs, "< 10 s, ")
    _row("  the first time, with BPM and key into their tags", [first])
    _row("  told from metadata.json", [timed([*STEM, "analyze", stems]) for _ in range(args.runs)])
    _row("  the song, told from the database", [timed([*STEM, "analyze", song]) for _ in range(args.runs)])
    shutil.rmtree(folder)


def _row(what: str, runs: list[Cost], goal: str = "") -> None:
    wall, cpu = (statistics.median(getattr(run, name) for run in runs) for name in ("wall", "cpu"))
    show(what, f"{wall:.1f} s", f"{goal}{cpu:.1f} s CPU, {max(run.peak_mib for run in runs):.0f} MiB")
