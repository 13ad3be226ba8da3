"""Warp markers: no beat is further off than can be heard, with as few markers as will do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_sets import drifting, steady

from stem_cli.ableton.metre import Metre, metre_of
from stem_cli.ableton.warp import TOLERANCE_SECONDS, Warp, ending_at, fewest, octave_for, warp_of
from stem_cli.dsp.beats import BeatGrid

SPANS = st.lists(st.floats(0.25, 1.2), min_size=1, max_size=60)
"""Seconds from beat to beat."""


def grid_of(first: float, spans: Sequence[float], downbeat: int = 0) -> BeatGrid:
    beats = tuple(float(beat) for beat in np.cumsum([first, *spans]))
    return BeatGrid(60 / spans[0], beats[min(downbeat, len(beats) - 1)], beats, constant=False)


def error(warp: Warp, grid: BeatGrid) -> float:
    """The worst beat, seconds."""
    zero = grid.beats.index(grid.first_downbeat)
    return max(abs(warp.second(number - zero) - beat) for number, beat in enumerate(grid.beats))


@settings(deadline=None)
@given(st.floats(0, 3), SPANS, st.integers(0, 5))
def test_no_beat_of_a_drifting_song_is_off_by_five_milliseconds(
    first: float, spans: list[float], downbeat: int
) -> None:
    grid = grid_of(first, spans, downbeat)
    warp = warp_of(grid, grid.beats[-1] + 1)
    assert error(warp, grid) <= TOLERANCE_SECONDS + 1e-9
    assert all(b[0] > a[0] and b[1] > a[1] for a, b in pairwise(warp.written))


@settings(deadline=None)
@given(st.lists(st.floats(0.49, 0.51), min_size=2, max_size=9))
def test_no_fewer_beats_would_do(spans: list[float]) -> None:
    times = [float(beat) for beat in np.cumsum([0.0, *spans])]
    found = fewest(times)
    inner = range(1, len(times) - 1)
    ways = (sorted((0, *some, len(times) - 1)) for size in range(len(found) - 2) for some in combinations(inner, size))
    assert all(
        np.abs(np.interp(range(len(times)), way, [times[w] for w in way]) - times).max() > 0.0049 for way in ways
    )
    assert np.abs(np.interp(range(len(times)), found, [times[f] for f in found]) - times).max() <= 0.005 + 1e-12


@settings(deadline=None)
@given(st.floats(20, 300), st.floats(0, 5), st.floats(0.5, 4000), st.sampled_from([3, 4, 5, 7]))
def test_a_constant_song_takes_two_markers_that_say_its_tempo(
    bpm: float, first: float, length: float, bar: int
) -> None:
    warp = warp_of(BeatGrid(bpm, first, (first,), bar), first + length)
    assert len(warp.markers) == 2
    assert warp.tempo == pytest.approx(bpm * metre_of(BeatGrid(bpm, 0, (0,), bar)).unit, rel=1e-9)
    assert warp.beat(first) == pytest.approx(0, abs=1e-9)
    assert 0 <= warp.markers[0][0] < warp.markers[1][0] <= first + length + 1e-6


@settings(deadline=None)
@given(st.floats(0, 3), SPANS)
def test_beats_and_seconds_are_each_others_inverse(first: float, spans: list[float]) -> None:
    warp = warp_of(grid_of(first, spans), sum(spans) + first)
    for second in np.linspace(0, sum(spans) + first + 2, 17):
        assert warp.second(warp.beat(float(second))) == pytest.approx(second, abs=1e-9)


@settings(deadline=None)
@given(st.floats(0, 3), SPANS, st.floats(0.05, 40))
def test_a_shorter_stem_keeps_to_the_lines_of_its_song(first: float, spans: list[float], length: float) -> None:
    song = warp_of(grid_of(first, spans), sum(spans) + first)
    stem = ending_at(song, length)
    assert len(stem.markers) >= 2
    assert stem is song or stem.markers[-1][0] <= length + 0.001
    for second in np.linspace(0, length, 13):
        assert stem.beat(float(second)) == pytest.approx(song.beat(float(second)), abs=0.01)


def test_the_hidden_marker_carries_on_with_the_last_tempo() -> None:
    warp = warp_of(steady(120, 60), 60.0)
    *_, (last, beat), (hidden, after) = warp.written
    assert (after - beat, hidden - last) == (pytest.approx(0.03125), pytest.approx(0.03125 / 2))


def test_a_song_that_sways_a_little_takes_two_markers_and_one_that_drifts_takes_more() -> None:
    calm, lively = drifting(120, 240, sway=0.0005), drifting(120, 240, sway=0.03)
    assert len(warp_of(calm, 240).markers) < 10
    assert 10 < len(warp_of(lively, 240).markers) < len(lively.beats) / 4
    still = BeatGrid(120.0, 0.0, tuple(number / 2 for number in range(400)), constant=False)
    assert len(warp_of(still, 200).markers) == 2


def test_a_tempo_change_in_the_middle_takes_three_markers() -> None:
    beats = [number * 0.5 for number in range(100)]
    beats += [beats[-1] + number * 0.6 for number in range(1, 100)]
    assert len(fewest(beats)) == 3


@pytest.mark.slow
def test_an_hour_is_quick() -> None:
    import time

    grid = drifting(128, 3600)
    start = time.perf_counter()
    warp_of(grid, 3600)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("grid", [BeatGrid(120.0, 0.0, ()), BeatGrid(120.0, 9.0, (9.0,)), BeatGrid(30.0, 0.5, (0.5,))])
def test_a_file_shorter_than_a_beat_has_markers_at_its_ends(grid: BeatGrid) -> None:
    warp = warp_of(grid, 0.4)
    assert [second for second, _ in warp.markers] == [0.0, 0.4]
    assert warp.tempo == pytest.approx(grid.bpm)


def test_beats_outside_of_the_file_count_for_nothing() -> None:
    grid = BeatGrid(120.0, 0.5, (-0.5, 0.0, 0.5, 1.0, 1.5, 9.0), constant=False)
    warp = warp_of(grid, 2.0)
    assert [second for second, _ in warp.markers] == [0.0, 0.5, 1.5]  # the first downbeat is one of them
    assert warp.beat(0.5) == pytest.approx(0)


def test_eighths_are_half_as_long_in_live() -> None:
    grid = steady(280, 30, bar=7)
    assert metre_of(grid) == Metre(7, 8)
    assert metre_of(grid).bar == 3.5
    assert warp_of(grid, 30).tempo == pytest.approx(140)
    assert (metre_of(steady(140, 9, bar=7)), metre_of(steady(174, 9, bar=3)).number) == (Metre(7, 4), 200)
    assert (Metre(4, 4).number, Metre(6, 8).number, Metre(7, 8).number) == (201, 302, 303)


@settings(deadline=None)
@given(st.floats(40, 250), st.floats(40, 250))
def test_half_and_double_time_are_read_only_where_that_spares_stretching(tempo: float, wanted: float) -> None:
    octave = octave_for(tempo, wanted)
    assert octave == 1 or 1 / 1.2 < tempo * octave / wanted < 1.2
    assert octave == 1 or abs(np.log2(tempo * octave / wanted)) < abs(np.log2(tempo / wanted))
