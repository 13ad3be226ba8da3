"""Each style of the songs made here keeps to its meter, its tempo and its truth, and says so exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from stem_cli.synth import STYLES, Song, compose, feel, mix, pcm16, render
from stem_cli.synth.tempo import Clock

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
OLD = ("house", "techno", "dnb")
NEW = tuple(name for name in STYLES if name not in OLD)
FINER = {"trap": 6} | dict.fromkeys(("house", "techno", "dnb", "syncopated", "change"), 2)
"""Where hats roll in triplets, or a snare leads in with thirty-seconds."""

METERS = {"waltz": (3, 4), "seven": (7, 8)}


@cache
def song(style: str) -> Song:
    """Long enough for every scene."""
    return compose(style, seed=3, seconds=100)


def grid(song: Song, finer: int = 1) -> Floats:
    """The sixteenths between the beats of the truth, or ``finer`` parts of them, in seconds."""
    steps = finer * STYLES[song.style].beat
    beats = np.array([*song.beats, 2 * song.beats[-1] - song.beats[-2]])
    return np.asarray(np.interp(np.arange(steps * (len(beats) - 1)) / steps, np.arange(len(beats)), beats))


def off(starts: Iterable[float], places: Iterable[float]) -> Floats:
    """How far each start is from the nearest place, in seconds, late ones above 0."""
    apart = np.array(list(starts))[:, None] - np.array(list(places))
    return np.asarray(np.take_along_axis(apart, np.argmin(np.abs(apart), axis=1)[:, None], axis=1)[:, 0])


def tempo_of_beats(song: Song) -> Floats:
    return np.asarray(60 / np.diff(song.beats))


@pytest.mark.parametrize("style", STYLES)
def test_beats_rise_and_every_bar_has_its_downbeat(style: str) -> None:
    made = song(style)
    assert (made.beats_per_bar, made.beat_unit) == METERS.get(style, (4, 4))
    assert np.all(np.diff(made.beats) > 0)
    assert made.downbeats == made.beats[:: made.beats_per_bar]
    assert len(made.beats) == made.beats_per_bar * len(made.chords)
    assert {part.start for part in made.sections} <= set(made.downbeats)
    assert len({part.name for part in made.sections}) >= 3


@pytest.mark.parametrize("style", STYLES)
def test_hits_lie_on_the_grid_but_for_the_swing_and_the_hands(style: str) -> None:
    made, kind = song(style), STYLES[style]
    assert bool(made.hits) == (style != "ballad")
    starts = [hit.start for hit in made.hits]
    missed = np.abs(off(starts, grid(made, FINER.get(style, 1)))) if starts else np.zeros(1)
    swing = kind.swing * 60 / kind.beat / min(tempo.bpm for tempo in made.tempi)
    inside = 1e-9 if kind.course is None else 1e-4  # the tempo moves within a beat, too; the grid here does not
    assert missed.max() <= swing + feel.FURTHEST * kind.human + inside
    strong = [kick.start for kick in made.drum("kick") if abs(off([kick.start], made.beats)[0]) < 0.03]
    assert not strong or np.abs(off(strong, made.beats)).max() <= feel.FURTHEST * kind.human + 1e-9


@pytest.mark.parametrize("style", STYLES)
def test_the_tempi_lead_through_all_beats(style: str) -> None:
    made = song(style)
    assert made.tempi[0].start == 0
    for tempo, end in zip(made.tempi, [*(later.start for later in made.tempi[1:]), made.seconds], strict=True):
        count = sum(tempo.start <= beat < end - 1e-6 for beat in made.beats)
        if end < made.seconds:
            assert tempo.start + count * 60 / tempo.bpm == pytest.approx(end, abs=1e-6)
    assert (len(made.tempi) == 1) == (STYLES[style].course is None)


@pytest.mark.parametrize("style", NEW)
def test_bars_are_filled_as_the_meter_has_it(style: str) -> None:
    kind = STYLES[style]
    for scene in kind.scenes:
        texts = [*scene.drums.values(), scene.bass, scene.stab, scene.pluck, scene.chops]
        for pattern in (offer.replace(" ", "") for text in texts for offer in text.split("|")):
            assert len(pattern) % kind.bar == 0, (scene.name, pattern)
    assert all(len(rhythm.replace(" ", "")) == 2 * kind.bar for rhythm in kind.hooks)
    assert sum(scene.share for scene in kind.scenes) == pytest.approx(1)


@pytest.mark.parametrize("style", STYLES)
def test_asking_for_a_tempo_too_slow_or_no_tempo_is_no_trap(style: str) -> None:
    assert compose(style, 1, 300, bpm=10).bpm == 10
    assert len(compose(style, 1, 10, bpm=400).beats) > 30


# One by one


def test_a_rock_band_drifts_by_two_beats_a_minute_at_most_and_slowly() -> None:
    made = compose("rock", 1, 200, bpm=118)
    tempo = tempo_of_beats(made)
    assert np.all(np.abs(tempo - 118) <= 2.001)
    assert tempo.std() > 0.4
    assert np.abs(np.diff(tempo)).max() < 0.2
    steady = np.polyval(np.polyfit(np.arange(len(made.beats)), made.beats, 1), np.arange(len(made.beats)))
    assert np.abs(steady - made.beats).max() > 0.1, "a grid of one tempo would do"


def test_the_hands_of_a_rock_band_are_eight_milliseconds_off() -> None:
    made = compose("rock", 1, 200, bpm=118)
    missed = off((kick.start for kick in made.drum("kick")), grid(made))
    assert 0.006 < missed.std() < 0.0095
    assert abs(missed.mean()) < 0.002


def test_the_drums_of_hip_hop_swing_and_its_verses_are_half_time() -> None:
    made = compose("hiphop", 2, 120, bpm=92)
    sixteenth = 15 / 92
    odd = [hit.start / sixteenth for hit in made.hits if round(hit.start / sixteenth - 0.2) % 2 == 1]
    late = np.array([place % 1 for place in odd])
    assert late.mean() == pytest.approx(0.2, abs=0.01)
    assert 0.002 < late.std() * sixteenth < 0.006
    verse, chorus = (next(part for part in made.sections if part.name == name) for name in ("verse", "chorus"))
    loud = [hit for hit in made.drum("snare") if hit.velocity == 1]
    places = [
        {round((hit.start / sixteenth) % 16) for hit in loud if part.start - 0.02 < hit.start < part.end - 0.02}
        for part in (verse, chorus)
    ]
    assert places == [{8}, {4, 12}]


def test_trap_claps_on_the_third_beat_and_its_hats_roll() -> None:
    made = compose("trap", 1, 60, bpm=140)
    assert {round(clap.start * 140 / 60, 6) % 4 for clap in made.drum("clap")} == {2}
    gaps = np.round(np.diff([hat.start for hat in made.drum("closed_hat")]) * 140 / 15, 9)
    assert {0.5, round(2 / 3, 9)} & set(gaps.tolist())
    assert 2 in gaps


def test_a_waltz_has_its_bass_on_the_one_and_its_chords_on_two_and_three() -> None:
    made = compose("waltz", 1, 60, bpm=144)
    verse = next(part for part in made.sections if part.name == "verse")
    chords = [note.start * 144 / 60 for note in made.part("stab") if verse.start <= note.start < verse.end - 0.1]
    assert {round(beat) % 3 for beat in chords} == {1, 2}
    kicks = [kick.start * 144 / 60 for kick in made.drum("kick") if kick.velocity == 1]
    assert {round(beat) % 3 for beat in kicks} == {0}


def test_a_syncopated_intro_has_no_drums_for_sixteen_bars_and_nothing_on_the_beat() -> None:
    made = compose("syncopated", 1, 200)
    first = made.hits[0].start
    assert first >= made.downbeats[16]
    before = [note.start for note in made.notes if note.start < first - 1e-6]
    assert len(before) > 100
    assert np.abs(off(before, made.beats)).min() > 0.05


def test_a_ballad_wanders_a_lot_and_no_drum_plays() -> None:
    made = compose("ballad", 1, 120)
    tempo = tempo_of_beats(made)
    assert not made.hits
    assert np.ptp(tempo) > 0.2 * made.bpm
    assert tempo.std() > 0.05 * made.bpm


def test_the_tempo_changes_once_in_the_middle_at_a_downbeat() -> None:
    made = compose("change", 1, 180)
    assert [round(tempo.bpm, 6) for tempo in made.tempi] == [124, 128]
    turn = made.tempi[1].start
    assert turn in made.downbeats
    assert abs(turn - 90) < 8
    tempo = tempo_of_beats(made)
    later = np.array(made.beats[:-1]) >= turn
    np.testing.assert_allclose(tempo, np.where(later, 128, 124), atol=1e-9)


# Sound and files


@pytest.mark.parametrize("style", ["waltz", "seven"])
def test_an_odd_meter_gives_the_same_bytes_twice(style: str) -> None:
    one, two = (render(compose(style, 2, 8), 11025) for _ in range(2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
    assert mix(one).shape == (2, 8 * 11025)


def test_a_steady_clock_and_one_of_equal_edges_agree() -> None:
    steady = Clock(4, 120.0)
    marked = Clock(4, 120.0, tuple(0.125 * step for step in range(200)))
    assert [steady.seconds(3, steps) for steps in (0.5, 7, 100)] == [
        marked.seconds(3, steps) for steps in (0.5, 7, 100)
    ]
    assert steady.bars(16, 9.9) == marked.bars(16, 9.9) == 4


def test_the_script_writes_the_stems_and_the_truth(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "songs_with_truth.py", "waltz", "4", tmp_path / "w", "--bpm", "144"]
    subprocess.run([*map(str, command)], check=True)
    made = compose("waltz", 1, 4, bpm=144)
    truth = json.loads((tmp_path / "w" / "truth.json").read_text("utf-8"))
    assert truth == json.loads(json.dumps(made.to_dict()))
    assert truth["tempi"] == [{"start": 0.0, "bpm": 144.0}]
    for name, stem in render(made).items():
        samples, rate = soundfile.read(tmp_path / "w" / f"{name}.flac", dtype="int16")
        assert rate == 44100
        np.testing.assert_array_equal(samples, pcm16(stem).T)
