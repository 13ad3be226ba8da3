"""Resampling: physics, the promises of a stream, and the same samples as julius, which Demucs resamples with."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stem_cli.dsp.resample import ROLLOFF, ZEROS, resample
from stem_cli.errors import UsageError

USUAL = (8000, 11025, 16000, 22050, 32000, 48000, 88200, 96000, 192000)
ODD = (44056, 47999, 7919, 65537)
RATES = st.one_of(st.sampled_from([*USUAL, *ODD, 44100, 1000, 768000]), st.integers(1000, 768_000))


def cut(song: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (song[..., first : first + size] for first in range(0, song.shape[-1], size))


def resampled(song: np.ndarray, old: int, new: int, frames: int | None = None, size: int = 4096) -> np.ndarray:
    return np.concatenate(list(resample(cut(song, size), old, new, frames)), axis=-1)


def there_and_back(song: np.ndarray, rate: int, between: int = 44100) -> np.ndarray:
    return resampled(resampled(song, rate, between), between, rate, song.shape[-1])


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * hertz * time), 0.5 * np.cos(2 * np.pi * hertz * time)]).astype(np.float32)


def noise(frames: int, channels: int = 2) -> np.ndarray:
    song = np.random.default_rng(0).uniform(-1, 1, (channels, frames)).astype(np.float32)
    song.flags.writeable = False
    return song


def by_the_formula(song: np.ndarray, old: int, new: int, frames: np.ndarray) -> np.ndarray:
    """The sum of the module's docstring for some frames of a mono song, one after the other, in float64."""
    found = []
    for frame in frames:
        middle = frame * old / new
        cutoff = ROLLOFF * min(1, new / old)
        k = np.arange(int(middle - ZEROS / cutoff) - 1, int(middle + ZEROS / cutoff) + 2)
        t = (k - middle) * cutoff
        weights = np.where(np.abs(t) < ZEROS, np.sinc(t) * np.cos(np.pi * t / 2 / ZEROS) ** 2, 0)
        found.append(weights @ song[np.clip(k, 0, len(song) - 1)] / weights.sum())
    return np.array(found)


def decibels(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(
        10 * np.log10(np.mean(np.square(found - wanted, dtype=float)) / np.mean(np.square(wanted, dtype=float)))
    )


@pytest.mark.parametrize("new", [*USUAL, *ODD])
@pytest.mark.parametrize("upward", [True, False])
def test_each_sample_is_the_sum_of_the_formula(new: int, upward: bool) -> None:
    old, new = (44100, new) if upward else (new, 44100)
    song = noise(3000 + old, channels=1)
    made = resampled(song, old, new)[0]
    edges = [0, 1, 2, len(made) // 2, len(made) - 2, len(made) - 1]
    frames = np.unique([*edges, *np.random.default_rng(1).integers(0, len(made), 300)])
    limit = -130 if new in ODD or old in ODD else -98  # white noise; between usual rates rounded as Demucs rounds
    assert decibels(made[frames], by_the_formula(song[0], old, new, frames)) < limit


@pytest.mark.parametrize("old", USUAL)
@pytest.mark.parametrize("downward", [True, False])
def test_the_samples_are_those_of_julius(old: int, downward: bool) -> None:
    """Its weights are worked out in float32; so are ours, in the same order."""
    torch = pytest.importorskip("torch", reason='install Demucs: pip install "stem-cli[demucs]"')
    julius = pytest.importorskip("julius", reason='install Demucs: pip install "stem-cli[demucs]"')
    old, new = (old, 44100) if downward else (44100, old)
    white = noise(old + 77)
    music = np.cumsum(white - white.mean(axis=1, keepdims=True), axis=1, dtype=np.float32)
    for song in (white, music):
        theirs = julius.resample_frac(torch.from_numpy(song.copy()), old, new, zeros=24, rolloff=0.945).numpy()
        ours = resampled(song, old, new)
        assert ours.shape == theirs.shape
        assert decibels(ours, theirs) < -130


@given(RATES, RATES, st.integers(1, 3000), st.integers(1, 3), st.integers(1, 500))
@settings(deadline=None, max_examples=80)
def test_any_rates_and_lengths_keep_a_constant_and_the_time(
    old: int, new: int, frames: int, channels: int, size: int
) -> None:
    frames = min(frames, 400_000 * old // new + 1)
    song = np.full((channels, frames), 0.5, np.float32)
    made = resampled(song, old, new, size=size)
    assert made.dtype == np.float32
    assert made.shape == (channels, max(1, frames * new // old) if old != new else frames)
    np.testing.assert_allclose(made, 0.5, atol=1e-6)


@given(RATES, st.integers(1, 5000))
@settings(deadline=None, max_examples=60)
def test_the_way_back_gives_as_many_frames_as_came_in(rate: int, frames: int) -> None:
    song = np.full((1, frames), 0.5, np.float32)
    back = there_and_back(song, rate)
    assert back.shape == song.shape
    np.testing.assert_allclose(back, 0.5, atol=2e-6)  # float32: at 1 kHz a frame is a sum of 2,200 products


@pytest.mark.parametrize(
    ("old", "new"), [(48000, 44100), (44100, 48000), (11025, 44100), (88200, 44100), (44056, 44100)]
)
def test_the_sizes_of_blocks_do_not_matter(old: int, new: int) -> None:
    song = noise(100_000)
    wanted = resampled(song, old, new, size=len(song[0]))
    uneven = np.split(song, [1, 1, 2, 50, 40_000, 99_999], axis=1)
    np.testing.assert_array_equal(np.concatenate(list(resample(uneven, old, new)), axis=1), wanted)
    np.testing.assert_array_equal(resampled(song, old, new, size=777), wanted)


def test_stems_of_any_shape_can_be_resampled_at_once() -> None:
    stems = noise(20_000, channels=8).reshape(4, 2, -1)
    for new in (48000, 44056):
        made = resampled(stems, 44100, new)
        for stem, part in zip(stems, made, strict=True):
            np.testing.assert_allclose(resampled(stem, 44100, new), part, atol=1e-6)


@pytest.mark.parametrize("rate", [48000, 96000, 192000, 44056, 32000])
@pytest.mark.parametrize("hertz", [100, 1000, 10_000])
def test_a_tone_comes_back_in_time_and_as_loud(rate: int, hertz: float) -> None:
    song = tone(hertz, rate)
    back = there_and_back(song, rate)
    middle = slice(rate // 10, -rate // 10)
    level = 20 * np.log10(back[:, middle].std() / song[:, middle].std())
    assert abs(level) < 0.01
    lags = range(-5, 6)
    likeness = [np.sum(song[:, middle] * np.roll(back, -lag, axis=1)[:, middle]) for lag in lags]
    assert lags[int(np.argmax(likeness))] == 0
    assert decibels(back[:, middle], song[:, middle]) < -60


@pytest.mark.parametrize("rate", [22050, 48000, 96000, 44056])
def test_an_impulse_comes_back_at_its_place(rate: int) -> None:
    song = np.zeros((2, 20_000), np.float32)
    song[0, 7001], song[1, 12_345] = 1, -1
    back = there_and_back(song, rate)
    assert np.argmax(np.abs(back), axis=1).tolist() == [7001, 12_345]
    np.testing.assert_allclose(back.sum(axis=1), [1, -1], atol=0.01)


def test_what_the_lower_rate_cannot_hold_dies() -> None:
    made = resampled(tone(15_000, 44100), 44100, 22050)[:, 2000:-2000]
    assert 20 * np.log10(made.std() / 0.354) < -70


def test_a_tone_keeps_its_pitch() -> None:
    made = resampled(tone(997, 48000), 48000, 44056)
    wanted = tone(997, 44056)
    assert decibels(made[:, 1000:-1000], wanted[:, 1000:-1000]) < -90


def test_frames_beyond_the_end_are_silence_and_too_many_are_cut() -> None:
    song = np.full((2, 480), 0.5, np.float32)
    long = resampled(song, 48000, 44100, 100_000)
    assert long.shape == (2, 100_000)
    np.testing.assert_allclose(long[:, :441], 0.5, atol=1e-6)
    np.testing.assert_array_equal(long[:, 442:], 0)
    np.testing.assert_array_equal(resampled(song, 48000, 44100, 5), long[:, :5])
    assert resampled(song, 44100, 44100, 481)[:, -1].tolist() == [0, 0]


def test_equal_rates_pass_the_blocks_through() -> None:
    blocks = list(cut(noise(1000), 300))
    for one, other in zip(resample(blocks, 44100, 44100), blocks, strict=True):
        assert one is other


def test_an_empty_song_gives_nothing() -> None:
    assert list(resample([], 48000, 44100)) == []
    assert list(resample([np.zeros((2, 0), np.float32)], 48000, 44100, 5)) == []


def test_one_frame_of_a_high_rate_is_still_heard() -> None:
    assert resampled(np.full((2, 1), 0.25, np.float32), 192_000, 44100).tolist() == [[0.25], [0.25]]


@pytest.mark.parametrize(("old", "new"), [(0, 44100), (44100, 0), (-1, 8000)])
def test_rates_that_make_no_sense_are_refused(old: int, new: int) -> None:
    with pytest.raises(UsageError, match="cannot become"):
        resample([], old, new)


@pytest.mark.parametrize("rate", [48000, 44056])
def test_memory_does_not_grow_with_the_song(rate: int) -> None:
    def peak(seconds: int) -> int:
        block = noise(rate)
        tracemalloc.start()
        frames = sum(made.shape[1] for made in resample((block for _ in range(seconds)), rate, 44100))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert frames == seconds * 44100
        return used

    peak(3)  # the weights are kept
    assert peak(40) < 1.1 * peak(10) < 20e6


def test_it_is_much_faster_than_real_time() -> None:
    """Measured: 500 times on one core; the limit leaves room for a busy machine."""
    block = noise(48000)
    list(resample([block], 48000, 44100))
    before = process_time()
    frames = sum(made.shape[1] for made in resample((block for _ in range(60)), 48000, 44100))
    assert frames == 60 * 44100
    assert process_time() - before < 60 / 25
