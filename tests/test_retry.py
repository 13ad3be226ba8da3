"""Poor vocals are separated again by another engine, and the better of the two are delivered."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from conftest import Stem, music
from processes import assert_whole, visible

POOR, BETTER = "onnx", "builtin"
"""A network of random weights comes first by the order of engines; the embedded engine is better than that."""


@pytest.fixture
def two_engines(onnx_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models in which a poor four-stem model is ready."""
    folder = tmp_path / "models"
    folder.mkdir()
    for ending in ("onnx", "toml"):
        shutil.copy(onnx_models / f"small_waveform.{ending}", folder)
    monkeypatch.setenv("STEM_MODELS_DIR", str(folder))
    return folder


@pytest.fixture
def sung(tmp_path: Path) -> Path:
    """Fourteen seconds."""
    import soundfile

    path = tmp_path / "work" / "sung.wav"
    soundfile.write(path, music(14), 44100, subtype="PCM_16")
    return path


def told(stem: Stem, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stem("separate", *arguments, "--json").stdout)
    return found


def separations(tmp_path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(next((tmp_path / "data").glob("*.sqlite"))) as connection:
        return connection.execute("SELECT engine_id, cached FROM separations ORDER BY id").fetchall()


def test_a_poor_first_engine_gives_way_to_a_better_one(
    stem: Stem, sung: Path, two_engines: Path, tmp_path: Path
) -> None:
    done = stem("separate", sung, "--json")
    assert "the vocals by onnx are estimated at" in done.stderr
    assert "trying builtin dsp" in done.stderr
    result = json.loads(done.stdout)
    assert result["engine"].startswith("builtin/")
    assert "judged poor" in result["why"]
    quality = result["record"]["quality"]
    assert quality["level"] == "full"
    assert "consistency_si_sdr_db" in quality["per_stem"]["vocals"]
    first, second = quality["attempts"]
    assert (first["engine"], first["poor"], first["kept"]) == (POOR, True, False)
    assert (second["engine"], second["kept"]) == (BETTER, True)
    assert first["vocals_db"] < second["vocals_db"]
    assert_whole(Path("stems"), 1)
    with sqlite3.connect(next((tmp_path / "data").glob("*.sqlite"))) as connection:
        rows = connection.execute("SELECT place, model, poor, kept FROM attempts ORDER BY place").fetchall()
        measures = connection.execute("SELECT measure FROM quality WHERE stem = 'vocals'").fetchall()
    assert rows == [(0, "small_waveform", 1, 0), (1, "dsp", int(second["poor"]), 1)]
    assert ("consistency_si_sdr_db",) in measures
    assert len(separations(tmp_path)) == 1


def test_the_same_command_again_makes_nothing_anew(stem: Stem, sung: Path, two_engines: Path, tmp_path: Path) -> None:
    first = told(stem, sung)
    again = told(stem, sung)
    assert again["status"] == "there"
    assert again["engine"] == first["engine"]
    assert len(separations(tmp_path)) == 1


@pytest.mark.slow
def test_another_folder_takes_the_better_one_from_the_cache(
    stem: Stem, sung: Path, two_engines: Path, tmp_path: Path
) -> None:
    first = told(stem, sung)
    other = told(stem, sung, "--output", "elsewhere", "--format", "flac")
    assert (other["status"], other["engine"]) == ("cached", first["engine"])
    assert other["record"]["quality"]["attempts"] == first["record"]["quality"]["attempts"]
    assert len(visible(tmp_path / "cache" / "stems")) == 2


@pytest.mark.slow
def test_without_the_cache_what_lies_there_still_answers(
    stem: Stem, sung: Path, two_engines: Path, tmp_path: Path
) -> None:
    told(stem, sung)
    stem("cache", "clear")
    assert told(stem, sung)["status"] == "there"


def test_a_named_engine_is_flagged_and_never_replaced(stem: Stem, sung: Path, two_engines: Path) -> None:
    done = stem("separate", sung, "--engine", POOR, "--model", "small_waveform", "--judge", "full", "--json")
    result = json.loads(done.stdout)
    assert result["engine"].startswith("onnx/")
    assert result["record"]["quality"]["poor"]
    assert result["record"]["quality"]["attempts"] == []
    assert any("this one was named" in warning for warning in result["warnings"])


@pytest.mark.parametrize("judge", ["off", "quick"])
def test_only_the_full_judge_tries_again(stem: Stem, sung: Path, two_engines: Path, judge: str) -> None:
    result = told(stem, sung, "--judge", judge)
    assert result["engine"].startswith("onnx/")
    quality = result["record"]["quality"]
    assert quality["attempts"] == []
    assert ("estimated_si_sdr_db" in quality["per_stem"].get("vocals", {})) == (judge == "quick")


def test_vocals_above_the_threshold_are_kept(
    stem: Stem, sung: Path, two_engines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEM_POOR_BELOW_DB", "-50")
    result = told(stem, sung)
    assert result["engine"].startswith("onnx/")
    assert not result["record"]["quality"]["poor"]


def test_where_no_voice_is_wanted_none_is_judged_poor(stem: Stem, sung: Path, two_engines: Path) -> None:
    result = told(stem, sung, "--stems", "drums")
    assert result["engine"].startswith("onnx/")
    assert result["warnings"] == []


def test_the_embedded_engine_alone_does_not_cry(stem: Stem, sung: Path, tmp_path: Path) -> None:
    done = stem("separate", sung, "--json", "--models-dir", tmp_path / "none")
    result = json.loads(done.stdout)
    assert result["warnings"] == []
    assert "poor" not in done.stderr
    assert result["record"]["quality"]["level"] == "quick"
    assert isinstance(result["record"]["quality"]["per_stem"]["vocals"]["estimated_si_sdr_db"], float)


def test_a_second_engine_that_fails_loses_nothing(stem: Stem, sung: Path, two_engines: Path, monkeypatch: Any) -> None:
    """The second one is an ONNX file of another network, which is only seen when it is opened."""
    monkeypatch.setenv("STEM_ENGINE_ORDER", "builtin, onnx")
    shutil.copy(two_engines / "small_waveform.onnx", two_engines / "small_waveform.bak")
    text = (two_engines / "small_waveform.toml").read_text()
    (two_engines / "small_waveform.toml").write_text(text.replace('"waveform"', '"mdx"').replace(
        '["drums", "bass", "other", "vocals"]', '["vocals", "drums", "bass", "other"]'
    ))  # fmt: skip
    result = told(stem, sung)
    assert result["engine"].startswith("builtin/")


@pytest.mark.slow
def test_stems_of_the_first_engine_are_not_lost_to_the_second(stem: Stem, sung: Path, two_engines: Path) -> None:
    made = told(stem, sung, "--judge", "off", "--stems", "drums")
    stem("cache", "clear")
    again = told(stem, sung, "--stems", "vocals")
    assert Path(made["stems"]["drums"]).exists()
    assert again["engine"] == made["engine"]
    assert any("would be lost" in warning for warning in again["warnings"])


@pytest.mark.slow
def test_a_song_that_nobody_judged_is_judged_when_somebody_asks(stem: Stem, sung: Path, two_engines: Path) -> None:
    assert told(stem, sung, "--judge", "off")["record"]["quality"]["level"] == ""
    later = told(stem, sung, "--output", "later")
    assert later["engine"].startswith("builtin/")
    assert later["record"]["quality"]["level"] == "full"


def test_without_a_choice_the_kept_stems_are_judged_quickly(stem: Stem, sung: Path, tmp_path: Path) -> None:
    stem("separate", sung, "--judge", "off", "--models-dir", tmp_path / "none")
    later = told(stem, sung, "--output", "later", "--models-dir", tmp_path / "none")
    assert later["status"] == "cached"
    assert "estimated_si_sdr_db" in later["record"]["quality"]["per_stem"]["vocals"]


def test_what_the_second_engine_made_before_is_not_made_again(stem: Stem, sung: Path, two_engines: Path) -> None:
    first = told(stem, sung, "--engine", "builtin", "--output", "first")
    again = told(stem, sung, "--output", "again")
    assert again["engine"] == first["engine"]
    assert again["record"]["quality"]["attempts"][1]["kept"]
    assert again["record"]["times"]["separate"] == 0


def test_silence_from_the_cache_is_no_error(stem: Stem, tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    path = tmp_path / "work" / "silence.wav"
    soundfile.write(path, np.zeros((44100, 2)), 44100, subtype="PCM_16")
    told(stem, path)
    assert told(stem, path, "--output", "again")["status"] == "cached"
    told(stem, path, "--force", "--stems", "drums")


def test_a_judge_that_fails_costs_no_stems(
    stem: Stem, sung: Path, two_engines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The engine is asked again by a program in which that fails."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(
        "from stem_cli.separation import judging\n"
        "def fail(*_):\n    raise RuntimeError('out of memory')\n"
        "judging._again = fail\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    result = told(stem, sung)
    assert any("could not be asked again" in warning for warning in result["warnings"])
    assert result["record"]["quality"]["level"] == "quick"
    assert_whole(Path("stems"), 1)


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_the_same_judgement(
    stem: Stem, sung: Path, two_engines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = []
    for turn in ("one", "two"):
        monkeypatch.setenv("STEM_CACHE_DIR", str(tmp_path / turn))
        result = told(stem, sung, "--output", turn)
        found.append((result["record"]["quality"], [file["sha256"] for file in result["record"]["files"]]))
    assert found[0] == found[1]
