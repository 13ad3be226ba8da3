"""Watches stems go by and keeps the stretch in which most is going on: what the judge listens to again."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import stems as table
from stem_cli.quality.figures import ratio_db

Block = Mapping[str, NDArray[Any]]

SECONDS = 12.0
"""Of the stretch. Figures of 10 to 15 s follow those of whole songs well enough; longer ones cost more."""
_FLOOR_DB = -60.0
"""What is softer counts as this: silence of one stem must not outweigh all others."""
_VOICES_COUNT = 2.0
_EVERY = 4
"""Of the samples one in so many tells the level as well."""


@dataclass(frozen=True)
class Stretch:
    """Some seconds of every stem. first: its first frame in the song. stems: float32 [channels, frames]."""

    first: int
    rate: int
    stems: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Heard:
    """One block. first: its first frame in the song. activity: mean level of its stems in dB."""

    first: int
    frames: int
    activity: float
    block: Block


class Watch:
    """Held open over the blocks of one song. Memory: two stretches, whatever the song's length."""

    def __init__(self, rate: int, scale: float = 1.0) -> None:
        """scale: what the blocks are multiplied by to be of full scale 1."""
        self._rate, self._scale = rate, np.float32(scale)
        self._frames = round(SECONDS * rate)
        self._recent: deque[_Heard] = deque()
        self._best: tuple[_Heard, ...] = ()
        self._read = 0
        self._powers: dict[str, float] = {}
        self._whole = 0.0

    def add(self, block: Block) -> None:
        """Take one block of every stem, [channels, frames]; it is kept as it is and must not be written into."""
        frames = next(iter(block.values())).shape[1]
        powers = self._measured(block, frames)
        self._recent.append(_Heard(self._read, frames, _activity(powers), block))
        self._read += frames
        while len(self._recent) > 1 and _length(self._recent) - self._recent[0].frames >= self._frames:
            self._recent.popleft()
        if self._better(self._recent, self._best):
            self._best = tuple(self._recent)

    def _measured(self, block: Block, frames: int) -> dict[str, float]:
        """The power of each stem, added to those of the whole song."""
        thin = {name: sound[:, ::_EVERY].astype(np.float32) * self._scale for name, sound in block.items()}
        powers = {name: _power(sound) for name, sound in thin.items()}
        self._whole += _power(np.add.reduce(list(thin.values()))) * frames
        for name, own in powers.items():
            self._powers[name] = self._powers.get(name, 0.0) + own * frames
        return powers

    def levels_db(self) -> dict[str, float]:
        """The level of each stem over the whole song, against that of the song."""
        return {name: ratio_db(own, self._whole) for name, own in self._powers.items()}

    def _better(self, new: Sequence[_Heard], old: Sequence[_Heard]) -> bool:
        """Whole stretches beat those that are shorter; among whole ones, the more active."""
        lengths = min(self._frames, _length(new)), min(self._frames, _length(old))
        return lengths[0] > lengths[1] or (lengths[0] == lengths[1] and _mean(new) > _mean(old))

    def stretch(self) -> Stretch | None:
        """The stretch with most going on so far; None before anything came by."""
        if not self._best:
            return None
        names = self._best[0].block
        whole = {name: np.concatenate([one.block[name] for one in self._best], axis=1) for name in names}
        stems = {name: (sound[:, : self._frames] * self._scale).astype(np.float32) for name, sound in whole.items()}
        return Stretch(self._best[0].first, self._rate, stems)


def _length(heard: Sequence[_Heard]) -> int:
    return sum(one.frames for one in heard)


def _mean(heard: Sequence[_Heard]) -> float:
    return sum(one.activity * one.frames for one in heard) / _length(heard)


def _activity(powers: Mapping[str, float]) -> float:
    """Mean level of the stems in dB; voices count twice, as it is they who are judged most."""
    total = weights = 0.0
    for name, own in powers.items():
        weight = _VOICES_COUNT if table.is_voice(name) else 1.0
        total += weight * max(_FLOOR_DB, ratio_db(own, 1.0))
        weights += weight
    return total / weights


def _power(sound: NDArray[np.float32]) -> float:
    """Mean square, without BLAS: its threads would get in the way of those that separate."""
    return float(np.einsum("cf,cf->", sound, sound)) / sound.size if sound.size else 0.0
