"""A song into vocals, drums, bass and other by signal processing alone: the embedded engine's work on arrays.

The song streams through in segments of 1.5 s (`stft`); each is judged (`evidence`, `repetition`, `company`), divided by
masks (`masks`) and turned back into sound. Decisions are made on frames counted from the song's start, so the stems are
the same bytes whatever the sizes of the blocks that come in and however many threads work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from stem_cli.dsp import company, evidence, masks, repetition
from stem_cli.dsp.medians import Floats
from stem_cli.dsp.stft import FRAMES_PER_SEGMENT, Complex, Joint, analyse, segments, synthesise, window_size

PAST_SEGMENTS = 24  # 36 s of what came before, searched for repetition
NEXT_SEGMENTS = 4  # 6 s of look-ahead
FOREGROUND_TOP_HZ = 8000.0  # a voice has little above; bounds what is remembered of the past
ROWS = 34  # frames judged at a time, half a segment and its company: their arrays stay in the processor's cache
EDGE = evidence.CONTEXT + company.NEAR_FRAMES  # frames needed of the neighbouring segments

T = TypeVar("T")


@dataclass(frozen=True)
class Song:
    """What is fixed along a song: its rate in Hz, its channels (1 or 2), and the window that follows from the rate."""

    rate: int
    channels: int
    window: int

    @property
    def bin_hz(self) -> float:
        """Distance between bins of the transform, about 11 Hz at any rate."""
        return self.rate / self.window

    @property
    def remembered_bins(self) -> int:
        """Number of bins searched for repetition, from 0 Hz up."""
        return min(self.window // 2 + 1, round(FOREGROUND_TOP_HZ / self.bin_hz))


@dataclass(frozen=True)
class Segment:
    """One segment: sound [channels, samples], the part of it to hand out, spectra [mid (and side), frames, bins]."""

    sound: Floats
    part: slice
    spectra: Complex


@dataclass(frozen=True)
class Memory:
    """What is remembered of a segment: magnitude [frames, remembered bins], fingerprints [frame pairs, bands], and the
    spectra of all bins in the frames at its two edges."""

    magnitude: Floats
    prints: Floats
    head: Complex
    tail: Complex


@dataclass(frozen=True)
class Surroundings:
    """The memories of neighbouring segments, oldest first, and which of them belongs to the segment in hand."""

    memories: tuple[Memory, ...]
    place: int

    def widen(self, spectra: Complex) -> Complex:
        """Spectra with EDGE frames more before and after them; silence where the song ends."""
        silence = np.zeros_like(self.memories[0].head)
        before = self.memories[self.place - 1].tail if self.place else silence
        after = self.memories[self.place + 1].head if self.place + 1 < len(self.memories) else silence
        return np.concatenate([before, spectra, after], axis=1)


def separate_blocks(
    blocks: Iterable[npt.NDArray[np.float32]], rate: int, channels: int, threads: int = 1
) -> Generator[dict[str, Floats], None, None]:
    """Divide a song that comes as blocks float32 [channels, any number of frames] of 1 or 2 channels.

    Yields blocks {vocals, drums, bass, other: float32 [channels, frames]} of about 1.5 s, in order, with lag 0 and as
    many frames in all as came in; their sum is the song but for rounding. ``rate`` is any in Hz.
    ``threads`` work on segments side by side; the result does not depend on their number.
    """
    if channels not in (1, 2):
        raise ValueError(f"1 or 2 channels, not {channels}")
    song, joint = Song(rate, channels, window_size(rate)), Joint()
    with ThreadPoolExecutor(threads) as pool:
        heard = (pool.submit(_hear, song, sound, part) for sound, part in segments(blocks, channels, song.window))
        tasks = _surrounded(_in_order(heard, threads))
        divided = (pool.submit(_divide, song, *task) for task in tasks)
        for segment, found in _in_order(divided, threads):
            yield _finished(segment, joint.join(found, song.window))


def _in_order(futures: Iterable[Future[T]], ahead: int) -> Iterator[T]:
    """The results of ``futures``, in their order, with ``ahead`` more of them started."""
    waiting: deque[Future[T]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _hear(song: Song, sound: Floats, part: slice) -> tuple[Segment, Memory]:
    """Transform a segment and keep what later ones need to know of it."""
    spectra = analyse(_mid_side(sound), song.window)
    magnitude = np.sqrt(_power(spectra[:, :, : song.remembered_bins]))
    prints = repetition.fingerprints(magnitude, song.bin_hz)
    memory = Memory(magnitude, prints, spectra[:, :EDGE].copy(), spectra[:, -EDGE:].copy())
    return Segment(sound, part, spectra), memory


def _surrounded(heard: Iterable[tuple[Segment, Memory]]) -> Iterator[tuple[Segment, Surroundings]]:
    """Each segment with its surroundings, as soon as the look-ahead is there."""
    waiting: deque[Segment] = deque()
    memories: deque[Memory] = deque(maxlen=PAST_SEGMENTS + 1 + NEXT_SEGMENTS)
    for segment, memory in heard:
        waiting.append(segment)
        memories.append(memory)
        if len(waiting) > NEXT_SEGMENTS:
            yield waiting.popleft(), Surroundings(tuple(memories), len(memories) - 1 - NEXT_SEGMENTS)
    while waiting:
        place = len(memories) - len(waiting)
        yield waiting.popleft(), Surroundings(tuple(memories), place)


def _divide(song: Song, segment: Segment, around: Surroundings) -> tuple[Segment, Floats]:
    """The stems named in `masks.STEMS` of a segment, as sound [stems, channels, samples] before it is joined."""
    found, near = _judge(song, segment, around)
    powers = masks.weights(song.window // 2 + 1, song.bin_hz)
    stems = np.empty((len(masks.STEMS), *segment.spectra.shape), np.complex64)
    for rows in _rows(FRAMES_PER_SEGMENT):
        inner = slice(rows.start + company.NEAR_FRAMES, rows.stop + company.NEAR_FRAMES)
        evidences = [*found[:, inner], *near[:, rows]]
        for channel in range(song.channels):
            shares = masks.estimate(evidences, powers[channel])
            np.multiply(shares, segment.spectra[channel, rows], out=stems[:, channel, rows])
    return segment, np.stack([_left_right(synthesise(stem, song.window)) for stem in stems])


def _judge(song: Song, segment: Segment, around: Surroundings) -> tuple[Floats, Floats]:
    """Evidence on each bin, [kinds, NEAR_FRAMES + frames + NEAR_FRAMES, bins], and on its company, [stems, ...]."""
    spectra, width = around.widen(segment.spectra), evidence.width(segment.spectra)
    power = _power(spectra)
    magnitude = np.sqrt(power)
    remembered = np.concatenate([memory.magnitude for memory in around.memories])
    prints = np.concatenate([memory.prints for memory in around.memories])
    like = repetition.like_frames(prints, around.place * FRAMES_PER_SEGMENT, FRAMES_PER_SEGMENT)
    like = np.pad(like, ((company.NEAR_FRAMES, company.NEAR_FRAMES), (0, 0)), mode="edge")
    bins = power.shape[1]
    found = np.empty((len(evidence.KINDS), len(like), bins), np.float32)
    bands = []
    first_look = masks.first_look(bins, song.bin_hz)
    for rows in _rows(len(like)):
        inner = slice(rows.start + evidence.CONTEXT, rows.stop + evidence.CONTEXT)
        wide = magnitude[rows.start : rows.stop + 2 * evidence.CONTEXT]
        repeated = repetition.repeated(remembered, like[rows])
        found[:, rows] = evidence.gather(spectra[:, inner], wide, repeated, width)
        shares = masks.estimate(found[:, rows], first_look)
        bands.append(company.pool(np.concatenate([shares * power[inner], power[None, inner]]), song.bin_hz))
    pooled = np.concatenate(bands, axis=1)
    return found, company.logs(pooled[:-1], pooled[-1], bins, song.bin_hz)


def _rows(frames: int) -> list[slice]:
    """Frames in groups whose arrays stay in the processor's cache."""
    return [slice(first, min(frames, first + ROWS)) for first in range(0, frames, ROWS)]


def _finished(segment: Segment, sound: Floats) -> dict[str, Floats]:
    """The part of a segment to hand out: the stems that masks gave, and what is left of the song."""
    part = {name: sound[place, :, segment.part] for place, name in enumerate(masks.STEMS)}
    rest = segment.sound[:, segment.part].copy()
    for stem in part.values():
        rest -= stem
    return {**part, masks.REST: rest}


def _power(spectra: Complex) -> Floats:
    """Power of all channels, [frames, bins], of spectra [channels, frames, bins]."""
    power: Floats = np.sum(np.square(spectra.real) + np.square(spectra.imag), axis=0)
    return power


def _mid_side(sound: Floats) -> Floats:
    """Left and right [2, samples] to mid and side; mono stays as it is."""
    if len(sound) == 1:
        return sound
    return np.stack([sound[0] + sound[1], sound[0] - sound[1]]) * np.float32(0.5)


def _left_right(sound: Floats) -> Floats:
    """The inverse of `_mid_side`."""
    return sound if len(sound) == 1 else np.stack([sound[0] + sound[1], sound[0] - sound[1]])
