"""Lag and length of what comes back from a service, measured against the song and mended; one song in, stems out.

Nobody promises that a track begins where the song does. All tracks together are the song again, so their sum is laid
over it: the lag is where the correlation of both is highest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from stem_cli.audio import Mix as Sound
from stem_cli.dsp.resample import resample
from stem_cli.engines.cloud.song import Song
from stem_cli.errors import InputError

Floats = NDArray[np.float32]
_BLOCK = 1 << 16
"""Frames that are compared at a time."""
_MOST_LAG = 1 << 15
"""Frames: 0.7 s at 44.1 kHz, many times what any codec or network is known to delay."""
_COMPARED = 40
"""Blocks that are compared, spread over the song: a minute of it at 44.1 kHz."""
_LEAST_LIKENESS = 0.3
"""Correlation, 0-1, below which what came is another song; the same song separated has more than 0.9."""
_QUIET = 1e-4
"""Deviation of a song's differences, of full scale 1, below which silence may come back for it."""
_SHORT_SECONDS = 0.5
"""A track that lacks more at its end was cut off. Encoders' frames are below 0.1 s."""


class Damaged(Exception):
    """A track is not whole, or not of this song. path: the file, None where it is not known which."""

    def __init__(self, what: str, path: Path | None = None) -> None:
        super().__init__(what)
        self.path = path


@dataclass(frozen=True)
class Offset:
    """How what came lies to the song, at the song's rate. lag: frames it comes late. frames: its length."""

    lag: int
    frames: int


def measured(song: Song, tracks: Sequence[Path]) -> Offset:
    """Read all tracks to their ends and lay their sum over the song. Raises Damaged."""
    compared, frames = _Comparison(song), 0
    sums = _summed([_track(path, song) for path in tracks], song.channels)
    for ours, theirs in _side_by_side(Sound.open(song.path).blocks(), sums, song.channels):
        compared.add(ours, theirs)
        frames += theirs.shape[1]
    lag = compared.lag()
    for path in tracks:
        _check_length(path, song, lag)
    return Offset(lag, frames)


def mended(song: Song, parts: Mapping[str, Sequence[Path]], offset: Offset) -> dict[str, Stream]:
    """A stream for each stem, which begins where the song does. parts: the tracks that make up each; () is silence."""
    return {
        name: Stream(
            _shifted(_summed([_track(path, song) for path in paths], song.channels), offset.lag, song.channels)
        )
        for name, paths in parts.items()
    }


class Stream:
    """Held open: blocks of sound [channels, frames] that are taken in pieces of any size; silence after the end."""

    def __init__(self, blocks: Iterator[Floats]) -> None:
        self._blocks = blocks
        self._held: list[Floats] = []

    def take(self, frames: int, channels: int) -> Floats:
        """The next frames. Raises Damaged."""
        there = sum(block.shape[1] for block in self._held)
        while there < frames and (block := next(self._blocks, None)) is not None:
            self._held.append(block)
            there += block.shape[1]
        sound = np.concatenate([np.zeros((channels, 0), np.float32), *self._held], axis=1)
        self._held = [sound[:, frames:]]
        return _padded(sound[:, :frames], frames)


class _Comparison:
    """Sums over blocks of the song: its correlation with the tracks at each lag, and the power of both."""

    def __init__(self, song: Song) -> None:
        self._every = -(-song.frames // (_BLOCK * _COMPARED))
        self._size = scipy.fft.next_fast_len(_BLOCK + 2 * _MOST_LAG, real=True)
        self._products, self._theirs = np.zeros(2 * _MOST_LAG + 1), np.zeros(2 * _MOST_LAG + 1)
        self._ours, self._samples, self._count = 0.0, 0, 0
        self._silence = np.zeros((song.channels, _BLOCK), np.float32)
        self._last, self._middle, self._song = self._silence, self._silence, self._silence

    def add(self, ours: Floats, theirs: Floats) -> None:
        """The next block of both. A block needs the tracks on both sides of it, so it is compared one later."""
        ahead = _padded(theirs, _BLOCK)
        if self._count and (self._count - 1) % self._every == 0 and self._song.any():
            around = (self._last[:, -_MOST_LAG - 1 :], self._middle, ahead[:, :_MOST_LAG])
            self._compare(self._song, np.concatenate(around, axis=1))
        self._last, self._middle, self._song = self._middle, ahead, _padded(ours, _BLOCK)
        self._count += 1

    def lag(self) -> int:
        """Frames that the tracks come late. Raises Damaged where they are another song."""
        self._every = 1
        self.add(self._silence, self._silence)
        if not self._ours:
            return 0
        likeness = self._products / np.sqrt(self._ours * np.maximum(self._theirs, 1e-12 * self._ours))
        best = int(np.argmax(likeness))
        if likeness[best] < _LEAST_LIKENESS:
            if self._ours > _QUIET**2 * self._samples:
                raise Damaged("what came back is not this song")
            return 0
        return best - _MOST_LAG if likeness[best] > likeness[_MOST_LAG] + 1e-9 else 0

    def _compare(self, ours: Floats, theirs: Floats) -> None:
        """Differences of samples instead of samples: a sharper peak, and no constant offset."""
        one, two = np.diff(ours, prepend=ours[:, :1]).astype(float), np.diff(theirs).astype(float)
        spectrum = np.conj(scipy.fft.rfft(one, self._size)) * scipy.fft.rfft(two, self._size)
        self._products += scipy.fft.irfft(spectrum.sum(axis=0), self._size)[: len(self._products)]
        power = np.concatenate([[0.0], np.cumsum(np.square(two).sum(axis=0))])
        self._theirs += power[_BLOCK:] - power[: len(self._theirs)]
        self._ours += float(np.square(one).sum())
        self._samples += one.size


def _side_by_side(one: Iterator[Floats], two: Iterator[Floats], channels: int) -> Iterator[tuple[Floats, Floats]]:
    """Blocks of one size of both, to the end of the longer; each is cut where it ends."""
    first, second = _sized(one, channels), _sized(two, channels)
    nothing = np.zeros((channels, 0), np.float32)
    while True:
        ours, theirs = next(first, nothing), next(second, nothing)
        if not ours.shape[1] and not theirs.shape[1]:
            return
        yield ours, theirs


def _sized(blocks: Iterable[Floats], channels: int) -> Iterator[Floats]:
    """The same sound in blocks of `_BLOCK` frames, the last one shorter."""
    held, there = [np.zeros((channels, 0), np.float32)], 0
    for block in blocks:
        held.append(block)
        there += block.shape[1]
        while there >= _BLOCK:
            sound = np.concatenate(held, axis=1)
            yield sound[:, :_BLOCK]
            held, there = [sound[:, _BLOCK:]], there - _BLOCK
    if there:
        yield np.concatenate(held, axis=1)


def _summed(tracks: Sequence[Iterator[Floats]], channels: int) -> Iterator[Floats]:
    """The sum of sounds, as long as the longest."""
    sized = [_sized(track, channels) for track in tracks]
    nothing = np.zeros((channels, 0), np.float32)
    while True:
        blocks = [next(track, nothing) for track in sized]
        frames = max((block.shape[1] for block in blocks), default=0)
        if not frames:
            return
        yield sum((_padded(block, frames) for block in blocks[1:]), _padded(blocks[0], frames))


def _shifted(blocks: Iterator[Floats], lag: int, channels: int) -> Iterator[Floats]:
    if lag < 0:
        yield np.zeros((channels, -lag), np.float32)
    for block in blocks:
        if lag < block.shape[1]:
            yield block[:, max(0, lag) :]
        lag = max(0, lag - block.shape[1]) if lag > 0 else 0


def _padded(block: Floats, frames: int) -> Floats:
    missing = frames - block.shape[1]
    return np.pad(block, ((0, 0), (0, missing))) if missing > 0 else block


def _track(path: Path, song: Song) -> Iterator[Floats]:
    """A track at the song's rate, with its channels. Raises Damaged."""
    try:
        sound = Sound.open(path, fold=True)
        blocks = _checked(sound, path)
        yield from resample((_with_channels(block, song.channels) for block in blocks), sound.rate, song.rate)
    except InputError as error:
        raise Damaged(f"a track cannot be read ({error.what})", path) from error


def _with_channels(block: Any, channels: int) -> Any:
    """Mono is copied, stereo is averaged."""
    if block.shape[0] == channels:
        return block
    return np.repeat(block, channels, axis=0) if block.shape[0] == 1 else block.mean(axis=0, keepdims=True)


def _checked(sound: Sound, path: Path) -> Iterator[Floats]:
    """Its blocks. A FLAC file says the MD5 of its samples, which its decoder does not look at. Raises Damaged."""
    said, bits = _md5_of(path)
    digest = hashlib.md5(usedforsecurity=False)
    for block in sound.blocks():
        if said:
            whole = np.rint(block.T.astype(np.float64) * (1 << (bits - 1))).astype("<i4")
            octets = np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 4)
            digest.update(np.ascontiguousarray(octets[:, : bits // 8]).tobytes())
        yield block
    if said and digest.digest() != said:
        raise Damaged("a track was damaged on its way", path)


def _md5_of(path: Path) -> tuple[bytes, int]:
    """What the head of a FLAC file says (RFC 9639, section 8.2), b"" where nothing, or nothing that can be checked."""
    with path.open("rb") as file:
        head = file.read(42)
    bits = (int.from_bytes(head[20:22], "big") >> 4 & 31) + 1 if len(head) == 42 else 0
    if not head.startswith(b"fLaC") or bits not in (16, 24):
        return b"", bits
    return head[26:42] if any(head[26:42]) else b"", bits


def _check_length(path: Path, song: Song, lag: int) -> None:
    sound = Sound.open(path, fold=True)
    seconds = sound.frames / sound.rate - lag / song.rate
    if seconds < song.seconds - _SHORT_SECONDS:
        raise Damaged(f"a track ends after {seconds:.1f} s of {song.seconds:.1f} s", path)
