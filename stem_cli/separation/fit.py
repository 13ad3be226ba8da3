"""A song made to fit an engine that takes one rate and one number of channels, and its stems made to fit the song."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.dsp.resample import resample
from stem_cli.engines import Engine, Model, Request, Run, StemBlock
from stem_cli.separation.stream import Tap


class _Fitted:
    """A mix at another rate, with another number of channels."""

    def __init__(self, mix: Tap, rate: int, channels: int) -> None:
        self._mix = mix
        self.rate, self.channels = rate, channels
        self.frames = mix.frames * rate // mix.rate

    def blocks(self) -> Iterator[NDArray[Any]]:
        """The song from its start."""
        return self._converted(self._mix.blocks())

    def skim(self) -> Iterator[NDArray[Any]]:
        """The song once through."""
        return self._converted(self._mix.skim())

    def _converted(self, blocks: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        wide = (_with_channels(block, self.channels) for block in blocks)
        return wide if self.rate == self._mix.rate else resample(wide, self._mix.rate, self.rate)


def separate(engine: Engine, model: Model, tap: Tap, request: Request, run: Run) -> Generator[StemBlock, None, None]:
    """The engine's stems at the song's own rate, with its own channels, and as long as it."""
    rate, channels = model.rate or tap.rate, model.channels or tap.channels
    if (rate, channels) == (tap.rate, tap.channels):
        return engine.separate(tap, request, run)
    return _restored(engine.separate(_Fitted(tap, rate, channels), request, run), tap, rate)


def _restored(blocks: Iterator[StemBlock], tap: Tap, rate: int) -> Generator[StemBlock, None, None]:
    names: list[str] = []

    def stacked() -> Iterator[NDArray[Any]]:
        """All stems as channels of one sound; a little silence at the end makes up for frames lost in rounding."""
        for block in blocks:
            names[:] = block
            yield np.concatenate([_with_channels(part, tap.channels) for part in block.values()])
        if names and rate != tap.rate:
            yield np.zeros((len(names) * tap.channels, 2 + rate // tap.rate), np.float32)

    given = 0
    for sound in stacked() if rate == tap.rate else resample(stacked(), rate, tap.rate):
        part = sound[:, : tap.read - given]  # only the silence at the end reaches beyond what was read
        given += part.shape[1]
        if part.shape[1]:
            yield {name: part[at * tap.channels : (at + 1) * tap.channels] for at, name in enumerate(names)}


def _with_channels(block: NDArray[Any], channels: int) -> NDArray[Any]:
    """Mono is copied, stereo is averaged."""
    if block.shape[0] == channels:
        return block
    return np.repeat(block, channels, axis=0) if block.shape[0] == 1 else block.mean(axis=0, keepdims=True)
