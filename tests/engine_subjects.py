"""The engines that the contract is held to, each made ready on this machine, and the songs it is given."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lalal_runs import Clock, cloud
from lalal_runs import request as asked
from lalal_server import serving
from lalal_service import KEY

from stem_cli import engines
from stem_cli.engines import Engine, Request, Run, StemBlock

BYTES_ALIKE = ("builtin", "cloud")
"""Engines that give the same bytes whatever the sizes of the blocks they read and the number of threads."""
FAR_BELOW_DB = -90.0
NETWORKS = (
    "demucs by torch",
    "demucs by openvino",
    "onnx mdx",
    "onnx waveform",
    "onnx by openvino",
    "uvr roformer",
    "uvr mdx23c",
    "uvr by openvino",
    "ensemble",
)
"""Engines that run here on random weights: what they make has nothing to do with the song, so it does not add up."""
TRAINED = ("builtin", "cloud")
"""Engines whose stems add up to the song; the cloud is a server on this machine, which divides by arithmetic."""


@dataclass(frozen=True)
class Subject:
    """An engine under test and what it is asked for."""

    case: str
    engine: Engine
    request: Request

    @property
    def stems(self) -> tuple[str, ...]:
        return self.engine.find(self.request).stems

    def separate(self, mix: Any, run: Run, **changes: Any) -> Iterator[StemBlock]:
        return self.engine.separate(mix, replace(self.request, **changes), run)


@pytest.fixture(scope="session")
def random_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Demucs of random weights, tiny, with segments of a second."""
    pytest.importorskip("demucs", reason='pip install "stem-cli[demucs]"')
    from against_demucs import write_model

    folder = tmp_path_factory.mktemp("models")
    write_model(folder, "tiny", segment=1.0)
    return folder


@pytest.fixture
def cloud_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_proxy: None) -> Iterator[tuple[Engine, Request]]:
    """The cloud engine with its own way through time, and a service that it finds on this machine."""
    monkeypatch.setenv("STEM_LALAL_KEY", KEY)
    with serving() as lalal:

        def separate(mix: Any, request: Request, run: Run) -> Iterator[StemBlock]:
            return cloud._separate(mix, request, run, Clock(lalal.clock.now, lalal.clock.sleep))

        yield replace(cloud.ENGINE, separate=separate), asked(lalal, tmp_path / "data", "lalal-four")


@pytest.fixture
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """Made by name, so that a test names the cases it is for."""
    case = request.param
    if case == "builtin":
        return Subject(case, engines.load("builtin"), Request(engine="builtin"))
    if case == "cloud":
        return Subject(case, *request.getfixturevalue("cloud_here"))
    if case.endswith("openvino"):
        pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
    else:
        monkeypatch.setitem(sys.modules, "openvino", None)
    if case == "ensemble":
        folder = request.getfixturevalue("onnx_models")
        return Subject(case, engines.load_ensemble(), Request(ensemble="small_mdx,small_waveform:2", models_dir=folder))
    if case.startswith("onnx"):
        model = "small_waveform" if case.endswith("waveform") else "small_mdx"
        wish = Request(engine="onnx", model=model, models_dir=request.getfixturevalue("onnx_models"))
        return Subject(case, engines.load("onnx"), wish)
    if case.startswith("uvr"):
        folder = request.getfixturevalue("uvr_ready" if case.endswith("openvino") else "uvr_models")
        model = "small_mdx23c" if case.endswith("mdx23c") else "small_bs"
        return Subject(case, engines.load("uvr"), Request(engine="uvr", model=model, models_dir=folder))
    models_dir = request.getfixturevalue("random_models")
    wish = Request(engine="demucs", model="tiny", models_dir=models_dir)
    engines.load("demucs").prepare(wish, lambda text: None)
    return Subject(case, engines.load("demucs"), wish)


SLOW = ("demucs by openvino", "onnx by openvino", "uvr roformer", "uvr mdx23c", "uvr by openvino", "ensemble")
"""Those that take most of the time; one of each kind stays in the quick suite."""
CASES = [pytest.param(case, marks=pytest.mark.slow if case in SLOW else ()) for case in (*TRAINED, *NETWORKS)]
every_engine = pytest.mark.parametrize("subject", CASES, indirect=True)
trained_engines = pytest.mark.parametrize("subject", TRAINED, indirect=True)


class Song:
    """A song in memory, given in blocks of a chosen size that nobody may write into."""

    def __init__(self, sound: np.ndarray, rate: int, size: int = 65536) -> None:
        self.sound = np.ascontiguousarray(sound.T, np.float32)
        self.rate, self.channels, self.frames, self.size = rate, self.sound.shape[0], self.sound.shape[1], size
        self.given = 0

    def blocks(self) -> Iterator[np.ndarray]:
        for at in range(0, self.frames, self.size):
            block = self.sound[:, at : at + self.size].copy()
            block.flags.writeable = False
            self.given += block.shape[1]
            yield block

    def skim(self) -> Iterator[np.ndarray]:
        return self.blocks()


def divided(subject: Subject, song: Song, threads: int = 2, **changes: Any) -> list[StemBlock]:
    return list(subject.separate(song, Run(threads), **changes))


def joined(blocks: Sequence[StemBlock]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([block[name] for block in blocks], axis=1) for name in blocks[0]}


def assert_alike(subject: Subject, one: StemBlock, two: StemBlock) -> None:
    for name in subject.stems:
        if subject.case in BYTES_ALIKE:
            assert np.array_equal(one[name], two[name])
        else:
            assert np.abs(one[name] - two[name]).max() <= 10 ** (FAR_BELOW_DB / 20)


def rate_of(subject: Subject, rate: int = 44100) -> int:
    return subject.engine.find(subject.request).rate or rate


def channels_of(subject: Subject, channels: int) -> int:
    return subject.engine.find(subject.request).channels or channels
