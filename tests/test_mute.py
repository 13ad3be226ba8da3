"""A stem that should be silent is made so, and the sum stays the song."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Stem
from processes import assert_whole


@pytest.mark.parametrize("depth", ["16", "24", "float"])
def test_a_muted_stem_is_silent_and_the_sum_is_still_the_song(stem: Stem, sung: Path, depth: str) -> None:
    result = json.loads(stem("separate", sung, "--mute", "vocals", "--bit-depth", depth, "--json").stdout)
    sounds = {name: soundfile.read(path, dtype="float64")[0] for name, path in result["stems"].items()}
    assert not sounds["vocals"].any()
    assert np.allclose(sum(sounds.values()), soundfile.read(sung)[0], atol=1e-9 if depth != "float" else 1e-6)
    assert result["record"]["muted"] == ["vocals"]
    assert_whole(Path("stems"), 1)


@pytest.mark.slow
def test_a_muted_folder_is_told_from_one_that_is_not(stem: Stem, sung: Path) -> None:
    stem("separate", sung, "--mute", "vocals")
    assert json.loads(stem("separate", sung, "--mute", "vocals", "--json").stdout)["status"] == "there"
    assert "was muted" in stem("separate", sung, code=5).stderr
    whole = json.loads(stem("separate", sung, "--force", "--json").stdout)
    assert soundfile.read(whole["stems"]["vocals"])[0].any()
    assert whole["record"]["muted"] == []


def test_a_song_that_calls_itself_an_instrumental_is_offered_that(stem: Stem, sung: Path) -> None:
    sung = sung.rename(sung.with_name("Song (Instrumental).wav"))
    notes = json.loads(stem("separate", sung, "--json").stdout)["record"]["quality"]["notes"]
    assert any("calls itself an instrumental" in note and "--mute" in note for note in notes)


@pytest.mark.parametrize("options", [("--stems", "vocals"), ("--also", "instrumental"), ("--format", "mp3")])
def test_what_cannot_be_muted_says_why(stem: Stem, sung: Path, options: tuple[str, ...]) -> None:
    done = stem("separate", sung, "--mute", "vocals", *options, code=2)
    assert "--mute" in done.stderr
    assert not Path("stems").exists()


def test_the_rest_cannot_be_muted(stem: Stem, sung: Path) -> None:
    assert "takes what is in the others" in stem("separate", sung, "--mute", "other", code=2).stderr


@pytest.mark.slow
def test_a_muted_stem_is_not_taken_for_the_real_one_later(stem: Stem, sung: Path) -> None:
    stem("separate", sung, "--mute", "vocals")
    stem("separate", sung, "--force", "--stems", "drums")
    result = json.loads(stem("separate", sung, "--json").stdout)
    assert soundfile.read(result["stems"]["vocals"])[0].any()
