"""The embedded engine's signal processing: physics, and the promises of a stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from stem_cli.dsp import company, evidence, masks, medians, repetition, stft
from stem_cli.dsp.unmix import separate_blocks

RATE = 22050  # Hz; half the usual rate makes the tests twice as fast
NAMES = ["vocals", "drums", "bass", "other"]


def cut(song: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (song[:, first : first + size] for first in range(0, song.shape[1], size))


def unmixed(song: np.ndarray, rate: int = RATE, size: int = 10_000, threads: int = 1) -> dict[str, np.ndarray]:
    blocks = list(separate_blocks(cut(song, size), rate, len(song), threads))
    return {name: np.concatenate([block[name] for block in blocks], axis=1) for name in NAMES}


def noise(frames: int, channels: int = 2, seed: int = 1, level: float = 0.2) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


def tone(hertz: float, seconds: float, rate: int = RATE, channels: int = 2) -> np.ndarray:
    wave = 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def clicks(seconds: float, rate: int = RATE, every: float = 0.5) -> np.ndarray:
    """Bursts of decaying noise, like a snare: in the middle, and a little of it wide."""
    frames = round(seconds * rate)
    song = noise(frames, 1, level=0.3) + noise(frames, 2, seed=2, level=0.1)
    time = np.arange(song.shape[1]) / rate
    return (song * np.exp(-40 * (time % every))).astype(np.float32)


def small_song(seconds: float, rate: int = RATE) -> np.ndarray:
    bass, lead, hits = tone(55, seconds, rate), tone(660, seconds, rate), clicks(seconds, rate)
    lead[1] *= -0.5
    return 0.5 * (bass + lead + hits)


def share(stem: np.ndarray, song: np.ndarray) -> float:
    return float(np.sum(np.square(stem, dtype=np.float64)) / np.sum(np.square(song, dtype=np.float64)))


def part(stem: np.ndarray, song: np.ndarray) -> float:
    """How much of the song's waveform a stem holds; over all stems the parts sum to one."""
    return float(np.vdot(stem.astype(np.float64), song) / np.vdot(song.astype(np.float64), song))


def same_bytes(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(one[name].tobytes() == other[name].tobytes() for name in NAMES)


def test_analysis_and_synthesis_give_the_song_back() -> None:
    song, size = noise(300_001), stft.window_size(RATE)
    joint, found = stft.Joint(), []
    for segment, part in stft.segments(cut(song, 7777), 2, size):
        found.append(joint.join(stft.synthesise(stft.analyse(segment, size), size), size)[:, part])
    np.testing.assert_allclose(np.concatenate(found, axis=1), song, atol=2e-6)


@pytest.mark.parametrize(
    ("rate", "size"), [(8000, 1024), (22050, 2048), (44100, 4096), (48000, 4096), (96000, 8192), (192000, 16384)]
)
def test_windows_last_about_93_milliseconds(rate: int, size: int) -> None:
    assert stft.window_size(rate) == size


@pytest.mark.parametrize("count", [1, 3, 5, 9, 15, 25])
def test_network_finds_the_median(count: int) -> None:
    arrays = np.random.default_rng(count).random((count, 50), np.float32)
    np.testing.assert_array_equal(medians.median_of(list(arrays)), np.median(arrays, axis=0))


def test_running_medians_agree_with_the_slow_way() -> None:
    values = np.random.default_rng(3).random((40, 65), np.float32)
    rows = np.stack([np.median(values[first : first + 15], axis=0) for first in range(26)])
    np.testing.assert_array_equal(medians.median_over_frames(values, 15, 1), rows)
    bins = np.stack([np.median(values[:, place - 4 : place + 5], axis=1) for place in range(4, 61)], axis=1)
    np.testing.assert_array_equal(medians.median_over_bins(values, 9, 1)[:, 4:61], bins)


def test_masks_lie_between_nothing_and_all() -> None:
    kinds = len(evidence.KINDS) + len(masks.STEMS)
    found = np.random.default_rng(4).uniform(-3, 1.5, (kinds, 8, 1025)).astype(np.float32)
    shares = masks.estimate(found, masks.weights(1025, RATE / 2048)[0])
    assert shares.min() >= 0
    assert shares.sum(axis=0).max() <= 1 + 1e-6


def test_company_of_even_shares_is_that_share_everywhere() -> None:
    power = np.random.default_rng(5).random((20, 1025), np.float32)
    song = company.pool(power, RATE / 2048)
    found = company.logs(0.25 * song[None], song, 1025, RATE / 2048)
    assert found.shape == (1, 16, 1025)
    np.testing.assert_allclose(found, np.log(0.25), atol=1e-5)


def test_what_repeats_is_found_among_what_does_not() -> None:
    values = np.random.default_rng(6).random((128, 700), np.float32)
    values[::16], values[1::16] = values[0], values[1]
    prints = repetition.fingerprints(values, RATE / 2048)
    best = repetition.like_frames(prints, 32, 2)
    assert set(range(0, 128, 16)) - {32} <= set(best[0])
    assert set(range(1, 128, 16)) - {33} <= set(best[1])


@pytest.mark.parametrize("frames", [1, 22, 441, 4095, 4096, 65_536, 65_535 - 1536, 65_537 - 1536, 150_001])
def test_stems_are_as_long_as_the_song_and_sum_to_it(frames: int) -> None:
    song = noise(frames)
    stems = unmixed(song)
    assert all(stem.shape == song.shape and stem.dtype == np.float32 for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)


def test_an_empty_song_gives_no_blocks() -> None:
    assert not list(separate_blocks([], RATE, 2))
    assert not list(separate_blocks([np.zeros((2, 0), np.float32)], RATE, 2))


def test_sizes_of_blocks_do_not_matter() -> None:
    song = small_song(14)
    whole = unmixed(song, size=song.shape[1])
    assert all(same_bytes(whole, unmixed(song, size=size)) for size in (997, 4096, 65_537, 131_072))


def test_number_of_threads_does_not_matter() -> None:
    song = small_song(14)
    assert same_bytes(unmixed(song, threads=1), unmixed(song, threads=3))


def test_input_is_left_alone() -> None:
    song = small_song(4)
    song.flags.writeable = False
    before = song.copy()
    stems = unmixed(song)
    assert np.array_equal(song, before)
    assert not any(np.shares_memory(song, stem) for stem in stems.values())


def test_silence_stays_silent() -> None:
    assert not any(stem.any() for stem in unmixed(np.zeros((2, 100_000), np.float32)).values())


@pytest.mark.parametrize("kind", ["constant", "square", "impulse", "one side", "out of phase"])
def test_odd_signals_give_finite_stems(kind: str) -> None:
    song = np.ones((2, 80_000), np.float32)
    if kind == "square":
        song[:, np.arange(80_000) // 50 % 2 == 0] = -1
    if kind == "impulse":
        song[:, 1:] = 0
    if kind == "one side":
        song[1] = 0
    if kind == "out of phase":
        song = noise(80_000)
        song[1] = -song[0]
    stems = unmixed(song)
    assert all(np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)


def test_level_does_not_matter() -> None:
    song = small_song(7)
    loud, soft = unmixed(song), unmixed(song / 64)
    assert all(share(64 * soft[name] - loud[name], song) < 1e-4 for name in NAMES)


def test_a_steady_tone_is_not_drums() -> None:
    song = tone(440, 8)
    assert share(unmixed(song)["drums"], song) < 0.05


def test_hits_are_drums() -> None:
    song = clicks(8)
    assert part(unmixed(song)["drums"], song) > 0.6


def test_a_low_tone_is_bass() -> None:
    song = tone(55, 8)
    assert part(unmixed(song)["bass"], song) > 0.8


def test_high_hats_stay_with_the_drums() -> None:
    hats = np.diff(clicks(8, 44100, 0.25), prepend=np.float32(0))
    found = unmixed(hats + 0.1 * tone(440, 8, 44100), 44100)["other"]
    spectrum = np.square(np.abs(np.fft.rfft(np.stack([found, hats]))))
    top = slice(16_000 * 8, 20_000 * 8)
    assert spectrum[0, :, top].sum() < 0.5 * spectrum[1, :, top].sum()


def test_both_channels_alike_sound_like_mono() -> None:
    song = small_song(5)[:1]
    mono, twice = unmixed(song), unmixed(np.repeat(song, 2, axis=0))
    assert all(share(twice[name] - mono[name], song) < 1e-6 for name in NAMES)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_any_rate_is_divided(rate: int) -> None:
    song = small_song(3.1, rate)
    stems = unmixed(song, rate)
    assert stems["vocals"].shape == song.shape
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-6)
    assert share(stems["bass"], song) > 0.05
    assert part(stems["drums"], 0.5 * clicks(3.1, rate)) > 0.4


def test_more_than_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or 2 channels"):
        next(separate_blocks([noise(10, 3)], RATE, 3))
