"""The chain of blocks between decoder and writers: read ahead in a thread, separate, settle the exact sum."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import stems
from stem_cli.audio import Tee, ahead
from stem_cli.engines import Readable, StemBlock
from stem_cli.errors import EngineError
from stem_cli.folder import exact


class Tap:
    """The mix as the engine sees it, and what it has read so far: the song is decoded once for both."""

    def __init__(self, mix: Readable) -> None:
        self._mix = mix
        self._tee = Tee(())
        self._open: list[Generator[NDArray[Any], None, None]] = []
        self.rate, self.channels, self.frames = mix.rate, mix.channels, mix.frames

    def blocks(self) -> Iterator[NDArray[Any]]:
        """The song from its start; an engine that reads twice starts the memory anew."""
        self._tee = Tee(self._ahead())
        return iter(self._tee)

    def skim(self) -> Iterator[NDArray[Any]]:
        """The song once through; nothing of it is kept."""
        return self._ahead()

    def _ahead(self) -> Iterator[NDArray[Any]]:
        self._open.append(ahead(self._mix.blocks()))
        return self._open[-1]

    def close(self) -> None:
        """Stop what still reads: a thread that decodes while Python ends may take the process with it."""
        for reading in self._open:
            reading.close()

    def take(self, frames: int) -> NDArray[Any]:
        """The next frames of the song. Raises EngineError where the engine gives more than it has read."""
        if frames > self.left:
            raise EngineError("the engine gave more sound than the song has", None, "This is a bug: please report it.")
        return self._tee.take(frames)

    @property
    def read(self) -> int:
        """Frames read so far."""
        return self._tee.read

    @property
    def left(self) -> int:
        """Frames read and not taken yet."""
        return self._tee.left


@dataclass
class Sum:
    """What is learnt of the song while its stems are settled."""

    samples: Any = field(default_factory=hashlib.sha256)
    frames: int = 0
    clipped: int = 0
    song_power: float = 0.0
    lost_power: float = 0.0

    @property
    def residual_db(self) -> float:
        """Power that the engine's stems miss, against the song's, before the exact sum; -inf for none."""
        if self.lost_power <= 0 or self.song_power <= 0:
            return -math.inf
        return 10 * math.log10(self.lost_power / self.song_power)


@dataclass(frozen=True)
class Settled:
    """One block whose stems add up to the song. parts: all of the engine's stems. whole: the song."""

    parts: dict[str, NDArray[Any]]
    whole: NDArray[Any]

    def named(self, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        """The samples of files: stems, songs without a stem, aliases."""
        return {name: self._one(name) for name in names}

    def _one(self, name: str) -> NDArray[Any]:
        if name in self.parts:
            return self.parts[name]
        if name in stems.ALIASES:
            return self.parts[stems.ALIASES[name]]
        return exact.without(self.whole, self.parts[stems.COMPLEMENTS[name]])


def settled(
    engine_blocks: Generator[StemBlock, None, None], tap: Tap, depth: str, total: Sum
) -> Generator[Settled, None, None]:
    """Settle each block an engine gives, and close it and the tap in the end.

    Raises EngineError where the stems are shorter than the song.
    """
    with closing(tap), closing(engine_blocks):
        for block in engine_blocks:
            frames = next(iter(block.values())).shape[1]
            if not frames:
                continue
            song = tap.take(frames)
            balance = exact.settle(song, block, depth)
            _learn(total, song, block, balance, depth)
            yield Settled(balance.parts, balance.whole)
    if tap.left:
        what = f"the engine's stems are {tap.left} samples shorter than the song"
        raise EngineError(what, None, "This is a bug: please report it.")


def _learn(total: Sum, song: NDArray[Any], block: StemBlock, balance: exact.Balance, depth: str) -> None:
    lost = song.copy()
    for stem in block.values():
        lost -= stem
    total.song_power += float(np.vdot(song, song))
    total.lost_power += float(np.vdot(lost, lost))
    total.samples.update(exact.sample_bytes(balance.whole, depth))
    total.clipped += balance.clipped
    total.frames += song.shape[1]
