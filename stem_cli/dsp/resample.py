"""Band-limited resampling of a song that streams by, with lag 0.

The sound between the samples is that of windowed sinc interpolation (J. O. Smith, "Digital Audio Resampling",
https://ccrma.stanford.edu/~jos/resample/), with the window and the constants of julius 0.2.7, `resample_frac`, which
Demucs uses: sample j of the new rate is the sum over the old samples k of

    x[k] sinc(t) cos(pi t / (2 ZEROS))^2,  t = (k / old - j / new) min(old, new) ROLLOFF,  |t| < ZEROS

divided by the sum of the weights, so that a constant stays what it is. Before its start and after its end the sound
holds its first and its last sample. The weights depend only on where j lies between two old samples. Between the usual
rates there are few such places and the weights of all are one matrix, rounded as Demucs rounds them. Between odd rates
they are interpolated from places so close that the error is lost in the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from stem_cli.errors import UsageError

ZEROS = 24  # zero crossings of the sinc on each side
ROLLOFF = 0.945  # share of the lower rate's half at which the sinc cuts off
LARGEST_MATRIX = 1 << 20  # weights, 4 MB: enough between 44.1 kHz and every usual rate from 8 to 768 kHz
LEAST_GROUP = 64  # frames of a row of the matrix product: smaller ones are slow
PLACES = 4096  # between two zero crossings; linear interpolation between them errs by -150 dB
PIECE_FRAMES = 1 << 15  # worked on at once, so that the samples do not depend on the sizes of the blocks
ROWS = 2048  # frames interpolated at once: their weights stay in the processor's cache

Floats = NDArray[np.float32]


def resample(blocks: Iterable[Floats], old_rate: int, new_rate: int, frames: int | None = None) -> Iterator[Floats]:
    """The same sound at another rate; blocks are float32 [..., any number of frames], rates any whole numbers of Hz.

    frames: how many to give. Without it, the time of the old ones in whole new ones, rounded down, but at least one for
    a sound that has any. What is asked for beyond the end of the sound is silence, none at all of an empty sound.
    The samples do not depend on the sizes of the blocks. Equal rates: the blocks themselves. Raises UsageError.
    """
    if min(old_rate, new_rate) < 1:
        raise UsageError(f"{old_rate} Hz cannot become {new_rate} Hz", None, "Choose rates above 0.")
    resampled = iter(blocks)
    if old_rate != new_rate:
        common = gcd(old_rate, new_rate)
        resampled = _stream(resampled, _kernel(old_rate // common, new_rate // common), past=frames is not None)
    return resampled if frames is None else _fitted(resampled, frames)


def _weights(middles: NDArray[np.float64], taps: NDArray[np.float64], cutoff: float) -> Floats:
    """The weight of each old sample in each new one [middles, taps]; both in old samples, cutoff 1 is half their rate.

    >>> _weights(np.array([0.0]), np.array([-1.0, 0.0, 1.0]), 1.0).round(3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    t = (taps - middles[:, None]) * cutoff
    weights = np.where(np.abs(t) < ZEROS, np.sinc(t) * np.cos(np.pi / 2 / ZEROS * t) ** 2, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)


def _demucs_weights(old: int, new: int, reach: int) -> Floats:
    """The same between two rates without a common factor, [new frames, old frames], rounded as Demucs rounds them.

    In float32 throughout: they err by some -107 dB, but networks hear the same as in Demucs, to -137 dB.
    """
    rate, zeros, pi = np.float32(min(old, new) * ROLLOFF), np.float32(ZEROS), np.float32(np.pi)
    taps = np.arange(-reach, old + reach, dtype=np.float32) / np.float32(old)
    t = ((-np.arange(new) / new).astype(np.float32)[:, None] + taps) * rate
    t = np.clip(t, -zeros, zeros) * pi
    weights = np.cos(t / zeros / 2) ** 2
    weights *= np.where(t == 0, np.float32(1), np.sin(t) / np.where(t == 0, np.float32(1), t))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)


@dataclass(frozen=True)
class _Matrix:
    """All weights between two rates. Every `old` frames become `new`; reach: old frames needed on each side."""

    old: int
    new: int
    reach: int
    weights: Floats  # [old frames, new frames]

    @property
    def piece(self) -> int:
        """New frames made at once."""
        return max(1, PIECE_FRAMES // max(self.old, self.new)) * self.new

    def apply(self, sound: Floats, first: int) -> Floats:  # noqa: ARG002 - every piece starts at the same place
        """One piece, of old frames from `reach` before its first one on."""
        taps, groups = len(self.weights), self.piece // self.new
        rows = np.lib.stride_tricks.sliding_window_view(sound, taps, axis=-1)[..., :: self.old, :][..., :groups, :]
        made: Floats = np.ascontiguousarray(rows) @ self.weights
        return made.reshape(*sound.shape[:-1], self.piece)


@dataclass(frozen=True)
class _Table:
    """Weights at places between two old frames, from one to the next. old, new: the ratio; reach: as in `_Matrix`."""

    old: int
    new: int
    reach: int
    weights: Floats  # [places + 1, old frames]

    @property
    def piece(self) -> int:
        """New frames made at once."""
        return max(1, PIECE_FRAMES * self.new // max(self.old, self.new))

    def apply(self, sound: Floats, first: int) -> Floats:
        """One piece, whose first frame is frame `first` of the whole, of old frames from `reach` before it on."""
        rows = (np.arange(row, min(first + self.piece, row + ROWS)) for row in range(first, first + self.piece, ROWS))
        return np.concatenate([self._rows(sound, frames, first * self.old // self.new) for frames in rows], axis=-1)

    def _rows(self, sound: Floats, frames: NDArray[np.int64], start: int) -> Floats:
        before, part = np.divmod(frames * self.old, self.new)
        place, way = np.divmod(part * (len(self.weights) - 1), self.new)
        share = (way / self.new).astype(np.float32)[:, None]
        weights = self.weights[place] * (1 - share)
        weights += self.weights[place + 1] * share
        taps = np.lib.stride_tricks.sliding_window_view(sound, weights.shape[1], axis=-1)[..., before - start, :]
        made: Floats = np.einsum("...ft,ft->...f", taps, weights)
        return made


@lru_cache(maxsize=4)
def _kernel(old: int, new: int) -> _Matrix | _Table:
    """The quicker way between two rates without a common factor."""
    cutoff = ROLLOFF * min(1, new / old)
    reach = ceil(ZEROS / cutoff)
    if (old + 2 * reach) * new <= LARGEST_MATRIX:
        groups = max(1, LEAST_GROUP // max(old, new))
        weights = np.zeros((groups * old + 2 * reach, groups * new), np.float32)
        for group in range(groups):
            rows = slice(group * old, (group + 1) * old + 2 * reach)
            weights[rows, group * new : (group + 1) * new] = _demucs_weights(old, new, reach).T
        return _Matrix(groups * old, groups * new, reach, weights)
    places = ceil(PLACES * min(1, new / old))
    taps = np.arange(-reach, reach + 2, dtype=np.float64)
    return _Table(old, new, reach, _weights(np.arange(places + 1) / places, taps, cutoff))


def _stream(blocks: Iterable[Floats], kernel: _Matrix | _Table, *, past: bool) -> Iterator[Floats]:
    """past: go on to where the sample after the last would be, for those who need a few frames more."""
    sound: Floats | None = None  # what the next pieces need and is there
    made = length = 0  # new frames, old frames
    for block in blocks:
        if not block.shape[-1]:
            continue
        before = np.repeat(block[..., :1], kernel.reach, axis=-1) if sound is None else sound
        sound = np.concatenate([before, block], axis=-1)
        length += block.shape[-1]
        while _end(kernel, made) <= length:
            yield kernel.apply(sound, made)
            sound = sound[..., _step(kernel, made) :]
            made += kernel.piece
    if sound is None:
        return
    total = max(1, (length + past) * kernel.new // kernel.old)
    while made < total:
        missing = _end(kernel, made) - length
        sound = np.concatenate([sound, np.repeat(sound[..., -1:], missing, axis=-1)], axis=-1)
        length += missing
        yield kernel.apply(sound, made)[..., : total - made]
        sound = sound[..., _step(kernel, made) :]
        made += kernel.piece


def _end(kernel: _Matrix | _Table, made: int) -> int:
    """How many old frames the piece after `made` new ones needs."""
    return (made + kernel.piece) * kernel.old // kernel.new + kernel.reach + 2


def _step(kernel: _Matrix | _Table, made: int) -> int:
    """How far the piece after `made` new frames moves on in the old ones."""
    return (made + kernel.piece) * kernel.old // kernel.new - made * kernel.old // kernel.new


def _fitted(blocks: Iterable[Floats], frames: int) -> Iterator[Floats]:
    """The blocks, cut or filled up with silence to a number of frames."""
    silence: Floats | None = None
    for block in blocks:
        silence = np.zeros((*block.shape[:-1], min(frames, PIECE_FRAMES)), np.float32)
        yield block[..., :frames]
        frames -= min(frames, block.shape[-1])
        if not frames:
            return
    while silence is not None and frames:
        yield silence[..., :frames]
        frames -= min(frames, silence.shape[-1])
