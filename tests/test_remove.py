"""`stem engines remove`: all files that are a model's alone, and no other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import Stem

pytestmark = pytest.mark.usefixtures("own_caches")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models" / "converted").mkdir(parents=True)
    return tmp_path / "models"


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"weights of " + name.encode())


def record(folder: Path, name: str, *cores: str) -> None:
    put(folder / "converted", *cores)
    (folder / "converted" / name).write_text(json.dumps({"schema": 0, "sums": dict.fromkeys(cores, "")}), "utf-8")


def left(folder: Path) -> set[str]:
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)) for path in paths}


def removed(stem: Stem, folder: Path, model: str) -> set[str]:
    """What is gone: just what was said."""
    before = left(folder)
    planned = stem("engines", "remove", model, "--models-dir", folder, "--dry-run").stdout.splitlines()
    assert left(folder) == before
    told = stem("engines", "remove", model, "--models-dir", folder, "--yes").stdout.splitlines()
    gone = before - left(folder)
    assert planned == told
    assert {str(Path(line).relative_to(folder)) for line in told} == gone
    return gone


def test_a_uvr_model_of_the_users_own(stem: Stem, folder: Path) -> None:
    put(folder, "mine.ckpt", "mine.yaml", "yours.ckpt", "yours.yaml")
    record(folder, "mine.uvr.json", "a.xml", "a.bin", "shared.xml")
    record(folder, "yours.uvr.json", "shared.xml")
    cores = {"converted/mine.uvr.json", "converted/a.xml", "converted/a.bin"}
    assert removed(stem, folder, "mine") == {"mine.ckpt", "mine.yaml", *cores}


def test_a_yaml_of_two_files_stays_with_the_other(stem: Stem, folder: Path) -> None:
    put(folder, "mine.ckpt", "mine.pth", "mine.yaml")
    assert removed(stem, folder, "mine.ckpt") == {"mine.ckpt"}
    assert removed(stem, folder, "mine") == {"mine.pth", "mine.yaml"}


def test_a_vr_network_goes_with_its_toml(stem: Stem, folder: Path) -> None:
    put(folder, "mine.pth")
    (folder / "mine.toml").write_text('bands = "4band_v3"\nstem = "vocals"\n', "utf-8")
    assert removed(stem, folder, "mine") == {"mine.pth", "mine.toml"}


def test_a_model_of_the_table_leaves_files_of_the_user_by_its_name(stem: Stem, folder: Path) -> None:
    put(folder, "955717e8-8726e21a.th", "htdemucs.toml", "htdemucs.onnx", "5c90dfd2-34c22ccb.th")
    record(folder, "htdemucs.json", "b.xml", "b.bin")
    core = {"converted/htdemucs.json", "converted/b.xml", "converted/b.bin"}
    assert removed(stem, folder, "htdemucs") == {"955717e8-8726e21a.th", *core}


def test_a_network_that_a_bag_needs_stays(stem: Stem, folder: Path) -> None:
    pytest.importorskip("yaml", reason='pip install "stem-cli[demucs]"')
    put(folder, "955717e8-8726e21a.th", "own-12345678.th")
    (folder / "mine.yaml").write_text("models: ['955717e8', 'own']", "utf-8")
    told = stem("engines", "remove", "htdemucs", "--models-dir", folder, "--yes", code=4).stderr
    assert "that no other model needs" in told
    assert removed(stem, folder, "mine") == {"mine.yaml", "own-12345678.th"}
    assert removed(stem, folder, "htdemucs") == {"955717e8-8726e21a.th"}


def test_a_manifest_whose_file_has_another_name(stem: Stem, folder: Path) -> None:
    text = 'kind = "waveform"\nstems = ["drums", "bass", "other", "vocals"]\nfile = "shared.onnx"\n'
    for name in ("mine", "yours"):
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{text}', "utf-8")
    put(folder, "shared.onnx")
    assert removed(stem, folder, "mine") == {"mine.toml"}
    assert removed(stem, folder, "yours") == {"yours.toml", "shared.onnx"}


def test_a_record_names_no_file_of_another_folder(stem: Stem, folder: Path) -> None:
    put(folder, "mine.ckpt", "mine.yaml", "precious.bin")
    record(folder, "mine.uvr.json")
    text = json.dumps({"sums": {"../precious.bin": "", "..": "", "": "", "a\0b": ""}})
    (folder / "converted" / "mine.uvr.json").write_text(text, "utf-8")
    assert removed(stem, folder, "mine") == {"mine.ckpt", "mine.yaml", "converted/mine.uvr.json"}


def test_what_nobody_knows_is_told(stem: Stem, folder: Path) -> None:
    assert "there is no model 'nobody'" in stem("engines", "remove", "nobody", "--models-dir", folder, code=4).stderr
    shutil.rmtree(folder)
    told = stem("engines", "remove", "htdemucs", "--models-dir", folder, code=4).stderr
    assert "There is nothing to delete" in told
