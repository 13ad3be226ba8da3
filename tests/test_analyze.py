"""`stem analyze`: what songs are, told from their stems."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Stem
from live_sets import read_set

from stem_cli.analysis.found import Analysis, doubt_of
from stem_cli.dsp import sections
from stem_cli.dsp.beats import BeatGrid
from stem_cli.synth import Song, compose, render

RATE = 44100
DEMO = Path(__file__).parents[1] / "stem_cli" / "data" / "demo.flac"


def write_stems(folder: Path, stems: dict[str, np.ndarray], rate: int = RATE) -> Path:
    """A folder as another tool would make it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in stems.items():
        soundfile.write(folder / f"{name}.wav", sound.T, rate, subtype="PCM_16")
    return folder


def told(stem: Stem, folder: Path, *options: object) -> dict[str, object]:
    return json.loads(stem("analyze", folder, "--json", *options).stdout)


@pytest.fixture(scope="module")
def house() -> tuple[Song, dict[str, np.ndarray]]:
    song = compose("house", seed=5, seconds=62, bpm=125.37, key="Am")
    return song, render(song)


def test_tempo_beats_key_and_sections_of_a_song(stem: Stem, house: tuple[Song, dict[str, np.ndarray]]) -> None:
    song, stems = house
    found = told(stem, write_stems(Path("song"), stems))
    grid = found["grid"]
    assert grid["constant"]
    assert grid["bpm"] == pytest.approx(125.37, abs=0.02)
    assert grid["beats_per_bar"] == 4
    beats = np.array(grid["beats"])
    worst = max(np.abs(beats - beat).min() for beat in song.beats)
    assert worst < 0.005
    assert min(abs(grid["first_downbeat"] - one) for one in song.downbeats) < 0.005
    assert grid["beats"][0] == 0.0  # as the song begins on a beat
    assert found["key"]["name"] in ("Am", "C", "Em", "Dm")
    starts = [section["start"] for section in found["sections"]]
    assert starts[0] == 0.0
    assert all(min(abs(start - one.start) for one in song.sections) < 2.1 for start in starts)
    assert found["lufs"] == pytest.approx(-11.5, abs=1.5)


def test_a_song_is_separated_first_and_its_folder_keeps_what_was_found(stem: Stem) -> None:
    first = told(stem, DEMO)
    assert first["grid"]["bpm"] == 124.0
    folder = Path(str(first["folder"]))
    record = json.loads((folder / "metadata.json").read_text())
    assert record["analysis"]["grid"] == first["grid"]
    assert told(stem, folder) == first
    assert "ok" in stem("verify", folder).stdout
    plain = stem("analyze", folder).stdout
    assert "124 BPM, 4/4, first downbeat at 0.0" in plain


def test_what_the_user_says_of_the_tempo_counts(stem: Stem, house: tuple[Song, dict[str, np.ndarray]]) -> None:
    _, stems = house
    grid = told(stem, write_stems(Path("song"), stems), "--bpm", "62.685")["grid"]
    assert grid["bpm"] == pytest.approx(62.685)
    assert grid["constant"]


@pytest.mark.slow
def test_what_the_user_says_of_bars_counts_and_stays(stem: Stem, house: tuple[Song, dict[str, np.ndarray]]) -> None:
    song, stems = house
    folder = write_stems(Path("song"), stems)
    beat = 60 / 125.37
    said = told(stem, folder, "--downbeat", str(song.beats[1] + 0.04), "--beats-per-bar", "3")
    assert said["said"] == ["downbeat", "beats_per_bar"]
    assert said["grid"]["first_downbeat"] == pytest.approx(song.beats[1], abs=0.005)
    assert said["grid"]["beats_per_bar"] == 3
    half = told(stem, folder, "--downbeat", str(song.beats[8] + beat / 2))["grid"]
    assert half["first_downbeat"] % (4 * beat) == pytest.approx(beat / 2, abs=0.005)
    assert "downbeat as you said" in stem("analyze", folder, "--downbeat", "1").stdout
    assert "has no downbeat there" in stem("analyze", folder, "--downbeat", "99", code=2).stderr


@pytest.mark.slow
def test_what_the_user_says_of_a_song_of_ours_is_kept_until_it_is_heard_anew(stem: Stem) -> None:
    stem("separate", DEMO, "--output", "stems", "--name-template", "demo")
    said = told(stem, Path("stems/demo"), "--downbeat", "0.484")
    assert said["grid"]["first_downbeat"] == pytest.approx(0.484, abs=0.003)
    assert told(stem, Path("stems/demo")) == said
    path = json.loads(stem("export-ableton", "stems/demo", "--json").stdout)["set"]
    assert read_set(Path(path)).tracks[1].arrangement[0].markers[0] != (0.0, 0.0)
    assert told(stem, Path("stems/demo"), "--reanalyze")["grid"]["first_downbeat"] == 0.0


@pytest.mark.slow
def test_what_contradicts_itself_is_refused_before_anything_is_done(stem: Stem) -> None:
    shutil.copy(DEMO, "song.flac")
    Path("mine.xml").write_text("<DJ_PLAYLISTS/>")
    for options in (("--reanalyze",), ("--bpm", "124"), ("--downbeat", "1")):
        done = stem("analyze", "song.flac", "--rekordbox-xml", "mine.xml", *options, code=2)
        assert "Leave out one of them" in done.stderr
    Path("folder").mkdir()
    assert "is for songs" in stem("analyze", "folder", "--write-tags", code=2).stderr
    soundfile.write("song.ogg", *soundfile.read("song.flac"))
    done = stem("analyze", "song.ogg", "--write-tags", code=5)
    assert "song.ogg: this kind of file takes no tags from us" in done.stderr
    assert not Path("stems").exists()


@pytest.mark.slow
def test_a_song_that_is_known_gets_stems_where_they_are_asked_for(stem: Stem) -> None:
    done = stem("analyze", DEMO)
    assert f"its stems are in {Path('stems')}" in done.stderr
    told(stem, DEMO, "--output", "elsewhere")
    assert len(list(Path("elsewhere").glob("*/vocals.*"))) == 1


def test_without_drums_beats_are_told_from_the_rest(stem: Stem, house: tuple[Song, dict[str, np.ndarray]]) -> None:
    _, stems = house
    found = told(stem, write_stems(Path("song"), stems | {"drums": 0 * stems["drums"]}))
    assert any("no drums" in note for note in found["notes"])
    assert any("check the grid by ear" in note for note in found["notes"])
    assert found["grid"]["bpm"] == pytest.approx(125.37, abs=0.05)


@pytest.mark.parametrize("seconds", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_what_has_no_beat_is_told_so_or_with_a_doubt(stem: Stem, seconds: float, kind: str) -> None:
    count = round(seconds * RATE)
    noise = 0.1 * np.random.default_rng(1).standard_normal((2, count))
    tone = np.tile(0.3 * np.sin(2 * np.pi * 440 * np.arange(count) / RATE), (2, 1))
    sound = {"silence": np.zeros((2, count)), "noise": noise, "tone": tone}[kind]
    found = told(stem, write_stems(Path("song"), {"drums": sound, "other": sound}))
    assert found["grid"] is None or found["notes"]
    assert found["sections"] == [] or found["grid"] is not None


@pytest.mark.slow
def test_stems_of_different_lengths_are_taken_and_of_different_rates_refused(
    stem: Stem, house: tuple[Song, dict[str, np.ndarray]]
) -> None:
    _, stems = house
    folder = write_stems(Path("song"), stems | {"vocals": stems["vocals"][:, : 20 * RATE]})
    assert told(stem, folder)["grid"]["bpm"] == pytest.approx(125.37, abs=0.02)
    write_stems(folder, {"bass": stems["bass"]}, 48000)
    assert "different rates (44100 Hz, 48000 Hz)" in stem("analyze", folder, code=3).stderr


def test_a_song_that_fails_does_not_stop_the_others(stem: Stem, house: tuple[Song, dict[str, np.ndarray]]) -> None:
    _, stems = house
    Path("empty").mkdir()
    done = stem("analyze", "empty", write_stems(Path("song"), stems), code=6)
    assert "125.37 BPM" in done.stdout
    assert "1 of 2 could not be analysed" in done.stderr


def test_a_tempo_has_to_be_a_number(stem: Stem) -> None:
    Path("song").mkdir()
    assert "is no tempo" in stem("analyze", "song", "--bpm", "nan", code=2).stderr


@pytest.mark.slow
def test_sections_are_called_what_they_are(stem: Stem, house: tuple[Song, dict[str, np.ndarray]]) -> None:
    hiphop = compose("hiphop", seed=5, seconds=120, bpm=92)
    for number, (song, stems) in enumerate([house, (hiphop, render(hiphop))]):
        parts = told(stem, write_stems(Path(f"song {number}"), stems))["sections"]
        alike = [
            min(one["end"], part.end) - max(one["start"], part.start)
            for one in parts
            for part in song.sections
            if one["name"] == part.name
        ]
        assert sum(max(0.0, seconds) for seconds in alike) > 0.8 * song.seconds, parts


def test_a_short_section_does_not_stand_beside_one_of_its_name() -> None:
    spans = [(0, 8), (8, 12), (12, 20), (20, 28), (28, 32), (32, 36)]
    names = ["intro", "verse", "verse", "verse", "break", "verse"]
    assert sections._joined(spans, names) == [
        ((0, 8), "intro"),
        ((8, 20), "verse"),
        ((20, 28), "verse"),
        ((28, 32), "break"),
        ((32, 36), "verse"),
    ]


def test_what_the_user_says_of_beats_is_of_one_song(stem: Stem, tmp_path: Path) -> None:
    for name in ("one", "two"):
        soundfile.write(f"{name}.wav", np.zeros((22050, 2)), 22050)
    said = stem("analyze", "one.wav", "two.wav", "--bpm", "124", code=2).stderr
    assert "Name that one alone" in said
    stem("analyze", "one.wav", "two.wav", "--engine", "builtin")
    assert "there are 2 songs in it" in stem("analyze", "stems", "--downbeat", "0.1", code=2).stderr


def test_beats_one_by_one_that_little_falls_on_are_doubted() -> None:
    times = tuple(0.5 * place + 0.01 * (place % 3) for place in range(60))
    moving = BeatGrid(120.0, times[0], times, constant=False, confidence=0.51)
    assert "only 51% of what is struck" in doubt_of(moving)
    assert doubt_of(replace(moving, confidence=0.64)) == doubt_of(replace(moving, constant=True)) == ""
    assert Analysis(moving, None, (), -10.0).sure_grid is None
