"""`stem analyze` and `stem export-ableton` of songs that are not in four, or not of one tempo, or begin late."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Stem
from live_sets import checked, read_set
from processes import unix_only
from test_analyze import RATE, told, write_stems

from stem_cli.synth import Song, compose, render

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import songs_with_truth

Sounds = dict[str, np.ndarray]


@cache
def song(style: str, seed: int, seconds: float, bpm: float) -> tuple[Song, Sounds]:
    made = compose(style, seed, seconds, bpm=bpm)
    return made, render(made)


def worst(grid: dict[str, Any], beats: tuple[float, ...]) -> float:
    found = np.array(grid["beats"])
    return max(float(np.abs(found - beat).min()) for beat in beats)


def live(stem: Stem, folder: Path, *options: object, but: tuple[str, ...] = ()) -> tuple[Path, dict[str, Any]]:
    """The set, in which the checker finds no fault but these, and what was told of the song."""
    path = Path(json.loads(stem("export-ableton", folder, "--output", "live", "--json").stdout)["set"])
    checked(path, *options, but=but)
    return path, told(stem, folder)


@pytest.mark.parametrize("seed", [11, 23, 41])
def test_trap_has_its_beats_where_it_claps_not_where_it_kicks(stem: Stem, seed: int) -> None:
    made, sounds = song("trap", seed, 60, 140)
    found = told(stem, write_stems(Path("trap"), sounds))
    assert worst(found["grid"], made.beats) < 0.005
    assert found["grid"]["first_downbeat"] == pytest.approx(made.downbeats[0], abs=0.005)
    assert not found["notes"]


def test_a_band_without_a_click_is_told_to_drift_and_is_not_doubted(stem: Stem) -> None:
    made, sounds = song("rock", 31, 60, 118)
    found = told(stem, write_stems(Path("rock"), sounds))
    assert worst(found["grid"], made.beats) < 0.025
    assert found["notes"] == ["the tempo is not constant; beats are told one by one"]


@pytest.mark.slow
def test_a_tempo_that_jumps_is_a_grid_for_each_stretch(stem: Stem) -> None:
    made, sounds = song("change", 3, 100, 124)
    folder = write_stems(Path("jump"), sounds)
    done = stem("analyze", folder, "--json")
    grid = json.loads(done.stdout)["grid"]
    assert not grid["constant"]
    assert worst(grid, made.beats) < 0.005
    jump = made.tempi[1].start
    assert [note for note in json.loads(done.stdout)["notes"] if f"124 BPM, 128 from {jump:.1f} s" in note]
    path, _ = live(stem, folder)
    markers = read_set(path).tracks[1].arrangement[0].markers
    for beat, second in enumerate(made.beats):
        place = np.interp(second, [mark[0] for mark in markers], [mark[1] for mark in markers])
        assert place == pytest.approx(beat, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "bpm", "words"), [("seven", 170, "85 BPM, 7/8"), ("waltz", 141, "141 BPM, 3/4")], ids=["7/8", "3/4"]
)
def test_bars_of_three_and_of_seven(stem: Stem, style: str, bpm: float, words: str) -> None:
    made, sounds = song(style, 4, 75, bpm)
    folder = write_stems(Path("odd"), sounds)
    assert words in stem("analyze", folder).stdout
    path, found = live(stem, folder)
    grid = found["grid"]
    assert (grid["beats_per_bar"], grid["beat_unit"]) == (made.beats_per_bar, made.beat_unit)
    assert grid["bpm"] == pytest.approx(bpm, abs=0.02)
    assert worst(grid, made.beats) < 0.005
    assert grid["first_downbeat"] == pytest.approx(0.0, abs=0.005)
    clip = read_set(path).tracks[1].arrangement[0]
    assert clip.signature == (made.beats_per_bar, made.beat_unit)


@pytest.mark.slow
def test_a_ballad_in_rubato_is_told_so_and_makes_a_set(stem: Stem) -> None:
    _, sounds = song("ballad", 2, 90, 66)
    folder = write_stems(Path("ballad"), sounds)
    path, found = live(stem, folder)
    assert any("rubato" in note for note in found["notes"])
    assert any("by ear" in note for note in found["notes"])
    assert np.all(np.diff(np.array(found["grid"]["beats"])) > 0.2)
    assert read_set(path).tracks


@pytest.mark.slow
@pytest.mark.parametrize(("style", "bpm", "pickup"), [("house", 124, 0), ("dnb", 174, 1), ("techno", 132, 3)])
def test_silence_noise_and_a_pickup_before_the_first_bar(stem: Stem, style: str, bpm: float, pickup: int) -> None:
    made = compose(style, 6, 60, bpm=bpm)
    made = songs_with_truth.later(songs_with_truth.with_pickup(made, pickup), 3.7)
    noise = 0.001 * np.random.default_rng(1).standard_normal((2, round(made.seconds * RATE)))
    grid: Any = told(stem, write_stems(Path("late"), {name: one + noise for name, one in render(made).items()}))["grid"]
    assert grid["bpm"] == pytest.approx(bpm, abs=0.02)
    assert worst(grid, made.beats) < 0.005
    assert grid["first_downbeat"] == pytest.approx(made.downbeats[0], abs=0.005)
    assert np.array(grid["beats"])[0] == pytest.approx(made.beats[0], abs=0.005)
    assert made.downbeats[0] == pytest.approx(3.7 + pickup * 60 / bpm)


@pytest.mark.parametrize("kind", ["silence", "noise", "three seconds"])
def test_what_has_no_beat_makes_a_set_all_the_same_or_says_why_not(stem: Stem, kind: str) -> None:
    count = 3 * RATE if kind == "three seconds" else 20 * RATE
    noise = 0.1 * np.random.default_rng(1).standard_normal((2, count))
    sound = np.zeros((2, count)) if kind == "silence" else noise
    folder = write_stems(Path("none"), dict.fromkeys(("vocals", "drums", "bass", "other"), sound))
    done = stem("export-ableton", folder, "--output", "live", code=None)
    if done.returncode:
        assert "--bpm" in done.stderr
        done = stem("export-ableton", folder, "--output", "live", "--bpm", 120)
    checked(Path(done.stdout.splitlines()[0]))
    grid = told(stem, folder)["grid"]
    assert grid is None or np.array(grid["beats"])[0] >= 0


def test_stems_of_different_lengths_make_a_set_and_of_different_rates_none(stem: Stem) -> None:
    _, sounds = song("techno", 1, 30, 130)
    folder = write_stems(Path("song"), sounds | {"vocals": sounds["vocals"][:, : 12 * RATE]})
    path, found = live(stem, folder, "--tempo", 130, but=("stems: all clips share one grid and length",))
    assert found["grid"]["constant"]
    write_stems(folder, {"bass": sounds["bass"]}, 48000)
    assert "different rates" in stem("export-ableton", folder, "--output", "other", code=3).stderr
    assert path.exists()
    assert not Path("other").exists()


@unix_only
def test_a_path_of_three_hundred_characters(stem: Stem) -> None:
    _, sounds = song("techno", 1, 30, 130)
    home = Path("a" * 100, "b" * 100, "ç" * 50)
    folder = write_stems(home / "song", sounds)
    assert len(os.fsencode(folder)) > 300
    assert "130 BPM" in stem("analyze", folder).stdout
    live(stem, folder, "--tempo", 130)


def write_mix(folder: Path, songs: list[Sounds], each: float, fade: float) -> Path:
    """A DJ mix: each song looped for so many seconds, and faded into the next one."""
    folder.mkdir()
    ramp = np.linspace(0, 1, round(fade * RATE), dtype=np.float32)
    for name in songs[0]:
        with soundfile.SoundFile(folder / f"{name}.flac", "w", RATE, 2, "PCM_16") as out:
            tail = np.zeros((2, len(ramp)), np.float32)
            for sounds in songs:
                count = round(each * RATE) + len(ramp)
                loop = np.take(sounds[name], np.arange(count), axis=1, mode="wrap")
                loop[:, : len(ramp)] = loop[:, : len(ramp)] * ramp + tail
                tail = loop[:, -len(ramp) :] * (1 - ramp)
                out.write(loop[:, : -len(ramp)].T)
    return folder


PEAK = """
import resource, sys
from stem_cli.cli import main
try:
    main()
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    if sys.platform == "linux":  # there it begins with that of the parent
        peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / (1 << 10)
    print(round(peak), file=sys.stderr)
"""


@unix_only
@pytest.mark.slow
def test_an_hour_of_a_dj_mix_is_told_so_in_bounded_memory() -> None:
    made = [song("techno", seed, 40, 118.0 + 3 * seed)[1] for seed in range(4)]
    folder = write_mix(Path("mix"), 3 * made, 300, 12)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "analyze", str(folder), "--json"], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert any("DJ mix" in note for note in found["notes"])
    assert found["sections"]
    assert int(done.stderr.splitlines()[-1]) < 1600
