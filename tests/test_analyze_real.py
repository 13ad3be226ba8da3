"""`stem analyze` of stretches of real songs, from their true stems. They were made in a DAW: their grid begins at 0."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Stem
from test_analyze import told

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
CUTTER = SHARED / "tools" / "multitrack.py"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not CUTTER.exists(), reason="the shared multitracks are not here"),
]


def tempo_of(name: str) -> float:
    shelf = json.loads((SHARED / "data" / "audio" / "multitracks" / "stems.json").read_text())
    return float(next(song["bpm"] for song in shelf if song["song"] == name))


@pytest.mark.parametrize(
    ("name", "start", "why"),
    [
        ("lithium", 75, "hats on the off-beats are louder than all else"),
        ("lithium", 150, "likewise, in a break"),
        ("sodium", 25, "repeats after seven eighths as well"),
        ("sodium", 175, "its kick is syncopated"),
        ("hydrogen", 100, "its drums play triplets"),
        ("hydrogen", 175, "little repeats in it"),
        ("hydrogen", 200, "hardly a stroke a beat"),
        ("francium", 150, "its kick is off the beat"),
        ("francium", 175, "samples begin beside the grid"),
    ],
)
def test_a_minute_of_a_real_song_has_its_tempo_metre_and_downbeats(stem: Stem, name: str, start: int, why: str) -> None:
    cut = [sys.executable, CUTTER, name, "stems", "--start", start, "--seconds", 60]
    subprocess.run([*map(str, cut)], check=True, capture_output=True)
    Path("stems/mix.wav").unlink()
    grid, bpm = told(stem, Path("stems"))["grid"], tempo_of(name)
    assert grid["bpm"] == pytest.approx(bpm, abs=0.02), why
    assert grid["constant"], why
    assert grid["beats_per_bar"] == 4, why
    bar = 4 * 60 / bpm
    off = (start + grid["first_downbeat"] + bar / 2) % bar - bar / 2
    assert abs(off) < 0.015, why
