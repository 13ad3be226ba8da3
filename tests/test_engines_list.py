"""`stem engines list` and `stem engines`: models of ours and of the user's, and which one would be taken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from conftest import Stem


def test_models_are_ranked_within_a_board_and_never_across_two(stem: Stem) -> None:
    told = json.loads(stem("engines", "list", "--stem", "vocals", "--json").stdout)
    by_board: dict[str, list[float]] = {}
    for row in told["models"]:
        by_board.setdefault(row["board"], []).append(row["sdr_db"])
    assert len(by_board) > 2
    assert all(figures == sorted(figures, reverse=True) for figures in by_board.values())
    assert [row["board"] for row in told["models"]] == sorted(
        (row["board"] for row in told["models"]), key=list(by_board).index
    )
    assert all(row["licence"] for row in told["models"])


def test_the_model_that_would_be_taken_is_the_one_that_is_taken(stem: Stem, song: Path, onnx_models: Path) -> None:
    told = json.loads(stem("engines", "list", "--stem", "vocals", "--models-dir", onnx_models, "--json").stdout)
    made = json.loads(
        stem("separate", song, "--stems", "vocals", "--models-dir", onnx_models, "--judge", "quick", "--json").stdout
    )
    model, _, engine = told["would_take"].partition(" ")
    assert (model, engine) == (made["record"]["made"]["model"], f"({made['record']['made']['engine']})")


def test_what_nobody_makes_is_said(stem: Stem) -> None:
    told = stem("engines", "list", "--stem", "guitar").stdout
    assert "It would take: none" in told


def test_a_song_without_one_stem_comes_from_models_that_make_that_stem(stem: Stem) -> None:
    told = json.loads(stem("engines", "list", "--stem", "no_drums", "--json").stdout)
    assert {"htdemucs", "dsp"} <= {row["model"] for row in told["models"]}
    assert "UVR-MDX-NET-Voc_FT" not in {row["model"] for row in told["models"]}


def test_models_of_the_users_own_are_listed(stem: Stem, onnx_models: Path) -> None:
    rows = json.loads(stem("engines", "--models-dir", onnx_models, "--json").stdout)
    (onnx,) = [row for row in rows if row["name"] == "onnx"]
    ready = {model["name"] for model in onnx["models"] if model["ready"]}
    assert ready == {"small_mdx", "small_waveform"}


def test_a_device_that_is_not_there_is_an_error_and_not_another_engine(stem: Stem, song: Path) -> None:
    done = stem("separate", song, "--device", "mps", code=4)
    assert "mps" in done.stderr
    assert not Path("stems").exists()


def test_stems_of_another_engine_are_found_before_anything_is_prepared(
    stem: Stem, song: Path, onnx_models: Path
) -> None:
    stem("separate", song, "--engine", "builtin")
    done = stem("separate", song, "--models-dir", onnx_models, "--model", "small_waveform", code=5)
    assert "stems made by builtin" in done.stderr
    assert "--force" in done.stderr


def test_options_before_a_subcommand_are_its_own(stem: Stem, tmp_path: Path) -> None:
    """Never is another folder's model deleted."""
    mine, default = tmp_path / "mine", tmp_path / "default"
    stem("config", "set", "models_dir", default)
    for folder in (mine, default):
        folder.mkdir()
        (folder / "UVR-MDX-NET-Voc_FT.onnx").write_bytes(b"weights")
    done = stem("engines", "--models-dir", mine, "--json", "remove", "UVR-MDX-NET-Voc_FT", "--yes")
    assert json.loads(done.stdout)["files"] == [str(mine / "UVR-MDX-NET-Voc_FT.onnx")]
    assert [path.parent for path in tmp_path.glob("*/*.onnx")] == [default]
    after = stem("engines", "--models-dir", default, "remove", "UVR-MDX-NET-Voc_FT", "--models-dir", mine, code=4)
    assert str(mine) in after.stderr
    assert json.loads(stem("engines", "--json", "list", "--stem", "vocals").stdout)["stem"] == "vocals"


def test_an_engine_that_fails_is_a_row_and_the_others_are_checked(
    stem: Stem, onnx_models: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(onnx_models, tmp_path / "models"))
    for path in folder.glob("*.onnx"):
        path.write_bytes(b"no network")
    asked = ("engines", "check", "--models-dir", folder)
    rows = {row["name"]: row for row in json.loads(stem(*asked, "--json", code=9).stdout)}
    assert rows["builtin"]["works"]
    assert not rows["onnx"]["works"]
    assert ".onnx" in rows["onnx"]["what"]
    assert "onnx       FAULT: " in stem(*asked, code=9).stdout
