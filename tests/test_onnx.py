"""ONNX models as a user runs them, and what their networks hear."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from onnx_models import BINS, COLUMNS, HOP, SIZE, export

from stem_cli import overlap, verify
from stem_cli.engines.onnx import mdx
from stem_cli.engines.onnx.manifest import Transform
from stem_cli.folder import find_folders

TRANSFORM = Transform(SIZE, HOP, BINS, COLUMNS)


def separated(stem: Stem, song: Path, models: Path, model: str, *options: object) -> Any:
    return json.loads(stem("separate", song, "--models-dir", models, "--model", model, "--json", *options).stdout)


# what the networks hear


def test_a_network_that_changes_nothing_gives_the_lower_bins_of_the_song_in_place() -> None:
    """Between its three silent bins and its highest one a tone passes as it is, at lag 0, over every joint."""
    time = np.arange(200000) / 44100
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    song = np.stack([tone, -0.5 * tone])
    network = mdx.MdxNetwork(lambda heard: heard, TRANSFORM, 1, 1)
    part, start = mdx.part_of(network, TRANSFORM, None)
    blocks = (song[:, at : at + 9999] for at in range(0, song.shape[1], 9999))
    found = np.concatenate(list(overlap.separate(blocks, [part], 0.0, [(start,)])), axis=2)[0]
    inside = slice(2000, -2000)  # the tone's own ends are clicks, which have high bins
    assert np.abs(found - song)[:, inside].max() < 1e-4


def test_analysis_and_synthesis_are_inverse() -> None:
    whole = Transform(SIZE, HOP, SIZE // 2 + 1, COLUMNS)
    sound = np.random.default_rng(0).standard_normal((2, whole.segment_frames)).astype(np.float32)
    back = mdx.synthesise(mdx.analyse(sound, whole, 1), whole, 1)
    assert np.abs(back - sound).max() < 1e-5


def test_bins_above_those_of_the_network_are_silent() -> None:
    high = np.sin(2 * np.pi * 20000 * np.arange(TRANSFORM.segment_frames) / 44100).astype(np.float32)
    back = mdx.synthesise(mdx.analyse(np.stack([high, high]), TRANSFORM, 1), TRANSFORM, 1)
    assert np.abs(back)[:, SIZE:-SIZE].max() < 1e-3


# from the command line


@pytest.mark.parametrize(
    ("rate", "channels", "name"), [(44100, 2, "song.wav"), (48000, 1, "song.flac"), (44100, 2, "song.mp3")]
)
def test_vocals_and_the_rest_add_up_to_the_song(
    stem: Stem, onnx_models: Path, rate: int, channels: int, name: str
) -> None:
    soundfile.write(name, music(3.0, rate, channels), rate)
    result = separated(stem, Path(name), onnx_models, "small_mdx")
    assert tuple(result["stems"]) == ("vocals", "instrumental")
    (folder,) = find_folders(Path(result["folder"]))
    assert not [finding for finding in verify.check(folder) if finding.fault]
    assert result["record"]["made"]["engine"] == "onnx"


def test_four_stems_of_a_network_from_sound_to_sound(stem: Stem, song: Path, onnx_models: Path) -> None:
    result = separated(stem, song, onnx_models, "small_waveform")
    assert tuple(result["stems"]) == ("vocals", "drums", "bass", "other")
    (folder,) = find_folders(Path(result["folder"]))
    assert not [finding for finding in verify.check(folder) if finding.fault]


def test_two_stems_of_vocals_come_from_a_model_of_vocals(stem: Stem, song: Path, onnx_models: Path) -> None:
    result = separated(stem, song, onnx_models, "small_mdx", "--two-stems", "vocals")
    assert sorted(result["stems"]) == ["instrumental", "vocals"]


@pytest.mark.parametrize("seconds", [0.001, 0.1, 1.0])
def test_short_songs(stem: Stem, onnx_models: Path, seconds: float) -> None:
    soundfile.write("short.wav", music(seconds), 44100)
    result = separated(stem, Path("short.wav"), onnx_models, "small_mdx")
    assert soundfile.info(result["stems"]["vocals"]).frames == round(seconds * 44100)


def test_a_model_that_is_only_there_for_vocals_is_not_taken_for_four_stems(
    stem: Stem, song: Path, onnx_models: Path
) -> None:
    """By itself the engine takes a model that makes what is wanted."""
    for ending in (".onnx", ".toml"):
        Path("models").mkdir(exist_ok=True)
        shutil.copy((onnx_models / "small_mdx").with_suffix(ending), "models")
    done = stem("separate", song, "--models-dir", "models", "--dry-run", "--json", "--quiet")
    assert json.loads(done.stdout)["engine"].startswith("builtin/")
    done = stem("separate", song, "--models-dir", onnx_models, "--dry-run", "--json", "--quiet")
    assert json.loads(done.stdout)["engine"].startswith("onnx/small_waveform/")


# adding and removing


def test_a_manifest_is_added_and_removed(stem: Stem, song: Path, onnx_models: Path, tmp_path: Path) -> None:
    added = stem("engines", "add", onnx_models / "small_mdx.toml", "--models-dir", "mine").stdout.splitlines()
    assert [Path(line).name for line in added] == ["small_mdx.onnx", "small_mdx.toml"]
    assert separated(stem, song, Path("mine"), "small_mdx")["status"] == "made"
    told = stem("engines", "remove", "small_mdx", "--models-dir", "mine", "--dry-run").stdout.splitlines()
    assert [Path(line).name for line in told] == ["small_mdx.onnx", "small_mdx.toml"]
    stem("engines", "remove", "small_mdx", "--models-dir", "mine", "--yes")
    assert not [path for path in Path("mine").iterdir() if "small" in path.name]


def test_an_onnx_file_alone_is_added_with_what_it_does_not_say(stem: Stem, song: Path, onnx_models: Path) -> None:
    file = shutil.copy(onnx_models / "small_mdx.onnx", "lonely.onnx")
    assert "Add --stems" in stem("engines", "add", file, code=2).stderr
    assert "Add --transform-size" in stem("engines", "add", file, "--stems", "vocals", code=2).stderr
    wrong = stem("engines", "add", file, "--stems", "vocals", "--transform-size", 100, code=4)
    assert "bins" in wrong.stderr
    options = ("--stems", "vocals", "--transform-size", SIZE, "--models-dir", "mine")
    stem("engines", "add", file, *options)
    assert separated(stem, song, Path("mine"), "lonely")["status"] == "made"


def test_a_name_that_is_taken_is_refused(stem: Stem, onnx_models: Path) -> None:
    text = (onnx_models / "small_mdx.toml").read_text("utf-8").replace('name = "small_mdx"', 'name = "htdemucs"')
    Path("other.toml").write_text(text, "utf-8")
    assert "another model of the name htdemucs" in stem("engines", "add", "other.toml", code=4).stderr


def test_a_manifest_without_its_file_replaces_nothing_either(stem: Stem, onnx_models: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(onnx_models / "small_mdx.toml", copy)
    shutil.copytree(onnx_models, tmp_path / "models")
    told = stem("engines", "add", copy / "small_mdx.toml", "--models-dir", tmp_path / "models", code=5).stderr
    assert "it is there already" in told
    told = stem(
        "engines", "add", copy / "small_mdx.toml", "--models-dir", tmp_path / "models", "--force", code=4
    ).stderr
    assert "the ONNX file is missing" in told


def test_nothing_is_replaced_without_force(stem: Stem, onnx_models: Path) -> None:
    for _ in range(2):
        stem("engines", "add", onnx_models / "small_mdx.toml", "--models-dir", "mine", "--force")
    done = stem("engines", "add", onnx_models / "small_mdx.toml", "--models-dir", "mine", code=5)
    assert "it is there already" in done.stderr


# bad input


def edited(models: Path, old: str, new: str) -> Path:
    """A folder with the small MDX-Net and its manifest, one thing in it changed."""
    folder = Path("edited")
    shutil.copytree(models, folder, dirs_exist_ok=True)
    text = (folder / "small_mdx.toml").read_text("utf-8")
    assert old in text
    (folder / "small_mdx.toml").write_text(text.replace(old, new), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "mdx"', 'kind = "magic"', "its kind is 'magic'"),
        ('kind = "mdx"', "", "kind is missing"),
        ('stems = ["vocals"]', 'stems = ["kazoo"]', "a list of these"),
        ('stems = ["vocals"]', 'stems = ["vocals", "drums"]', "an MDX-Net makes one stem"),
        ('stems = ["vocals"]', "stems = []", "a list of these"),
        (f"bins = {BINS}", "bins = 4000", "has not 4000 bins"),
        (f"bins = {BINS}", "bins = 128", "instead of 4 x 128"),
        (f"columns = {COLUMNS}", 'columns = "many"', "transform.columns is 'many'"),
        ('file = "small_mdx.onnx"', 'file = "../small_mdx.onnx"', "without a folder"),
        ('file = "small_mdx.onnx"', 'file = "small_mdx.onnx"\nsha256 = "00000000"', "checksum is wrong"),
        ('file = "small_mdx.onnx"', 'file = "small_mdx.onnx"\nbytes = 12', "instead of 12"),
        ('file = "small_mdx.onnx"', 'file = "small_mdx.onnx"\nlicense = "MIT"', "license is not known"),
        ('kind = "mdx"', "kind = ", "it is no TOML"),
    ],
)
def test_a_manifest_that_makes_no_sense(
    stem: Stem, song: Path, onnx_models: Path, old: str, new: str, said: str
) -> None:
    folder = edited(onnx_models, old, new)
    done = stem("separate", song, "--models-dir", folder, "--model", "small_mdx", "--engine", "onnx", code=4)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("stems").exists()


@pytest.mark.parametrize("what", ["cut", "text", "empty", "other inputs"])
def test_a_file_that_is_not_the_network_of_the_manifest(stem: Stem, song: Path, onnx_models: Path, what: str) -> None:
    folder = edited(onnx_models, "small_mdx", "small_mdx")
    file = folder / "small_mdx.onnx"
    whole = file.read_bytes()
    if what == "other inputs":
        _two_inputs(file)
    else:
        file.write_bytes({"cut": whole[: len(whole) // 2], "text": b"hello" * 100, "empty": b""}[what])
    done = stem("separate", song, "--models-dir", folder, "--model", "small_mdx", code=4)
    assert ("2 inputs" if what == "other inputs" else "cannot open this model") in done.stderr
    assert "small_mdx.onnx" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("stems").exists()


def _two_inputs(path: Path) -> None:
    import torch
    from torch import nn

    class Sum(nn.Module):
        def forward(self, pair: Any) -> Any:
            one, two = pair
            return one + two

    shape = (1, 4, BINS, COLUMNS)
    export(Sum(), (torch.zeros(shape), torch.ones(shape)), path)


def test_a_model_that_is_not_there_says_how_to_get_it(stem: Stem, song: Path) -> None:
    done = stem("separate", song, "--model", "UVR-MDX-NET-Voc_FT", code=4)
    assert "Type `stem engines download UVR-MDX-NET-Voc_FT`" in done.stderr


_OPEN = """
import sys
sys.modules["openvino"] = None
from pathlib import Path
from stem_cli.engines.runtime import onnx
onnx.open_network(Path(sys.argv[1]), "cpu", 1, "f32", Path("compiled"))
"""


def test_onnxruntimes_telemetry_is_off(onnx_models: Path, tmp_path: Path) -> None:
    """It writes down its session (`.ses`) and looks for its makers' host as soon as it is imported, if it is let."""
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    command = [sys.executable, "-c", _OPEN, onnx_models / "small_mdx.onnx"]
    subprocess.run(command, check=True, env=environment)
    assert not list((tmp_path / "temporary").iterdir())
