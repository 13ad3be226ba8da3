"""What our engine makes of a song against Demucs' own package: python scripts/compare_demucs.py [MODEL...] [--long]

Prints a Markdown table. A figure is the RMS of the difference in dB relative to that of Demucs' stem, of the worst
stem; "equal" is equal to the bit. Ours are the engine's own stems at 44.1 kHz in stereo, made on the road that every
song takes, before the exact sum; Demucs' are those of `demucs.api`. Same random weights, same settings, same offsets of
the shifts. Without --models-dir the models are made anew; the column of OpenVINO is left out where it is not there.
Where a network cannot be converted for OpenVINO, torch runs it, and its columns say so.

Needs torch and demucs. Tests import the functions.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
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
import make_random_demucs
import numpy as np
import soundfile
import torch
from demucs.audio import convert_audio

from stem_cli import demo, engines
from stem_cli.engines import Request, Run
from stem_cli.engines import demucs as demucs_engine
from stem_cli.engines.runtime import openvino
from stem_cli.separation import fit
from stem_cli.separation.stream import Tap

RATE = 44100
BLOCK_FRAMES = 65536


@dataclass(frozen=True)
class Choice:
    """What both are asked for; shifts: drawn from `Random(seed)`; segment: seconds, None is the model's own."""

    shifts: int = 0
    overlap: float = 0.25
    segment: float | None = None
    seed: int = 0


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


def by_demucs(folder: Path, name: str, song: Song, choice: Choice = Choice()) -> dict[str, np.ndarray]:
    """Stems [2, frames at 44.1 kHz] as `demucs.api.Separator` makes them, in the networks' order."""
    torch.backends.mha.set_fastpath_enabled(True)  # as it finds it in a process of its own; our engine turns it off
    separator = demucs.api.Separator(
        model=name, repo=folder, device="cpu", shifts=choice.shifts, overlap=choice.overlap, segment=choice.segment
    )
    wav = convert_audio(torch.from_numpy(song.sound), song.rate, RATE, 2)
    with mock.patch.object(demucs.apply, "random", Random(choice.seed)):
        stems = separator.separate_tensor(wav)[1]
    return {stem: found.numpy() for stem, found in stems.items()}


def by_engine(
    folder: Path, name: str, song: Song, choice: Choice = Choice(), precision: str = "f32", run: Run | None = None
) -> dict[str, np.ndarray]:
    """The same by our engine, tapped on the road of a song: after the mix was fitted to it, before the exact sum."""
    engine = engines.load("demucs")
    request = Request(
        engine="demucs", model=name, models_dir=folder, overlap=choice.overlap, shifts=choice.shifts,
        segment_seconds=choice.segment, precision=precision, seed=choice.seed, device="cpu",
    )  # fmt: skip
    blocks: list[engines.StemBlock] = []

    def separate(*given: Any) -> Iterator[engines.StemBlock]:
        for block in engine.separate(*given):
            blocks.append(block)
            yield block

    tap: Any = Tap(song)  # type: ignore[arg-type] # it asks no more of a song than an engine does
    for _ in fit.separate(replace(engine, separate=separate), engine.find(request), tap, request, run or Run(2)):
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


def difference_db(found: np.ndarray, wanted: np.ndarray) -> float:
    """RMS of the difference relative to the RMS of what is wanted; -inf where they are equal to the bit."""
    if found.shape != wanted.shape:
        raise ValueError(f"{found.shape} instead of {wanted.shape}")
    with np.errstate(divide="ignore"):
        return float(
            10 * np.log10(np.mean(np.square(found - wanted, dtype=float)) / np.mean(np.square(wanted, dtype=float)))
        )


def worst_db(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> float:
    """The difference of the stem that differs most."""
    if set(found) != set(wanted):
        raise ValueError(f"stems {sorted(found)} instead of {sorted(wanted)}")
    return max(difference_db(found[stem], wanted[stem]) for stem in wanted)


@dataclass(frozen=True)
class Case:
    """One row: a model, a song, settings."""

    model: str
    frames: int
    channels: int = 2
    rate: int = RATE
    choice: Choice = Choice()

    @property
    def seconds(self) -> float:
        """How long the song is."""
        return self.frames / self.rate


def _song(model: str, seconds: float, channels: int = 2, rate: int = RATE, **choice: Any) -> Case:
    return Case(model, round(seconds * rate), channels, rate, Choice(**choice))


CASES = (
    _song("htdemucs", 8),
    Case("tiny", 44),
    _song("tiny", 0.1),
    _song("tiny", 8),
    _song("tiny", 30),
    _song("tiny", 30, overlap=0.1),
    _song("tiny", 8, channels=1),
    _song("tiny", 8, rate=48000),
    _song("tiny", 8, channels=1, rate=48000),
    _song("tiny", 0.1, channels=1, rate=48000),
    _song("tiny", 8, shifts=2),
    _song("tiny", 8, segment=5),
    _song("tiny", 30, rate=48000, overlap=0.1, shifts=2, segment=5),
    _song("tiny", 300),
    _song("tiny_6s", 8),
    _song("tiny_ft", 8),
    _song("tiny_ft", 8, channels=1, rate=48000, shifts=2),
    _song("tiny_ft", 300),
    Case("tiny_hdemucs", 44),
    _song("tiny_hdemucs", 0.1),
    _song("tiny_hdemucs", 8),
    _song("tiny_hdemucs", 30, segment=5),
    _song("tiny_mdx", 8),
    _song("tiny_mdx", 8, channels=1, rate=48000),
    _song("tiny_mdx", 30, overlap=0.1, shifts=2, segment=5),
    _song("tiny_mdx", 300),
)
LONG_SECONDS = 60
DEMO_START_FRAME = 10 * RATE
"""All its voices play there."""
WAYS = (("torch", "f32"), ("openvino", "f32"), ("openvino", "bf16"), ("torch", "bf16"))


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="only these of " + ", ".join(_names()))
    parser.add_argument("--models-dir", type=Path)
    parser.add_argument("--long", action="store_true", help="songs of five minutes as well")
    args = parser.parse_args()
    cases = [case for case in CASES if case.model in (args.models or _names())]
    ways = [way for way in WAYS if way[0] == "torch" or openvino.ready()]
    with tempfile.TemporaryDirectory(prefix="compare-demucs-") as home:
        folder = args.models_dir or Path(home)
        if not args.models_dir:
            for name in dict.fromkeys(case.model for case in cases):
                make_random_demucs.make(name, folder)
        titles = ("model", "song", "overlap", "shifts", "segment", *(f"{name} {precision}" for name, precision in ways))
        print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
        for case in cases:
            if args.long or case.seconds < LONG_SECONDS:
                print(row(folder, case, ways), flush=True)


def _names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(case.model for case in CASES))


def row(folder: Path, case: Case, ways: list[tuple[str, str]]) -> str:
    """One line of the table."""
    song = Song(music(case.frames, case.channels), case.rate)
    wanted = by_demucs(folder, case.model, song, case.choice)
    cells = [_cell(folder, case, song, wanted, way) for way in ways]
    segment = "own" if case.choice.segment is None else f"{case.choice.segment:g} s"
    settings = (f"{case.choice.overlap:g}", str(case.choice.shifts), segment)
    return f"| {' | '.join((case.model, _told(case), *settings, *cells))} |"


def _cell(folder: Path, case: Case, song: Song, wanted: dict[str, np.ndarray], way: tuple[str, str]) -> str:
    if way[0] == "openvino" and not _is_converted(case.model, folder):
        return "by torch"
    with runtime(way[0]):
        found = worst_db(by_engine(folder, case.model, song, case.choice, way[1]), wanted)
    return "equal" if math.isinf(found) else f"{found:.0f}"


@cache
def _is_converted(model: str, folder: Path) -> bool:
    return demucs_engine.convert_model(model, folder, force=False, note=_silent) is not None


def _silent(_: str) -> None:
    pass


def _told(case: Case) -> str:
    length = f"{case.seconds:g} s" if case.frames > RATE // 100 else f"{case.frames} samples"
    return f"{length}, {'stereo' if case.channels == 2 else 'mono'}, {case.rate / 1000:g} kHz"


@cache
def _demo() -> np.ndarray:
    with demo.song_path() as path:
        sound = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return np.roll(sound, -DEMO_START_FRAME, axis=1)


def music(frames: int, channels: int) -> np.ndarray:
    """So many samples of the demo song, over and over, float32 [channels, frames]."""
    sound = _demo()
    return np.ascontiguousarray(np.tile(sound, -(-frames // sound.shape[1]))[:channels, :frames])


if __name__ == "__main__":
    main()
