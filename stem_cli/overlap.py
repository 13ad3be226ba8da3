"""A song of any length through a network of fixed length: segments, windows, overlap-add, batches, shifts, bags.

The song streams through: of the mix only what a later segment can still need is kept, of the stems only what a later
segment still adds to. Outside of the song everything is zero.

One *lane* is one overlap-add along the song: segments of S frames, the first at the lane's start (0 or a little before
the song), the next int((1 - overlap) * S) frames later, as long as they start within the song. Segments are weighted,
added, and divided by the sum of the weights. A network's lanes are averaged, the networks of a bag added up by their
weights for each stem.

How the segments are weighted and what becomes of the last ones is the network's `Joint`. That of Demucs is `TRIANGLE`:
the last segments, shorter than S, are padded to the length that the network asks for with the mix around them. Scheme
and order of the sums are those of Demucs 4.1.0 (`demucs/apply.py`, apply_model), so that the same network in float32
gives the same bits, one segment at a time. There, a shift by `offset` pads the song with `most` zeros and cuts off
`offset` of them: the same as a lane that starts at `offset - most`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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


def triangle(segment: int, frames: int) -> Floats:
    """The weight of each of a segment's first frames: rises to 1 in the middle of it and falls again, never 0.

    >>> triangle(5, 4).tolist()
    [0.3333333432674408, 0.6666666865348816, 1.0, 0.6666666865348816]
    """
    half = segment // 2
    rising, falling = np.arange(1, half + 1, dtype=np.float32), np.arange(segment - half, 0, -1, dtype=np.float32)
    steps = np.concatenate([rising, falling])
    steps /= steps.max()
    return steps[:frames]


@dataclass(frozen=True)
class Joint:
    """How the segments of a network become a song.

    window: weights of the first `frames` of a segment, above 0, by the segment's length and `frames`.
    centred: a segment with less of the song than the network wants lies in the middle of what it is given, with the mix
    around it; else at its start. last_moved: the last segment ends with the song, if need be it begins earlier than its
    turn; then no other one reaches beyond the song. tail: how many frames of silence after the song count as song to
    the last segments, by the song's length; None is endless, so that all segments are whole.
    """

    window: Callable[[int, int], Floats] = triangle
    centred: bool = True
    last_moved: bool = False
    tail: Callable[[int], int] | None = lambda frames: 0  # noqa: ARG005


TRIANGLE = Joint()


@dataclass(frozen=True)
class Part:
    """One network of a bag. weights: of each of its stems; where one is 0, what the network says of it is not used.

    stride: frames from one segment to the next, None is what `overlap` says.
    """

    network: Network
    weights: tuple[float, ...]
    joint: Joint = TRIANGLE
    stride: int | None = None


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
        if _stride(part, overlap) < 1:
            what = f"an overlap of {overlap:g} leaves no step between segments of {part.network.segment} frames"
            raise UsageError(what, None, "Choose a smaller overlap.")
    totals: list[float] = np.add.reduce([part.weights for part in parts], axis=0).tolist()
    if 0 in totals:
        raise EngineError(f"no network of the bag has a weight for stem {totals.index(0) + 1}")
    return _stream(_pieces(blocks), parts, totals, overlap, starts)


def _stride(part: Part, overlap: float) -> int:
    return int((1 - overlap) * part.network.segment) if part.stride is None else part.stride


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
        final = min([mix.end, *(run.final for run in runs)])
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
    """One overlap-add along the song. start: of its next segment."""

    def __init__(self, start: int, rows: tuple[int, ...]) -> None:
        self.start = start
        self.sums = _Tape(rows)
        self.weights = _Tape(())

    def add(self, start: int, chunk: Floats, weights: Floats, wanted: Iterable[int]) -> None:
        """Add a segment, [stems, channels, frames], without what lies before the song."""
        skipped, end = max(0, -start), start + chunk.shape[-1]
        weights = weights[skipped:]
        self.sums.grow(end)
        self.weights.grow(end)
        sums = self.sums.part(start + skipped, end)
        for row, stem in enumerate(wanted):
            sums[row] += weights * chunk[stem, :, skipped:]
        self.weights.part(start + skipped, end)[:] += weights


class _Run:
    """One network on its way through the song. wanted: the stems with a weight."""

    def __init__(self, part: Part, overlap: float, starts: Sequence[int], channels: int) -> None:
        self.network, self.channels, self.joint = part.network, channels, part.joint
        self.wanted = {stem: weight for stem, weight in enumerate(part.weights) if weight}
        self.stride = _stride(part, overlap)
        self.window = part.joint.window(part.network.segment, part.network.segment)
        self.longest = part.network.valid_length(part.network.segment)
        self.lanes = [_Lane(self._first(start), (len(self.wanted), channels)) for start in starts]

    def _first(self, start: int) -> int:
        """Start of the first segment that reaches into the song."""
        return start + self.stride * max(0, (-start - self.network.segment) // self.stride + 1)

    @property
    def final(self) -> int:
        """What lies before this frame will not change any more."""
        start = min(lane.start for lane in self.lanes)
        return start - self.stride if self.joint.last_moved else start

    @property
    def oldest(self) -> int:
        """First frame that the next segments can need: a last one of a single frame, padded, reaches furthest back."""
        return self.final - self.longest // 2 if self.joint.centred else self.final

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
        while ready := self._ready(mix.end, most := max(1, self.network.batch), ended=ended):
            if len(ready) < most and not ended:
                return
            self._forward(mix, ready, ended=ended)
        if ended:
            for lane in self.lanes:
                lane.start = max(lane.start, mix.end + self.stride)

    def _ready(self, end: int, most: int, *, ended: bool) -> list[tuple[int, int]]:
        """The earliest `most` segments that `end` frames are enough for: the start of each, the place of its lane."""
        nexts = (self._starts(lane, end, ended=ended)[:most] for lane in self.lanes)
        return sorted((start, place) for place, starts in enumerate(nexts) for start in starts)[:most]

    def _starts(self, lane: _Lane, end: int, *, ended: bool) -> Sequence[int]:
        """Where the next segments of a lane start."""
        if ended and not self.joint.last_moved:
            return range(lane.start, end, self.stride)
        before = (self.longest - self.network.segment) // 2 if self.joint.centred else 0
        ahead = self.longest - before  # to the end of what a segment is padded with
        whole = range(lane.start, end - ahead + 1, self.stride)
        reached = whole[-1] + self.network.segment if whole else lane.sums.end
        return [*whole, max(0, end - self.network.segment)] if ended and reached < end else whole

    def _forward(self, mix: _Tape, ready: Sequence[tuple[int, int]], *, ended: bool) -> None:
        """Run the first of the segments and those after it that are padded to the same length."""
        frames = [self._frames(start, mix.end, ended=ended) for start, _ in ready]
        padded = [self.network.valid_length(each) for each in frames]
        alike = len(list(takewhile(lambda each: each == padded[0], padded)))
        batch = np.zeros((alike, self.channels, padded[0]), np.float32)
        before = [(padded[0] - each) // 2 if self.joint.centred else 0 for each in frames[:alike]]
        for row, (start, _), left in zip(batch, ready, before, strict=False):
            mix.copy(start - left, row)
        for found, (start, place), left, each in zip(self.network.forward(batch), ready, before, frames, strict=False):
            weights = self.window if each == self.network.segment else self.joint.window(self.network.segment, each)
            self.lanes[place].add(start, found[..., left : left + each], weights, self.wanted)
            self.lanes[place].start = start + self.stride

    def _frames(self, start: int, end: int, *, ended: bool) -> int:
        """How much of a segment counts: less than all of it only at the end of the song."""
        if not ended or self.joint.tail is None:
            return self.network.segment
        return min(self.network.segment, end + self.joint.tail(end) - start)
