"""Our engine beside Demucs' own package: the same song through both, and how far they differ.

Ours are the engine's own stems at 44.1 kHz in stereo, made on the road that every song takes, before the exact sum;
Demucs' are those of `demucs.api`. Needs torch and demucs. Used by `compare_demucs.py` and by tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import demucs.api
import demucs.apply
import numpy as np
import soundfile
import torch
from demucs.audio import convert_audio

from stem_cli import demo, engines
from stem_cli.engines import Request, Run
from stem_cli.engines.demucs import core
from stem_cli.separation import fit
from stem_cli.separation.stream import Tap

RATE = 44100
BLOCK_FRAMES = 65536
DEMO_START_FRAME = 10 * RATE
"""All its voices play there."""


@dataclass(frozen=True)
class Choice:
    """What both are asked for; shifts: drawn from `Random(seed)`; segment: seconds, None is the model's own."""

    shifts: int = 0
    overlap: float = 0.25
    segment: float | None = None
    seed: int = 0


OWN = Choice()


@dataclass(frozen=True)
class Song:
    """A song in memory. sound: float32 [channels, frames]. It is an `engines.Mix`."""

    sound: np.ndarray
    rate: int = RATE

    @property
    def channels(self) -> int:
        """1 or 2."""
        return int(self.sound.shape[0])

    @property
    def frames(self) -> int:
        """Its length."""
        return int(self.sound.shape[1])

    def blocks(self) -> Iterator[np.ndarray]:
        """The song from its start."""
        return (self.sound[:, first : first + BLOCK_FRAMES] for first in range(0, self.frames, BLOCK_FRAMES))

    skim = blocks


def separator(folder: Path, name: str, choice: Choice) -> demucs.api.Separator:
    """Demucs with a model of a folder, on the CPU."""
    return demucs.api.Separator(
        model=name, repo=folder, device="cpu", shifts=choice.shifts, overlap=choice.overlap, segment=choice.segment
    )


def by_demucs(folder: Path, name: str, song: Song, choice: Choice = OWN) -> dict[str, np.ndarray]:
    """Stems [2, frames at 44.1 kHz] as `demucs.api.Separator` makes them, in the networks' order."""
    theirs = separator(folder, name, choice)
    wav = convert_audio(torch.from_numpy(song.sound), song.rate, RATE, 2)
    with mock.patch.object(demucs.apply, "random", Random(choice.seed)), _as_torch_comes():
        stems = theirs.separate_tensor(wav)[1]
    return {stem: found.numpy() for stem, found in stems.items()}


@contextmanager
def _as_torch_comes() -> Iterator[None]:
    """With the attention path that Demucs finds in a process of its own; our engine turns it off for the whole one."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(True)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def by_engine(
    folder: Path, name: str, song: Song, choice: Choice = OWN, precision: str = "f32"
) -> dict[str, np.ndarray]:
    """The same by our engine, tapped on the road of a song: after the mix was fitted to it, before the exact sum."""
    engine = engines.load("demucs")
    request = Request(
        engine="demucs", model=name, models_dir=folder, overlap=choice.overlap, shifts=choice.shifts,
        segment_seconds=choice.segment, precision=precision, seed=choice.seed, device="cpu",
    )  # fmt: skip
    engine.prepare(request, _silent)
    blocks: list[engines.StemBlock] = []

    def separate(*given: Any) -> Iterator[engines.StemBlock]:
        for block in engine.separate(*given):
            blocks.append(block)
            yield block

    tap: Any = Tap(song)  # type: ignore[arg-type] # it asks no more of a song than an engine does
    for _ in fit.separate(replace(engine, separate=separate), engine.find(request), tap, request, Run()):
        pass
    return {stem: np.concatenate([block[stem] for block in blocks], axis=1) for stem in blocks[0]}


@contextmanager
def runtime(name: str) -> Iterator[None]:
    """Our networks run by "openvino", where they can be, or by "torch"."""
    hidden = {"openvino": None} if name == "torch" else {}
    kept = {module: sys.modules[module] for module in hidden if module in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type] # None is what Python means by "is not there"
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]
        sys.modules.update(kept)


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many segments each call of OpenVINO takes: stays empty where torch runs the networks."""
    calls: list[int] = []
    forward = core.CoreNetwork.forward

    def noted(network: core.CoreNetwork, batch: np.ndarray) -> np.ndarray:
        calls.append(len(batch))
        return forward(network, batch)

    with mock.patch.object(core.CoreNetwork, "forward", noted):
        yield calls


def _silent(_: str) -> None:
    pass


def difference_db(found: np.ndarray, wanted: np.ndarray) -> float:
    """RMS of the difference relative to the deviation of what is wanted; -inf where they are equal to the bit.

    The deviation, as random weights give stems with an offset, and against that every difference would be small.
    """
    if found.shape != wanted.shape:
        raise ValueError(f"{found.shape} instead of {wanted.shape}")
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.mean(np.square(found - wanted, dtype=float)) / np.var(wanted, dtype=float)))


def worst_db(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> float:
    """The difference of the stem that differs most."""
    if set(found) != set(wanted):
        raise ValueError(f"stems {sorted(found)} instead of {sorted(wanted)}")
    return max(difference_db(found[stem], wanted[stem]) for stem in wanted)


@cache
def _demo() -> np.ndarray:
    with demo.song_path() as path:
        sound = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return np.roll(sound, -DEMO_START_FRAME, axis=1)


def music(frames: int, channels: int) -> np.ndarray:
    """So many samples of the demo song, over and over, float32 [channels, frames]."""
    sound = _demo()
    return np.ascontiguousarray(np.tile(sound, -(-frames // sound.shape[1]))[:channels, :frames])
