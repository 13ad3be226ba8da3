"""The judge without the true stems: what it hears, and what it makes of that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stem_cli.quality import Verdict, Watch, figures, vocals_db, words
from stem_cli.quality.consistency import consistency_db, remix
from stem_cli.quality.estimate import BOUNDS_DB, FULL, QUICK, estimated_db
from stem_cli.quality.evidence import company, power_spectra, purity
from stem_cli.quality.figures import ratio_db, si_sdr_db
from stem_cli.quality.verdict import CONSISTENCY, ESTIMATE, LEVEL
from stem_cli.quality.watch import SECONDS
from stem_cli.stems import FOUR

RATE = 8000


def tones(seconds: float = 14.0, level: float = 1.0) -> dict[str, Any]:
    """Four stems that share no frequency, float32 [2, frames]."""
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = dict(zip(FOUR, (700.0, 1900.0, 90.0, 3100.0), strict=True))
    return {
        n: (level * 0.2 * np.stack([np.sin(2 * np.pi * f * time)] * 2)).astype(np.float32) for n, f in hertz.items()
    }


def watched(stems: dict[str, Any], size: int = 4000) -> Watch:
    """What went by in blocks."""
    watch = Watch(RATE)
    for at in range(0, next(iter(stems.values())).shape[1], size):
        watch.add({name: stem[:, at : at + size] for name, stem in stems.items()})
    return watch


def by_bands(mix: Any) -> dict[str, Any]:
    """An engine that is perfect on `tones`."""
    spectrum = np.fft.rfft(mix, axis=1)
    hertz = np.fft.rfftfreq(mix.shape[1], 1 / RATE)
    edges = {"bass": (0, 300), "vocals": (300, 1300), "drums": (1300, 2500), "other": (2500, RATE)}
    return {
        name: np.fft.irfft(spectrum * ((hertz >= low) & (hertz < high)), mix.shape[1], axis=1).astype(np.float32)
        for name, (low, high) in edges.items()
    }


def lazy(mix: Any) -> dict[str, Any]:
    """An engine that gives a quarter of the mix as every stem."""
    return dict.fromkeys(FOUR, mix / 4)


def test_a_tenth_of_noise_is_20_db() -> None:
    random = np.random.default_rng(0)
    true = random.standard_normal((2, 50000))
    noise = random.standard_normal((2, 50000)) * 0.1
    assert si_sdr_db(true, (true + noise) * 3.7) == pytest.approx(20, abs=0.1)
    assert ratio_db(0, 1) == -math.inf
    assert si_sdr_db(np.zeros((1, 8)), np.ones((1, 8))) == -math.inf


def test_a_remix_is_the_sum_of_stems_that_were_rolled() -> None:
    stems = tones(10)
    mix, rolled = remix(stems, RATE)
    assert np.allclose(mix, sum(rolled.values()), atol=1e-6)
    for name, stem in stems.items():
        assert np.sort(rolled[name][0])[::997] == pytest.approx(np.sort(stem[0])[::997])
    assert np.array_equal(rolled["vocals"], stems["vocals"])
    assert not np.array_equal(rolled["drums"], stems["drums"])


def test_a_perfect_engine_is_consistent_and_a_lazy_one_is_not() -> None:
    good, bad = (consistency_db(tones(), RATE, engine) for engine in (by_bands, lazy))
    assert all(value > 40 for value in good.values())
    assert all(value < 0 for value in bad.values())


def test_silent_stems_have_no_consistency() -> None:
    stems = tones() | {"vocals": np.zeros_like(tones()["vocals"])}
    assert set(consistency_db(stems, RATE, by_bands)) == {"drums", "bass", "other"}


def test_stems_apart_are_pure_and_stems_alike_are_not() -> None:
    apart = purity({name: power_spectra(stem, RATE) for name, stem in tones().items()})
    alike = purity({name: power_spectra(stem, RATE) for name, stem in lazy(sum(tones().values())).items()})
    assert all(value > 0.95 for value in apart.values())
    assert all(value == pytest.approx(0.25, abs=0.01) for value in alike.values())
    assert purity({"vocals": np.zeros((3, 9), np.float32), "other": np.ones((3, 9), np.float32)})["vocals"] == 0


def test_stems_that_move_together_keep_company() -> None:
    random = np.random.default_rng(1)
    one, other = random.standard_normal((2, 1, 20 * RATE)).astype(np.float32)
    swell = (1 + np.sin(np.arange(20 * RATE) / RATE * 4)).astype(np.float32)
    together = {"vocals": power_spectra(one * swell, RATE), "other": power_spectra(other * swell, RATE)}
    apart = {"vocals": power_spectra(one * swell, RATE), "other": power_spectra(other * (2 - swell), RATE)}
    assert company(together, RATE)["vocals"] > 0.6
    assert company(apart, RATE)["vocals"] < 0.1


@pytest.mark.parametrize("size", [1000, 4000, 70000, 200000])
def test_the_most_active_stretch_is_kept(size: int) -> None:
    quiet, loud = tones(20, 0.01), tones(12)
    stems = {name: np.concatenate([quiet[name], loud[name], quiet[name]], axis=1) for name in FOUR}
    stretch = watched(stems, size).stretch()
    assert stretch is not None
    assert next(iter(stretch.stems.values())).shape[1] == SECONDS * RATE
    if size <= 4000:
        assert abs(stretch.first - 20 * RATE) <= size
        assert np.abs(stretch.stems["vocals"]).max() > 0.15


def test_a_song_shorter_than_a_stretch_is_kept_whole() -> None:
    stretch = watched(tones(3)).stretch()
    assert stretch is not None
    assert stretch.stems["drums"].shape == (2, 3 * RATE)
    assert Watch(RATE).stretch() is None


def test_integers_are_scaled_to_full_scale_1() -> None:
    watch = Watch(RATE, 2.0**-15)
    watch.add({name: (stem * 2**15).astype(np.int32) for name, stem in tones(13).items()})
    stretch = watch.stretch()
    assert stretch is not None
    assert stretch.stems["bass"].dtype == np.float32
    assert np.abs(stretch.stems["bass"]).max() == pytest.approx(0.2, abs=0.001)


def test_levels_are_those_of_the_whole_song() -> None:
    levels = watched(tones()).levels_db()
    assert all(level == pytest.approx(-6.02, abs=0.05) for level in levels.values())


def test_the_full_judge_hears_more_than_the_quick_one() -> None:
    watch = watched(tones())
    quick, full = figures(watch, None), figures(watch, by_bands)
    assert CONSISTENCY not in quick["vocals"]
    assert full["vocals"][CONSISTENCY] > 40
    measures = {measure: full["vocals"][measure] for measure in FULL}
    assert full["vocals"][ESTIMATE] > estimated_db("vocals", measures | {CONSISTENCY: -20.0}) + 3


def test_the_lazy_engine_is_judged_worse_than_the_perfect_one() -> None:
    mix = sum(tones().values())
    bad = figures(watched(lazy(mix)), lazy)
    good = figures(watched(tones()), by_bands)
    for name in FOUR:
        assert bad[name][ESTIMATE] < good[name][ESTIMATE] - 5


def test_a_stem_that_does_not_play_is_not_judged() -> None:
    stems = tones() | {"vocals": tones(14, 0.001)["vocals"]}
    heard = figures(watched(stems), by_bands)
    assert heard["vocals"] == {LEVEL: pytest.approx(-65, abs=1)}
    verdict = Verdict(heard, "full")
    assert verdict.vocals_db is None
    assert words(verdict, instrumental=True) == ("no voice is to be heard: an instrumental",)


def test_a_voice_in_what_calls_itself_an_instrumental_is_flagged() -> None:
    verdict = Verdict({"vocals": {LEVEL: -23.0}, "drums": {LEVEL: -3.0}}, "quick")
    (told,) = words(verdict, instrumental=True)
    assert "vocals (-23 dB)" in told
    assert words(verdict, instrumental=False) == ()
    assert words(Verdict({"drums": {LEVEL: -3.0}}), instrumental=True) == ()


def test_engines_are_set_beside_one_another_by_what_both_have() -> None:
    full = Verdict(figures(watched(tones()), by_bands), "full")
    quick = Verdict(figures(watched(tones()), None), "quick")
    assert vocals_db(full, "quick") == pytest.approx(vocals_db(quick, "quick"))
    assert vocals_db(full, "full") == full.vocals_db
    assert vocals_db(Verdict(), "quick") is None


@given(
    st.sampled_from([*FOUR, "lead_vocals", "instrumental", "guitar", "kick", "no_drums"]),
    st.lists(st.floats(-100, 100), min_size=4, max_size=4),
    st.booleans(),
)
def test_any_estimate_lies_within_bounds(name: str, values: list[float], full: bool) -> None:
    measures = dict(zip(FULL, values, strict=True))
    if not full:
        measures = {measure: measures[measure] for measure in QUICK}
    assert BOUNDS_DB[0] <= estimated_db(name, measures) <= BOUNDS_DB[1]


def test_nothing_of_a_stem_found_again_is_no_good_estimate() -> None:
    nothing, little = ({CONSISTENCY: value, **dict.fromkeys(QUICK, 0.5)} for value in (-math.inf, -20.0))
    assert BOUNDS_DB[0] <= estimated_db("vocals", nothing) <= estimated_db("vocals", little)
