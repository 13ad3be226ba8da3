"""A song of any length through a network of fixed length: segments, windows, overlap-add, batches, shifts, bags.

The song streams through: of the mix only what a later segment can still need is kept, of the stems only what a later
segment still adds to. Outside of the song everything is zero.

One *lane* is one overlap-add along the song: segments of S frames, the first at the lane's start (0 or a little before
the song), the next int((1 - overlap) * S) frames later, as long as they start within the song. The last ones, shorter
than S, are padded to the length that the network asks for with the mix around them. Segments are weighted by a
triangle, added, and divided by the sum of the weights. A network's lanes are averaged, the networks of a bag added up
by their weights for each stem. Scheme and order of the sums are those of Demucs 4.1.0 (`demucs/apply.py`, apply_model),
so that the same network in float32 gives the same bits, one segment at a time. There, a shift by `offset` pads the song
with `most` zeros and cuts off `offset` of them: the same as a lane that starts at `offset - most`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from random import Random
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stem_cli.errors import EngineError, UsageError

LONGEST_BLOCK = 1 << 16  # frames taken in or handed out at once, 1.5 s: one stem of it stays in the processor's cache

Floats = NDArray[np.float32]


class Network(Protocol):
    """What `separate` needs to know of a network."""

    @property
    def stems(self) -> int:
        """How many stems it gives."""

    @property
    def segment(self) -> int:
        """Frames of a full segment."""

    @property
    def batch(self) -> int:
        """How many segments it likes at once; asked before every call, so it may change along the way."""

    def valid_length(self, frames: int) -> int:
        """What a chunk of 1..segment frames is padded to: `frames` or more, and never less for a longer chunk."""

    def forward(self, batch: Floats) -> Floats:
        """Float32 [segments, channels, frames] to float32 [segments, stems, channels, frames]."""


@dataclass(frozen=True)
class Part:
    """One network of a bag. weights: of each of its stems; where one is 0, what the network says of it is not used."""

    network: Network
    weights: tuple[float, ...]


def shifted_starts(seed: int, networks: int, shifts: int, most: int) -> tuple[tuple[int, ...], ...]:
    """Where each lane of each network starts: frames, 0 without shifts, else drawn from -most..0 by `seed`.

    The offsets are those that Demucs would draw from a `random.Random(seed)` of its own; its `most` is half a second.
    (After a mere `random.seed(seed)` only its first offset is: HTDemucs draws from the same numbers in every call.)

    >>> shifted_starts(seed=0, networks=2, shifts=0, most=22050)
    ((0,), (0,))
    """
    if shifts < 0:
        raise UsageError(f"{shifts} shifts cannot be made", None, "Choose 0 or more.")
    random = Random(seed)  # noqa: S311 - nothing secret
    lanes = tuple(tuple(random.randint(0, most) - most for _ in range(shifts)) for _ in range(networks))
    return lanes if shifts else ((0,),) * networks


def separate(
    blocks: Iterable[Floats], parts: Sequence[Part], overlap: float, starts: Sequence[Sequence[int]]
) -> Iterator[Floats]:
    """Stems of a song that comes in blocks float32 [channels, any number of frames], which are not written into.

    parts: one network or a bag of several. overlap: 0 <= overlap < 1 of a segment is shared with the next.
    starts: for each part where its lanes start, 0 or less (`shifted_starts`).
    Yields consecutive blocks float32 [stems, channels, frames], with as many frames in all as came in; they are the
    caller's. A batch waits until it is full or the song ends: that is how far input runs ahead of output.
    Raises UsageError for an overlap that leaves no step between segments, EngineError for a stem without weight.
    """
    if not 0 <= overlap < 1:
        raise UsageError(f"segments cannot overlap by {overlap:g} of their length", None, "Choose 0 <= overlap < 1.")
    for part in parts:
        if _stride(part.network, overlap) < 1:
            what = f"an overlap of {overlap:g} leaves no step between segments of {part.network.segment} frames"
            raise UsageError(what, None, "Choose a smaller overlap.")
    totals: list[float] = np.add.reduce([part.weights for part in parts], axis=0).tolist()
    if 0 in totals:
        raise EngineError(f"no network of the bag has a weight for stem {totals.index(0) + 1}")
    return _stream(_pieces(blocks), parts, totals, overlap, starts)


def _stride(network: Network, overlap: float) -> int:
    return int((1 - overlap) * network.segment)


def _triangle(frames: int) -> Floats:
    """The weight of each frame of a segment: rises to 1 in the middle and falls again, never 0.

    >>> _triangle(5).tolist()
    [0.3333333432674408, 0.6666666865348816, 1.0, 0.6666666865348816, 0.3333333432674408]
    """
    half = frames // 2
    steps = np.concatenate([np.arange(1, half + 1), np.arange(frames - half, 0, -1)]).astype(np.float32)
    steps /= steps.max()
    return steps


def _pieces(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """The same song in blocks that are neither empty nor long."""
    for block in blocks:
        for first in range(0, block.shape[1], LONGEST_BLOCK):
            yield block[:, first : first + LONGEST_BLOCK]


def _stream(
    pieces: Iterator[Floats],
    parts: Sequence[Part],
    totals: Sequence[float],
    overlap: float,
    starts: Sequence[Sequence[int]],
) -> Iterator[Floats]:
    head = next(pieces, None)
    if head is None:
        return
    mix, done = _Tape((len(head),)), 0
    told = zip(parts, starts, strict=True)
    runs = [_Run(part, overlap, lanes, len(head)) for part, lanes in told if any(part.weights)]
    for piece in chain((head,), pieces, (None,)):
        if piece is not None:
            mix.grow(mix.end + piece.shape[1])[:] = piece
        for run in runs:
            run.advance(mix, ended=piece is None)
        final = min(mix.end, *(lane.start for run in runs for lane in run.lanes))
        for first in range(done, final, LONGEST_BLOCK):
            yield _bag(runs, totals, first, min(final, first + LONGEST_BLOCK))
        done = max(done, final)
        for run in runs:
            run.forget(done)
        mix.forget(min(run.oldest for run in runs))


def _bag(runs: Sequence[_Run], totals: Sequence[float], first: int, last: int) -> Floats:
    """Frames first..last of every stem: the networks' averages times their weights, divided by the weights' sums."""
    stems = np.zeros((len(totals), runs[0].channels, last - first), np.float32)
    for run in runs:
        for stem, weight in run.wanted.items():
            average = run.average(stem, first, last)
            average *= weight
            stems[stem] += average
    for place, total in enumerate(totals):
        stems[place] /= total
    return stems


class _Tape:
    """Frames first..end of something as long as the song, held open: it grows at its end and forgets its start."""

    def __init__(self, rows: tuple[int, ...]) -> None:
        self.first = self.end = 0
        self._room = np.zeros((*rows, 0), np.float32)
        self._origin = 0  # frame of the song that lies at the start of the room

    def part(self, first: int, last: int) -> Floats:
        """Frames first..last, all of them kept; a view to read and write."""
        return self._room[..., first - self._origin : last - self._origin]

    def grow(self, end: int) -> Floats:
        """The frames from the end as it was to the new one: a view, zeros."""
        if end - self._origin > self._room.shape[-1]:
            kept = self.part(self.first, self.end)
            needed = end - self.first
            room = np.zeros((*kept.shape[:-1], needed + kept.shape[-1]), np.float32)  # a move pays for as many frames
            room[..., : kept.shape[-1]] = kept
            self._room, self._origin = room, self.first
        before, self.end = self.end, max(self.end, end)
        return self.part(before, self.end)

    def forget(self, before: int) -> None:
        """Frames before this one are not asked for again."""
        self.first = max(self.first, min(before, self.end))

    def copy(self, first: int, into: Floats) -> None:
        """Write the frames from `first` on, which may be before the song, into an array of zeros."""
        start, stop = max(0, first), min(self.end, first + into.shape[-1])
        if start < stop:
            into[..., start - first : stop - first] = self.part(start, stop)


class _Lane:
    """One overlap-add along the song. start: of its next segment; what lies before is final."""

    def __init__(self, start: int, rows: tuple[int, ...]) -> None:
        self.start = start
        self.sums = _Tape(rows)
        self.weights = _Tape(())

    def add(self, chunk: Floats, weights: Floats, wanted: Iterable[int], stride: int) -> None:
        """Add the next segment, [stems, channels, frames], without what lies before the song."""
        skipped, end = max(0, -self.start), self.start + chunk.shape[-1]
        weights = weights[skipped : chunk.shape[-1]]
        self.sums.grow(end)
        self.weights.grow(end)
        sums = self.sums.part(self.start + skipped, end)
        for row, stem in enumerate(wanted):
            sums[row] += weights * chunk[stem, :, skipped:]
        self.weights.part(self.start + skipped, end)[:] += weights
        self.start += stride


class _Run:
    """One network on its way through the song. wanted: the stems with a weight."""

    def __init__(self, part: Part, overlap: float, starts: Sequence[int], channels: int) -> None:
        self.network, self.channels = part.network, channels
        self.wanted = {stem: weight for stem, weight in enumerate(part.weights) if weight}
        self.stride = _stride(part.network, overlap)
        self.weights = _triangle(part.network.segment)
        self.longest = part.network.valid_length(part.network.segment)
        self.lanes = [_Lane(self._first(start), (len(self.wanted), channels)) for start in starts]

    def _first(self, start: int) -> int:
        """Start of the first segment that reaches into the song."""
        return start + self.stride * max(0, (-start - self.network.segment) // self.stride + 1)

    @property
    def oldest(self) -> int:
        """First frame that the next segments can need: a last one of a single frame, padded, reaches furthest back."""
        return min(lane.start for lane in self.lanes) - self.longest // 2

    def average(self, stem: int, first: int, last: int) -> Floats:
        """Frames first..last of a stem, [channels, frames], averaged over the lanes; the caller's."""
        row = list(self.wanted).index(stem)
        total = np.zeros((self.channels, last - first), np.float32)
        for lane in self.lanes:
            total += lane.sums.part(first, last)[row] / lane.weights.part(first, last)
        total /= len(self.lanes)
        return total

    def forget(self, before: int) -> None:
        """Frames before this one were handed out."""
        for lane in self.lanes:
            lane.sums.forget(before)
            lane.weights.forget(before)

    def advance(self, mix: _Tape, *, ended: bool) -> None:
        """Run the segments whose mix is there: in full batches, and the rest when the song has ended."""
        while True:
            most = max(1, self.network.batch)
            ready = self._ready(mix.end, most, ended=ended)
            if not ready or (len(ready) < most and not ended):
                return
            self._forward(mix, ready)

    def _ready(self, end: int, most: int, *, ended: bool) -> list[tuple[int, int]]:
        """The earliest `most` segments that `end` frames are enough for: the start of each, the place of its lane."""
        ahead = self.longest - (self.longest - self.network.segment) // 2  # to the end of what a segment is padded with
        stop = end if ended else end - ahead + 1
        nexts = (range(lane.start, stop, self.stride)[:most] for lane in self.lanes)
        return sorted((start, place) for place, starts in enumerate(nexts) for start in starts)[:most]

    def _forward(self, mix: _Tape, ready: Sequence[tuple[int, int]]) -> None:
        """Run the first of the segments and those after it that are padded to the same length."""
        frames = [min(self.network.segment, mix.end - start) for start, _ in ready]
        padded = [self.network.valid_length(each) for each in frames]
        alike = len(list(takewhile(lambda each: each == padded[0], padded)))
        batch = np.zeros((alike, self.channels, padded[0]), np.float32)
        before = [(padded[0] - each) // 2 for each in frames[:alike]]
        for row, (start, _), left in zip(batch, ready, before, strict=False):
            mix.copy(start - left, row)
        for found, (_, place), left, each in zip(self.network.forward(batch), ready, before, frames, strict=False):
            self.lanes[place].add(found[..., left : left + each], self.weights, self.wanted, self.stride)
