"""The promise of the exact sum: the maths of one block, sample for sample, in integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from workshop import DEPTHS, rounded

from stem_cli import stems as table
from stem_cli.folder import exact

SETS = (table.FOUR, table.SIX, table.SEVEN, ("vocals", "other"), ("drums", "bass"), ("other",))
NASTY = (
    0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1 - 2.0**-15,
    1 - 2.0**-23,
    2.0**-16,
    -(2.0**-16),
    3 * 2.0**-17,
    1.5,
    -1.5,
    4.0,
    -4.0,
)
LEVELS = st.one_of(st.sampled_from(NASTY), st.floats(-1, 1, width=32), st.floats(-6, 6, width=32))


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A song and what some engine made of it; the stems need not have anything to do with the song."""
    names = draw(st.sampled_from(SETS))
    shape = draw(st.tuples(st.sampled_from((1, 2)), st.integers(1, 6)))
    values = st.lists(LEVELS, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    song, *stems = (np.array(draw(values), np.float32).reshape(shape) for _ in range(len(names) + 1))
    return song, dict(zip(names, stems, strict=True))


def flat(song: float, **stems: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One sample of each."""
    return np.array([[song]], np.float32), {name: np.array([[value]], np.float32) for name, value in stems.items()}


LOUD = flat(0.0, vocals=-1.0, drums=-1.0, bass=-1.0, other=0.0)


@pytest.mark.parametrize("depth", DEPTHS)
@given(block=blocks())
@settings(max_examples=150, deadline=None)
@example(block=LOUD)
def test_the_stems_of_any_block_add_up_to_the_song(depth: str, block: tuple) -> None:
    song, stems = block
    balance = exact.settle(song, stems, depth)
    assert np.array_equal(sum(part.astype(np.int64) for part in balance.parts.values()), rounded(song, depth))
    assert np.array_equal(balance.whole, rounded(song, depth))
    assert list(balance.parts) == list(stems)


@pytest.mark.parametrize("depth", DEPTHS)
@given(block=blocks())
@settings(max_examples=150, deadline=None)
@example(block=LOUD)
def test_every_stem_and_the_song_without_it_fit_the_depth(depth: str, block: tuple) -> None:
    low, high = exact.limits(depth)
    balance = exact.settle(*block, depth)
    for part in balance.parts.values():
        for samples in (part, exact.without(balance.whole, part)):
            assert samples.dtype == np.int32
            assert low <= samples.min()
            assert samples.max() <= high


@pytest.mark.parametrize("depth", [*DEPTHS, "float"])
@given(block=blocks())
@settings(max_examples=100, deadline=None)
def test_the_callers_arrays_stay_as_they_are(depth: str, block: tuple) -> None:
    song, stems = block
    before = song.copy(), {name: stem.copy() for name, stem in stems.items()}
    for array in (song, *stems.values()):
        array.flags.writeable = False
    exact.settle(song, stems, depth)
    assert np.array_equal(song, before[0])
    assert all(np.array_equal(stems[name], before[1][name]) for name in stems)


@pytest.mark.parametrize("depth", DEPTHS)
@given(block=blocks())
@settings(max_examples=100, deadline=None)
def test_a_stem_that_fits_is_only_rounded(depth: str, block: tuple) -> None:
    """Stems as an engine should make them, in range and adding up, change by no more than their rounding."""
    song, stems = block
    parts = {name: np.clip(stem, -1, 1) / 8 for name, stem in stems.items()}
    song = np.sum(list(parts.values()), axis=0, dtype=np.float32)
    balance = exact.settle(song, parts, depth)
    for name, part in parts.items():
        slack = len(parts) if name == (table.REMAINDER if table.REMAINDER in parts else list(parts)[-1]) else 1
        top = 2.0 ** (int(depth) - 1)
        assert np.abs(balance.parts[name] - part.astype(np.float64) * top).max() <= slack


@given(block=blocks())
@settings(max_examples=150, deadline=None)
def test_float_stems_add_up_to_float_rounding_and_are_not_clamped(block: tuple) -> None:
    song, stems = block
    balance = exact.settle(song, stems, "float")
    size = max(np.abs(array).max() for array in (song, *stems.values()))
    gap = sum(part.astype(np.float64) for part in balance.parts.values()) - song
    assert np.abs(gap).max() <= 2.0**-23 * len(stems) ** 2 * size
    remainder = table.REMAINDER if table.REMAINDER in stems else list(stems)[-1]
    assert all(np.array_equal(balance.parts[name], stems[name]) for name in stems if name != remainder)
    assert balance.whole is song
    assert balance.clipped == 0


@pytest.mark.parametrize("depth", DEPTHS)
@given(block=blocks())
@settings(max_examples=100, deadline=None)
def test_clipped_samples_are_counted(depth: str, block: tuple) -> None:
    top = 2.0 ** (int(depth) - 1)
    near = np.rint(block[0].astype(np.float64) * top)
    assert exact.settle(*block, depth).clipped == np.count_nonzero((near < -top) | (near > top - 1))


@given(block=blocks())
@settings(max_examples=100, deadline=None)
@example(block=LOUD)
@example(block=flat(0.25, vocals=-1.0, drums=0.300011, bass=-0.700003, other=0.0))
def test_16_bits_made_from_kept_24_bit_stems_are_the_same_16_bits(block: tuple) -> None:
    song, stems = block
    kept = exact.settle(song, stems, "24").parts
    again = exact.settle(song, {name: exact.to_floats(part, "24") for name, part in kept.items()}, "16")
    straight = exact.settle(song, stems, "16")
    for name in stems:
        assert np.array_equal(again.parts[name], straight.parts[name]), name


@pytest.mark.parametrize("depth", DEPTHS)
@given(block=blocks())
@settings(max_examples=100, deadline=None)
def test_settled_stems_stay_as_they_are_when_they_are_settled_again(depth: str, block: tuple) -> None:
    song, stems = block
    once = exact.settle(song, stems, depth).parts
    twice = exact.settle(song, {name: exact.to_floats(part, depth) for name, part in once.items()}, depth).parts
    assert all(np.array_equal(once[name], twice[name]) for name in stems)


@pytest.mark.parametrize("depth", DEPTHS)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_integers_survive_the_way_through_floats(depth: str, data: st.DataObject) -> None:
    low, high = exact.limits(depth)
    whole = np.array(data.draw(st.lists(st.integers(low, high), min_size=1, max_size=50)), np.int32)[None]
    back, clipped = exact.to_ints(exact.to_floats(whole, depth), depth)
    assert np.array_equal(back, whole)
    assert clipped == 0


def spilled(song: float, **stems: float) -> dict[str, int]:
    """Settled samples in 16 bits."""
    return {name: int(part[0, 0]) for name, part in exact.settle(*flat(song, **stems), "16").parts.items()}


def test_what_other_cannot_hold_goes_to_drums_first() -> None:
    assert spilled(0.5, vocals=-0.5, drums=0.0, bass=0.0, other=0.0) == {
        "vocals": -16383,  # no lower: the song without it must fit as well
        "drums": 0,
        "bass": 0,
        "other": 32767,
    }
    assert spilled(0.25, vocals=-0.5, drums=-0.25, bass=0.0, other=0.0) == {
        "vocals": -16384,
        "drums": -8192 + 1,
        "bass": 0,
        "other": 32767,
    }


def test_the_excess_goes_on_to_bass_and_then_to_vocals() -> None:
    full = 32767
    stems = {"vocals": -1.0, "drums": 1.0, "bass": -1.0, "guitar": -1.0, "other": 0.0}
    assert spilled(0.0, **stems) == {"vocals": -full, "drums": full, "bass": 0, "guitar": -full, "other": full}
    stems = {
        "vocals": -1.0,
        "drums": 1.0,
        "bass": 1.0,
        "guitar": -1.0,
        "piano": -1.0,
        "lead_vocals": -1.0,
        "other": 0.0,
    }
    assert spilled(0.0, **stems) == {
        "vocals": 0,
        "drums": full,
        "bass": full,
        "guitar": -full,
        "piano": -full,
        "lead_vocals": -full,
        "other": full,
    }


@pytest.mark.parametrize("depth", DEPTHS)
def test_silence_stays_silence(depth: str) -> None:
    silence = np.zeros((2, 100), np.float32)
    balance = exact.settle(silence, dict.fromkeys(table.FOUR, silence), depth)
    assert not any(part.any() for part in balance.parts.values())


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("level", [-1.0, 1.0, 1 - 2.0**-23])
def test_a_constant_at_full_scale_adds_up(depth: str, level: float) -> None:
    song = np.full((2, 64), level, np.float32)
    stems = {name: song * np.float32(share) for name, share in zip(table.FOUR, (2.0, -1.0, 0.7, 0.1), strict=True)}
    balance = exact.settle(song, stems, depth)
    assert np.array_equal(sum(balance.parts.values()), rounded(song, depth))


@pytest.mark.parametrize("depth", DEPTHS)
def test_square_waves_with_ringing_stems_add_up(depth: str) -> None:
    """Filters ring: each stem of a square wave at full scale overshoots, in turn upwards and downwards."""
    square = np.where(np.arange(4096) // 50 % 2, 1.0, -1.0).astype(np.float32)[None]
    ringing = np.random.default_rng(3).uniform(-0.5, 0.5, (4, 1, 4096)).astype(np.float32)
    stems = {name: square * np.float32(0.9) + ring for name, ring in zip(table.FOUR, ringing, strict=True)}
    balance = exact.settle(square, stems, depth)
    low, high = exact.limits(depth)
    assert np.array_equal(sum(balance.parts.values()), rounded(square, depth))
    assert all(low <= part.min() <= part.max() <= high for part in balance.parts.values())


@given(st.lists(st.integers(-(2**23), 2**23 - 1), min_size=2, max_size=20).filter(lambda some: len(some) % 2 == 0))
def test_sample_bytes_are_those_of_a_wav(values: list[int]) -> None:
    block = np.array(values, np.int32).reshape(2, -1)
    interleaved = block.T.reshape(-1).tolist()
    assert exact.sample_bytes(block, "24") == b"".join(
        value.to_bytes(3, "little", signed=True) for value in interleaved
    )
    short = [value >> 8 for value in interleaved]
    expected = b"".join(value.to_bytes(2, "little", signed=True) for value in short)
    assert exact.sample_bytes(block >> 8, "16") == expected
