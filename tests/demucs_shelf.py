"""A shelf of tiny Demucs models, and `stem separate` with one of them, as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from workshop import floats, integers, rounded, total

from stem_cli import stems, verify
from stem_cli.folder import find_folders


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of the test compute on one thread."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights, segments of a second. Tests only read it."""
    from against_demucs import write_bag, write_model

    folder = tmp_path_factory.mktemp("shelf")
    write_model(folder, "tiny", segment=1.0)
    write_model(folder, "hybrid", "hdemucs", segment=2.0)
    write_model(folder, "waves", "demucs", segment=2.0)
    write_model(folder, "other_length", seed=1, segment=1.3)
    write_bag(folder, "two", ["tiny", "other_length"], [[1, 0, 1, 0.5], [0, 1, 1, 0.5]])
    save(folder, "six", sources=[*stems.SIX])
    save(folder, "duo", sources=["vocals", "drums"])
    save(folder, "kazoo", sources=["kazoo", "other"])
    save(folder, "slow", samplerate=22050)
    return folder


@pytest.fixture(scope="session")
def ready(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model `tiny`, converted for OpenVINO. Tests only read it."""
    folder = tmp_path_factory.mktemp("ready")
    copied(shelf, folder, "tiny")
    convert = [sys.executable, "-m", "stem_cli.cli", "engines", "convert", "tiny", "--models-dir", folder]
    subprocess.run(convert, check=True, capture_output=True)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The test's own folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Code that every Python process of this test runs first."""
    (tmp_path / "site").mkdir(exist_ok=True)
    (tmp_path / "site" / "sitecustomize.py").write_text(code, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


def save(folder: Path, signature: str, kind: str = "htdemucs", segment: float = 1.0, **settings: Any) -> Path:
    """Write a tiny model with other settings than `write_model` gives it."""
    import torch
    from against_demucs import KINDS, RATE, SOURCES
    from demucs.states import get_state

    make, sizes = KINDS[kind]
    exact = Fraction(segment).limit_denominator(100)
    options = {"sources": SOURCES, "samplerate": RATE, "segment": exact, **sizes, **settings}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = get_state(make(**options), None, half=True)
    path = folder / f"{signature}.th"
    torch.save({"klass": make, "args": (), "kwargs": options, "state": state, "training_args": {}}, path)
    return path


def copied(shelf: Path, folder: Path, *names: str) -> Path:
    """Only these models of the shelf."""
    for path in shelf.iterdir():
        if path.is_file() and path.stem.partition("-")[0] in names:
            shutil.copy(path, folder)
    return folder


def write(name: str = "song.wav", seconds: float = 1.7, rate: int = 44100, channels: int = 2) -> Path:
    subtype = None if name.endswith(".mp3") else "PCM_16"
    soundfile.write(name, music(seconds, rate, channels), rate, subtype=subtype)
    return Path(name)


def separated(stem: Stem, song: Path, models: Path, *options: object, model: str = "tiny", **how: Any) -> Any:
    """What `stem separate --json` says."""
    done = stem("separate", song, "--models-dir", models, "--model", model, "--json", *options, **how)
    return json.loads(done.stdout)


def refused(stem: Stem, song: Path, models: Path, *options: object, code: int = 4, **how: Any) -> str:
    """The last line on stderr of a separation that must fail, in our own words."""
    done = stem("separate", song, "--models-dir", models, *options, code=code, **how)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "a bug of ours" not in done.stderr
    return done.stderr.splitlines()[-1]


def sound_of(result: Any) -> dict[str, np.ndarray]:
    return {name: soundfile.read(path)[0] for name, path in result["stems"].items()}


def assert_whole(song: Path, result: Any) -> None:
    """Every stem is as long as the song, their sum is the song, and the record says so."""
    paths = {name: Path(path) for name, path in result["stems"].items()}
    depth = result["record"]["depth"]
    whole = rounded(floats(song), depth) if song.suffix == ".mp3" else integers(song, depth)
    assert {integers(path, depth).shape for path in paths.values()} == {whole.shape}
    assert np.abs(total(paths, depth) - whole).max() <= (64 if song.suffix == ".mp3" else 0)  # two decoders; of 24 bits
    assert verify.verify(find_folders(Path(result["folder"]))).findings == ()
