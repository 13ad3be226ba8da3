"""Segments, windows, overlap-add: physics with networks of a few lines."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stem_cli import overlap
from stem_cli.errors import EngineError, UsageError
from stem_cli.overlap import Part, separate, shifted_starts


def echo(batch: np.ndarray, stems: int) -> np.ndarray:
    """Every stem is the mix."""
    return np.repeat(batch[:, None], stems, axis=1)


def lift(batch: np.ndarray, stems: int) -> np.ndarray:
    """Not the same at every place and level, as with a real network: stem k is k + what is left of the chunk's mean."""
    left = batch - batch.mean(axis=2, keepdims=True)
    return left[:, None] * np.linspace(1, 2, batch.shape[2], dtype=np.float32) + np.arange(stems)[:, None, None]


@dataclass
class Stub:
    """A network of one line, which keeps what it was fed. widths: what chunks are padded to, by the rule named."""

    segment: int = 100
    stems: int = 2
    batch: int = 1
    rule: str = "segment"
    does: Callable[[np.ndarray, int], np.ndarray] = echo
    fed: list[np.ndarray] = field(default_factory=list)

    def valid_length(self, frames: int) -> int:
        """As HTDemucs (always a segment), HDemucs (as it is) and Demucs (a little more, in steps) do."""
        return {"segment": self.segment, "bare": frames, "steps": -(-frames // 7) * 7 + 6}[self.rule]

    def forward(self, batch: np.ndarray) -> np.ndarray:
        """What `does` says."""
        self.fed.append(batch.copy())
        return self.does(batch, self.stems).astype(np.float32)


def noise(frames: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    song = np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)
    song.flags.writeable = False
    return song


def cut(song: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (song[:, first : first + size] for first in range(0, song.shape[1], size))


def together(blocks: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(blocks), axis=2)


def made(song: np.ndarray, *parts: Part, share: float = 0.25, starts: Any = None, size: int = 64) -> np.ndarray:
    return together(separate(cut(song, size), parts, share, starts or [(0,)] * len(parts)))


def part(network: Stub, *weights: float) -> Part:
    return Part(network, weights or (1.0,) * network.stems)


def slowly(song: np.ndarray, network: Stub, share: float, start: int) -> np.ndarray:
    """One lane over the whole song at once, float64, after the words of the module's docstring."""
    frames, segment = song.shape[1], network.segment
    room = 2 * segment + 50
    padded = np.pad(song, ((0, 0), (room - start, room)))
    sums = np.zeros((network.stems, len(song), frames - start))
    weights = np.zeros(frames - start)
    triangle = np.minimum(np.arange(1, segment + 1), np.arange(segment, 0, -1)) / ((segment + 1) // 2)
    for first in range(0, frames - start, int((1 - share) * segment)):
        count = min(segment, frames - start - first)
        wide = network.valid_length(count)
        left = (wide - count) // 2
        fed = padded[:, room + first - left :][None, :, :wide]
        assert fed.shape[2] == wide
        found = network.does(fed, network.stems)[0][..., left : left + count]
        sums[..., first : first + count] += triangle[:count] * found
        weights[first : first + count] += triangle[:count]
    return (sums / weights)[..., -start:]


SONGS = st.builds(noise, st.integers(1, 900), st.integers(1, 2), st.integers(0, 9))
STUBS = st.builds(
    Stub,
    segment=st.integers(2, 150),
    stems=st.just(2),
    batch=st.integers(1, 5),
    rule=st.sampled_from(["segment", "bare", "steps"]),
)
STARTS = st.lists(st.integers(-200, 0), min_size=1, max_size=3)
SHARES = st.sampled_from([0, 0.1, 0.25, 0.4, 0.5])


@given(SONGS, STUBS, SHARES, STARTS, st.integers(1, 1000))
@settings(deadline=None, max_examples=150)
def test_a_network_that_changes_nothing_gives_the_song(
    song: np.ndarray, network: Stub, share: float, starts: list[int], size: int
) -> None:
    stems = made(song, part(network), share=share, starts=[starts], size=size)
    assert stems.dtype == np.float32
    np.testing.assert_allclose(stems, echo(song[None], 2)[0], rtol=0, atol=1e-6)


@given(SONGS, st.lists(STUBS, min_size=1, max_size=3), SHARES, STARTS, st.integers(1, 300), st.data())
@settings(deadline=None, max_examples=150)
def test_a_stream_gives_what_the_whole_song_at_once_gives(
    song: np.ndarray, networks: list[Stub], share: float, starts: list[int], size: int, data: st.DataObject
) -> None:
    weights = [data.draw(st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * 2)) for _ in networks[1:]] + [(0.5, 2.0)]
    wanted = np.zeros((2, *song.shape))
    for network, row in zip(networks, weights, strict=True):
        network.does = lift
        lanes = [slowly(song, network, share, start) for start in starts]
        wanted += np.mean(lanes, axis=0) * np.array(row)[:, None, None]
    wanted /= np.sum(weights, axis=0)[:, None, None]
    parts = [Part(network, row) for network, row in zip(networks, weights, strict=True)]
    stems = made(song, *parts, share=share, starts=[starts] * len(parts), size=size)
    np.testing.assert_allclose(stems, wanted, rtol=0, atol=1e-5)


def test_constants_stay_constant_up_to_both_ends() -> None:
    network = Stub(
        stems=3, does=lambda batch, stems: np.ones((len(batch), stems, *batch.shape[1:])) * [[[0]], [[1]], [[2]]]
    )
    stems = made(noise(777), part(network), starts=[(-30, -7)])
    np.testing.assert_allclose(stems, np.broadcast_to([[[0]], [[1]], [[2]]], stems.shape), rtol=1e-6)


def test_a_bag_weighs_each_stem_by_itself() -> None:
    one = Stub(does=lambda batch, stems: echo(batch, stems) * 0 + 1)
    three = Stub(segment=64, does=lambda batch, stems: echo(batch, stems) * 0 + 3)
    stems = made(noise(500), part(one, 1, 3), part(three, 1, 1))
    np.testing.assert_allclose(stems[0], 2, rtol=1e-6)
    np.testing.assert_allclose(stems[1], 1.5, rtol=1e-6)


def test_what_a_network_says_of_a_stem_without_weight_is_not_used() -> None:
    bad = Stub(does=lambda batch, stems: echo(batch, stems) * np.float32(np.nan))
    song = noise(300)
    half = Stub(does=lambda batch, stems: np.stack([batch, batch * np.float32(np.nan)], axis=1))
    stems = made(song, part(half, 1, 0), part(Stub(), 0, 1), part(bad, 0, 0))
    np.testing.assert_allclose(stems, echo(song[None], 2)[0], atol=1e-6)
    assert not bad.fed


def test_the_last_chunk_sees_the_song_around_it_and_silence_beyond() -> None:
    song, network = noise(230), Stub(segment=100, rule="segment")
    made(song, part(network))
    around = np.pad(song, ((0, 0), (200, 200)))
    firsts = [0, 75, 150 - 10, 225 - 47]  # the last two hold 80 and 5 frames, in the middle of a segment
    assert [fed.shape for fed in network.fed] == [(1, 2, 100)] * 4
    for fed, first in zip(network.fed, firsts, strict=True):
        np.testing.assert_array_equal(fed[0], around[:, 200 + first : 300 + first])


def test_chunks_are_not_padded_where_the_network_takes_any_length() -> None:
    network = Stub(segment=100, rule="bare", batch=8)
    song = noise(230)
    made(song, part(network))
    assert [fed.shape for fed in network.fed] == [(2, 2, 100), (1, 2, 80), (1, 2, 5)]
    np.testing.assert_array_equal(network.fed[2][0], song[:, 225:])


def test_a_network_that_wants_more_than_a_segment_gets_the_song_around_it() -> None:
    song, network = noise(500), Stub(segment=100, rule="steps")  # 111 frames: 5 before, 6 after
    made(song, part(network), size=1)
    np.testing.assert_array_equal(network.fed[1][0], song[:, 75 - 5 : 175 + 6])
    np.testing.assert_array_equal(network.fed[0][0], np.pad(song[:, :106], ((0, 0), (5, 0))))


def test_segments_before_the_song_are_not_run() -> None:
    network = Stub(segment=100)
    made(noise(100), part(network), starts=[(-175,)])
    assert len(network.fed) == 2  # from 0 and from 75, not from -175 (ends at -75) and -100 (ends at 0)


def test_lanes_share_batches_and_batches_stay_small() -> None:
    network = Stub(batch=3)
    made(noise(1000), part(network), starts=[(0, -20, -40, -60)])
    sizes = [len(fed) for fed in network.fed]
    assert sizes[:-1] == [3] * (len(sizes) - 1)
    assert sum(sizes) == sum(len(range(start, 1000, 75)) for start in (0, -20, -40, -60))


def test_a_batch_that_shrinks_in_mid_song_changes_nothing() -> None:
    song, network = noise(2000), Stub(batch=8, does=lift)
    wanted = made(song, part(Stub(does=lift)))

    def shrinking(batch: np.ndarray, stems: int) -> np.ndarray:
        network.batch = max(1, network.batch // 2)
        return lift(batch, stems)

    network.does = shrinking
    np.testing.assert_array_equal(made(song, part(network)), wanted)
    assert [len(fed) for fed in network.fed][:5] == [8, 4, 2, 1, 1]


@pytest.mark.parametrize("batch", [1, 4])
def test_input_runs_ahead_by_no_more_than_a_batch(batch: int) -> None:
    network, read, given_out = Stub(batch=batch), 0, 0
    song = noise(3000)

    def counted() -> Iterator[np.ndarray]:
        nonlocal read
        for block in cut(song, 10):
            read += block.shape[1]
            yield block

    for stems in separate(counted(), [part(network)], 0.25, [(0,)]):
        given_out += stems.shape[2]
        assert read <= given_out + 100 + (batch - 1) * 75 + 10


def test_one_hour_takes_the_memory_of_three_minutes() -> None:
    def peak(seconds: int) -> int:
        block = noise(44100, channels=1)
        network = Stub(segment=343980, stems=1, does=lambda batch, _: batch[:, None])
        network.fed = Forgetful()
        frames = 0
        tracemalloc.start()
        for stems in separate((block for _ in range(seconds)), [part(network)], 0.25, [(-1000,)]):
            frames += stems.shape[2]
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert frames == seconds * 44100
        return used

    assert peak(3600) < 1.05 * peak(180) < 16e6  # four segments of one channel are 5.5 MB


class Forgetful(list[np.ndarray]):
    """Keeps nothing of what a network was fed."""

    def append(self, _: np.ndarray) -> None:
        """Forget it."""


def test_blocks_given_out_are_not_written_into_and_blocks_taken_in_neither() -> None:
    song, now, then = noise(1000), [], []
    for stems in separate(cut(song, 30), [part(Stub())], 0.5, [(0, -50)]):  # the song is read-only
        now.append(stems)
        then.append(stems.copy())
        stems[:] = stems  # the caller may
    for one, other in zip(now, then, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_song_in_one_block_comes_out_in_many() -> None:
    song = noise(3 * overlap.LONGEST_BLOCK)
    stems = list(separate(iter([song]), [part(Stub(segment=1000))], 0.25, [(0,)]))
    assert max(each.shape[2] for each in stems) <= overlap.LONGEST_BLOCK
    np.testing.assert_allclose(together(iter(stems))[0], song, atol=1e-6)


def test_an_empty_song_gives_nothing() -> None:
    network = Stub()
    assert list(separate(iter(()), [part(network)], 0.25, [(0,)])) == []
    assert list(separate(iter([np.zeros((2, 0), np.float32)] * 3), [part(network)], 0.25, [(-50,)])) == []
    assert network.fed == []


def test_closing_ends_the_song_as_well() -> None:
    closed = False

    def blocks() -> Iterator[np.ndarray]:
        nonlocal closed
        try:
            yield from cut(noise(10_000), 100)
        finally:
            closed = True

    network = Stub()
    stems = separate(blocks(), [part(network)], 0.25, [(0,)])
    next(stems)
    calls = len(network.fed)
    stems.close()  # type: ignore[attr-defined]
    assert closed
    assert len(network.fed) == calls
    assert list(stems) == []


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_an_overlap_that_makes_no_sense_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="overlap"):
        separate(cut(noise(100), 10), [part(Stub())], share, [(0,)])


def test_an_overlap_without_a_step_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no step between segments of 100 frames\. Choose a smaller overlap"):
        separate(cut(noise(100), 10), [part(Stub())], 0.995, [(0,)])


def test_a_stem_without_a_network_is_refused() -> None:
    with pytest.raises(EngineError, match="stem 2"):
        separate(cut(noise(100), 10), [part(Stub(), 1, 0), part(Stub(), 1, 0)], 0.25, [(0,), (0,)])


def test_shifts_are_drawn_from_the_seed_network_by_network() -> None:
    assert shifted_starts(seed=1, networks=2, shifts=0, most=10) == ((0,), (0,))
    drawn = Random(7)
    wanted = [drawn.randint(0, 22050) - 22050 for _ in range(6)]
    assert shifted_starts(seed=7, networks=2, shifts=3, most=22050) == (tuple(wanted[:3]), tuple(wanted[3:]))
    with pytest.raises(UsageError, match="-1 shifts"):
        shifted_starts(seed=7, networks=2, shifts=-1, most=22050)
