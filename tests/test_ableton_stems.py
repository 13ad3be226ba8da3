"""`stem export-ableton`: which files of a folder come into the set, each once, and what is said of the others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import soundfile
from conftest import Stem, music
from live_sets import NAMES, checked, write_stems
from test_ableton_export import export, ints

from stem_cli.ableton import find_stems


def test_parts_stand_for_their_stem_and_no_stem_comes_twice() -> None:
    home = write_stems(Path("Song"), ("vocals", "lead_vocals", "backing_vocals", "drums", "instrumental"), 1.0)
    assert list(find_stems(home)[0].files) == ["lead_vocals", "backing_vocals", "drums"]
    home = write_stems(Path("One part"), ("vocals", "lead_vocals", "drums", "kick", "snare"), 1.0)
    (stems,) = find_stems(home)
    assert list(stems.files) == ["vocals", "drums"]
    assert [(len(one.paths), one.why) for one in stems.left_out] == [
        (1, "as vocals is in the set as a whole"), (2, "as drums is in the set as a whole")]  # fmt: skip
    home = write_stems(Path("Two"), ("drums", "no_drums"), 1.0)
    assert list(find_stems(home)[0].files) == ["drums", "no_drums"]


def test_a_stem_that_is_gone_is_told(stem: Stem) -> None:
    soundfile.write("song.flac", music(3.0, 22050), 22050, subtype="PCM_16")
    done = stem("separate", "song.flac", "--output", "stems", "--engine", "builtin", "--judge", "off")
    stems = Path(done.stdout.splitlines()[0]).parent
    (stems / "bass.wav").unlink()
    for line in (["export-ableton", stems], ["analyze", "--reanalyze", stems]):
        done = stem(*line, code=None)
        assert done.returncode
        assert "bass.wav: it is listed in metadata.json, but no longer there." in done.stderr
        assert "separate the song again" in done.stderr


def test_a_stem_that_is_cut_is_told(stem: Stem) -> None:
    home = write_stems(Path("Their Song"), NAMES[4], 4.0)
    bass = home / "bass.wav"
    bass.write_bytes(bass.read_bytes()[:-100_000])
    for line in (["export-ableton", home], ["analyze", home]):
        assert "bass.wav: it is cut off. Copy it again." in stem(*line, code=3).stderr
    assert not list(Path().glob("*Project"))


def test_files_that_are_no_stems_are_told(stem: Stem) -> None:
    plain = write_stems(Path("Their Song"), NAMES[4], 4.0)
    for name in ("synth", "instrumental"):
        shutil.copy(plain / "other.wav", plain / f"{name}.wav")
    shutil.copy(plain / "other.wav", plain / "guitar.caf")
    (plain / "cover.jpg").write_bytes(b"")
    done = stem("export-ableton", plain, "--bpm", "120", "--json")
    told = json.loads(done.stdout)
    assert "Their Song: left out: synth.wav, no stem is known by that name\n" in done.stderr
    assert "Their Song: left out: guitar.caf, as stems in such a format are not read\n" in done.stderr
    assert [Path(path).name for path in told["left_out"]] == ["guitar.caf", "synth.wav"]
    assert told["songs"][0]["tracks"] == ["Vocals", "Drums", "Bass", "Other"]


def test_parts_kept_beside_their_stem_take_its_place_and_add_up(stem: Stem) -> None:
    sides = music(3.0, 22050) * [[1.0, 0.4]]
    soundfile.write("song.flac", sides, 22050, subtype="PCM_16")
    done = stem("separate", "song.flac", "--output", "stems", "--engine", "builtin", "--judge", "off")
    stem("split-vocals", "song.flac", "--keep", "--output", "stems", "--engine", "builtin")
    home = Path(done.stdout.splitlines()[0]).parent
    shutil.copy(home / "other.wav", home / "mine.wav")
    Path("song.flac").unlink()
    done = stem("export-ableton", home, "--bpm", "120", "--json")
    told = json.loads(done.stdout)
    assert told["songs"][0]["tracks"] == ["Lead Vocals", "Backing Vocals", "Drums", "Bass", "Other"]
    assert [Path(path).name for path in told["left_out"]] == ["mine.wav"]
    *parts, original = (ints(Path(file)) for file in told["files"][1:])
    assert np.array_equal(sum(parts), original)
    assert np.array_equal(sum(parts[:2]), ints(home / "vocals.wav"))
    checked(Path(told["set"]))


def test_a_folder_that_is_not_all_of_a_song_is_told(stem: Stem) -> None:
    home = write_stems(Path("Voices"), ("lead_vocals", "backing_vocals"), 2.0)
    done = stem("export-ableton", home, "--bpm", "120")
    assert "no Drums, Bass, Other among its stems: the set may not hold all of the song" in done.stderr


def test_a_stem_and_the_rest_of_its_song(stem: Stem) -> None:
    for name in ("vocals", "drums", "bass"):
        home = write_stems(Path(f"of {name}"), (name, "instrumental" if name == "vocals" else f"no_{name}"), 2.0)
        checked(Path(export(stem, home, "--bpm", "120")["set"]))
