"""Loudness, peak, RMS and bandwidth against what is known of tones, and against another meter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import music

from stem_cli.dsp.loudness import Levels, Meter


def levels(sound: np.ndarray, rate: int, step: int = 30011) -> Levels:
    """The levels of float [channels, frames], metered in blocks of an odd size."""
    meter = Meter(rate, sound.shape[0])
    for start in range(0, sound.shape[1], step):
        meter.add(sound[:, start : start + step].astype(np.float32))
    return meter.levels()


def sine(hertz: float, rate: int, seconds: float = 10, peak: float = 1.0) -> np.ndarray:
    """One channel of a tone."""
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000, 192000])
def test_a_full_tone_in_one_of_two_channels_has_minus_3_01_lufs(rate: int) -> None:
    """ITU-R BS.1770-4: a 0 dBFS tone of 997 Hz in the left channel; the bilinear transform costs a little at 8 kHz."""
    tone = sine(997, rate)
    assert levels(np.stack([tone, 0 * tone]), rate).lufs == pytest.approx(-3.01, abs=0.03)


def test_a_quiet_part_does_not_count() -> None:
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 LUFS, the same in both channels: -23 LUFS."""
    rate = 48000
    parts = [sine(1000, rate, seconds, 10 ** (db / 20)) for seconds, db in ((10, -36), (60, -23), (10, -36))]
    tone = np.concatenate(parts)
    assert levels(np.stack([tone, tone]), rate).lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("channels", [1, 2])
def test_another_meter_reads_the_same(channels: int) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm", reason="install pyloudnorm (make install)")
    sound = music(12, 48000, channels)
    other = pyloudnorm.Meter(48000).integrated_loudness(sound)
    assert levels(sound.T, 48000).lufs == pytest.approx(other, abs=0.1)


def test_peak_and_rms_of_a_tone_differ_by_3_db() -> None:
    found = levels(sine(440, 44100, 2, 0.5)[None], 44100)
    assert found.peak_db == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert found.peak_db - found.rms_db == pytest.approx(3.01, abs=0.01)


def test_the_blocks_do_not_matter() -> None:
    sound = music(5).T
    one, other = levels(sound, 44100, 1000), levels(sound, 44100, 10**6)
    assert one.lufs == pytest.approx(other.lufs, abs=1e-6)
    assert (one.peak_db, one.rms_db) == pytest.approx((other.peak_db, other.rms_db))


@pytest.mark.parametrize("frames", [0, 1, 100, 44100])
def test_silence_and_very_short_sounds_have_no_loudness(frames: int) -> None:
    found = levels(np.zeros((2, frames)), 44100)
    assert found == Levels(-math.inf, -math.inf, -math.inf, 0.0)


@pytest.mark.parametrize("hertz", [5000, 10000, 16000])
def test_the_bandwidth_is_where_the_sound_ends(hertz: float) -> None:
    random = np.random.default_rng(0)
    spectrum = np.fft.rfft(random.standard_normal(44100 * 4))
    spectrum[round(hertz * 4) :] = 0
    sound = 0.1 * np.fft.irfft(spectrum)
    assert levels(sound[None], 44100, 65536).bandwidth_hz == pytest.approx(hertz, rel=0.05)
