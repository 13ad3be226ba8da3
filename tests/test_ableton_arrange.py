"""Where songs lie in the arrangement: on bars, in order, nothing cut off."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_sets import drifting, steady

from stem_cli.ableton import arrange
from stem_cli.ableton.arrange import Timed
from stem_cli.ableton.song import Song, Stems
from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.sections import Section
from stem_cli.errors import InputError

SONGS = st.lists(
    st.tuples(st.floats(60, 300), st.floats(0, 9), st.floats(10, 300), st.sampled_from([3, 4, 5, 7])),
    min_size=1,
    max_size=4,
)
"""Tempo, first downbeat, length after it, beats a bar."""


def song(grid: BeatGrid, *sections: Section, name: str = "Song") -> Song:
    return Song(Stems(Path(name), {}), grid, sections)


def timed(told: list[tuple[float, float, float, int]], steady: bool = True) -> list[Timed]:
    songs = [(song(BeatGrid(bpm, first, (first,), bar)), first + length) for bpm, first, length, bar in told]
    return arrange.timed(songs, None, steady)


@settings(deadline=None)
@given(SONGS)
def test_songs_in_a_row_begin_on_bars_and_never_overlap(told: list[tuple[float, float, float, int]]) -> None:
    songs = timed(told)
    places = arrange.origins(songs, "end-to-end")
    clock = arrange.clock(songs, places, "end-to-end", None, steady=True)
    spans = [
        (place + one.warp.beat(0.0), place + one.warp.beat(one.seconds))
        for one, place in zip(songs, places, strict=True)
    ]
    bars = [start / one.metre.bar for one, (start, _) in zip(songs, spans, strict=True)]
    assert all(start >= -1e-6 for start in bars)  # less than a sample: rounding, not a bar of its own
    assert all(after >= end - 1e-6 for (_, end), (after, _) in pairwise(spans))
    changes = [(0.0, clock.metre), *clock.metres]
    for one, place in zip(songs, places, strict=True):
        since, metre = [change for change in changes if change[0] <= place][-1]
        assert metre == one.metre
        assert (place - since) / metre.bar == pytest.approx(round((place - since) / metre.bar), abs=1e-6)


def test_a_first_downbeat_that_is_rounded_makes_no_bar_of_its_own() -> None:
    """124 BPM, the first bar silent: 1.93548387 s, and so 4.0000003 beats."""
    assert arrange.origins(timed([(124.0, 1.935484, 60.0, 4)]), "end-to-end") == [4.0]


@settings(deadline=None)
@given(SONGS)
def test_stacked_songs_share_a_first_downbeat_on_a_bar(told: list[tuple[float, float, float, int]]) -> None:
    songs = timed(told)
    (place, *_) = places = arrange.origins(songs, "stacked")
    assert set(places) == {place}
    assert place / songs[0].metre.bar == pytest.approx(round(place / songs[0].metre.bar), abs=1e-9)
    assert all(place + one.warp.beat(0.0) >= -1e-6 for one in songs)


@settings(deadline=None)
@given(SONGS)
def test_every_tempo_of_a_set_that_follows_is_one_of_its_songs(told: list[tuple[float, float, float, int]]) -> None:
    songs = timed(told, steady=False)
    clock = arrange.clock(songs, arrange.origins(songs, "end-to-end"), "end-to-end", None, steady=False)
    assert [clock.tempo, *(tempo for _, tempo in clock.tempos)] == [one.tempo for one in songs]


def test_the_tempo_of_a_drifting_song_is_its_mean() -> None:
    (one,) = arrange.timed([(song(drifting(117.3, 240, sway=0.02)), 240.0)], None, steady=True)
    assert one.tempo == pytest.approx(117.3, abs=0.5)
    assert one.tempo == round(one.tempo, 2)


def test_a_song_that_live_cannot_play_at_its_tempo_is_told() -> None:
    with pytest.raises(InputError, match=r"its beats go at 12.0 BPM. A Live set goes at 20 to 999 BPM"):
        arrange.timed([(song(steady(12, 60)), 60.0)], None, steady=True)


def test_locators_at_one_place_are_one() -> None:
    grids = [steady(120, 60), steady(120, 60)]
    songs = [song(grid, Section(0.0, 8.0, "intro"), Section(8.02, 60.0, "drop"), name=name)
             for grid, name in zip(grids, "AB", strict=True)]  # fmt: skip
    made = arrange.timed([(one, 60.0) for one in songs], None, steady=True)
    found = arrange.locators(made, arrange.origins(made, "stacked"))
    assert found == ((0.0, "A: Intro / B: Intro"), (16.0, "A: Drop / B: Drop"))


def test_a_song_without_sections_is_found_by_its_name_among_several() -> None:
    made = arrange.timed([(song(steady(120, 9.0), name=name), 9.0) for name in "AB"], None, steady=True)
    assert arrange.locators(made, arrange.origins(made, "end-to-end")) == ((0.0, "A"), (20.0, "B"))
    assert arrange.locators(made[:1], [0.0]) == ()
