"""Songs with several voices, and models that divide them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import music
from onnx_models import BINS, COLUMNS, HOP, SIZE

RATE = 44100


def choir(seconds: float = 6.0) -> np.ndarray:
    """A lead voice in the middle and backing voices that differ on either side, on drums: [frames, 2]."""
    time = np.arange(round(seconds * RATE)) / RATE
    lead = 0.3 * np.sin(2 * np.pi * 330 * time + 2 * np.sin(2 * np.pi * 5 * time))
    left, right = (0.2 * np.sin(2 * np.pi * hertz * time) for hertz in (523, 784))
    return np.stack([lead + left, lead + right], axis=1) + 0.3 * music(seconds)


@pytest.fixture
def sung(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "sung.wav"
    soundfile.write(path, choir(), RATE, subtype="PCM_16")
    return path


@pytest.fixture
def karaoke(onnx_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with one that makes a lead voice, of random weights."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(onnx_models / "small_mdx.onnx", folder / "kara.onnx")
    transform = f"transform = {{ size = {SIZE}, hop = {HOP}, bins = {BINS}, columns = {COLUMNS} }}"
    text = f'name = "kara"\nfile = "kara.onnx"\nkind = "mdx"\nstems = ["lead_vocals"]\n{transform}\n'
    (folder / "kara.toml").write_text(text)
    monkeypatch.setenv("STEM_MODELS_DIR", str(folder))
    return folder


@pytest.fixture
def drumsep(onnx_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with one that makes four parts of a kit, of random weights."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(onnx_models / "small_waveform.onnx", folder / "kit.onnx")
    text = (onnx_models / "small_waveform.toml").read_text()
    text = text.replace("small_waveform", "kit").replace(
        '["drums", "bass", "other", "vocals"]', '["kick", "snare", "toms", "hats"]'
    )
    (folder / "kit.toml").write_text(text)
    monkeypatch.setenv("STEM_MODELS_DIR", str(folder))
    return folder


def ints(path: Path) -> Any:
    return soundfile.read(path, dtype="int32")[0].astype(np.int64)


def folder_of(done: subprocess.CompletedProcess[str]) -> Path:
    return Path(done.stdout.splitlines()[0]).parent
