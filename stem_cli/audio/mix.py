"""The decoded song as blocks, once for every engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stem_cli.audio import decode, downmix
from stem_cli.audio.probe import Shape, probe
from stem_cli.errors import DamagedError, InputError

BLOCK_FRAMES = 65536
"""Frames that are read at a time: 1.5 s at 44.1 kHz, large enough that Python costs nothing beside the decoder."""

_LOSSY_SLACK_SECONDS = 1.0
"""How much less than announced a lossy container may hold before we call it cut off: headers of video are rounded."""


@dataclass(frozen=True)
class Mix:
    """One song, or a stretch of it, that can be read as often as an engine needs.

    rate, channels: of the blocks. first, frames: the stretch; `frames` is an estimate where `counted` is False.
    most: frames to stop after, None is at the end of the song.
    """

    shape: Shape
    rate: int
    channels: int
    first: int
    frames: int
    most: int | None
    counted: bool
    fold: bool
    tolerant: bool

    @classmethod
    def open(
        cls,
        path: Path,
        span: tuple[float, float | None] | None = None,
        fold: bool = False,
        tolerant: bool = False,
    ) -> Mix:
        """Look at the file and fix the stretch to read.

        span: (start, end) in seconds, end None is the song's. fold: more than two channels become stereo.
        tolerant: read what a damaged file still gives. Raises InputError.
        """
        shape = probe(path)
        if shape.channels > 2 and not fold:
            hint = "Add --downmix stereo to fold it down, or give a stereo version."
            raise InputError(f"it has {shape.channels} channels; stems are made of mono and stereo songs", path, hint)
        first, frames, most = _stretch(shape, span)
        inside = most is not None and first + most < shape.frames - _LOSSY_SLACK_SECONDS * shape.rate
        counted = shape.counted or inside
        return cls(shape, shape.rate, min(2, shape.channels), first, frames, most, counted, fold, tolerant)

    def blocks(self) -> Iterator[np.ndarray]:
        """The song as float32 [channels, frames]. Raises DamagedError where it ends too soon, InputError for NaN."""
        done = 0
        for block in decode.blocks(self.shape, BLOCK_FRAMES, self.first, self.tolerant):
            if self.most is not None:
                block = block[:, : self.most - done]
            if not block.shape[1]:
                break
            done += block.shape[1]
            yield self._checked(block)
        self._check_length(done)

    def _checked(self, block: np.ndarray) -> np.ndarray:
        if not np.isfinite(block).all():
            hint = "Repair it in an audio editor first."
            raise InputError("it holds samples that are no numbers (NaN or Inf)", self.shape.path, hint)
        return downmix.to_stereo(block) if block.shape[0] > 2 else block

    def _check_length(self, done: int) -> None:
        if self.tolerant:
            return
        slack = 0 if self.counted else _LOSSY_SLACK_SECONDS * self.rate
        if done < self.frames - slack:
            what = f"it ends after {done / self.rate:.1f} s of {self.frames / self.rate:.1f} s"
            raise DamagedError(what, self.shape.path, "Copy it again, or use --damaged take to separate what is there.")
        if not done:
            raise InputError("there is no sound in it", self.shape.path, "Choose another file.")


def _stretch(shape: Shape, span: tuple[float, float | None] | None) -> tuple[int, int, int | None]:
    """First frame and number of frames of a span in seconds, and after how many to stop."""
    if span is None:
        return 0, shape.frames, None
    first, end = round(span[0] * shape.rate), None if span[1] is None else round(span[1] * shape.rate)
    last = shape.frames if end is None else min(shape.frames, end)
    if first >= last:
        end_text = "" if span[1] is None else format(span[1], "g")
        what = f"--time {span[0]:g}-{end_text} lies outside of its {shape.seconds:.1f} s"
        raise InputError(what, shape.path, "Choose a stretch inside the song.")
    return first, last - first, None if end is None else end - first
