"""Live sets that were written: what the checker says of them, and what another reader sees in them."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from live_sets import NAMES, checked, drifting, export, read_set, seen_by_abletoolz, steady, write_stems

from stem_cli.ableton import How, Song, carry_out, find_stems, plan
from stem_cli.ableton.colours import colour_of
from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.key import Key

SECONDS = 40.0
SETS = [(count, songs) for count in NAMES for songs in (1, 2, 3)]
QUICK = [(4, 1), (5, 2), (6, 1), (7, 3)]
ODD = "Beyoncé & <Söng> \"one\" 'two' > 日本 🎧 #3"


@pytest.mark.parametrize("kind", ["constant", "drifting"])
@pytest.mark.parametrize(
    ("count", "songs"), [pytest.param(*one, marks=() if one in QUICK else pytest.mark.slow) for one in SETS]
)
def test_the_checker_finds_no_fault(count: int, songs: int, kind: str) -> None:
    grid = steady(124.03, SECONDS, 0.37) if kind == "constant" else drifting(124, SECONDS, 0.37, pickup=2)
    homes = [write_stems(Path(f"song {number}"), NAMES[count], SECONDS) for number in range(songs)]
    for arrange in ("end-to-end", "stacked"):
        path = export(homes, [grid] * songs, How(arrange=arrange), Path(arrange))
        tempo = 124.03 if kind == "constant" else read_set(path).tempo
        Path("grid.json").write_text(str(list(grid.beats)))
        checked(path, "--songs", songs, "--tempo", tempo, "--grid", "grid.json")


def test_names_with_every_kind_of_letter_and_a_folder_that_was_moved() -> None:
    folder = ODD.translate(str.maketrans({"<": "(", ">": ")", '"': "'"}))
    home = write_stems(Path(folder), NAMES[4])
    path = export([home], [steady(120, 8)], output=Path("live & <here>"))
    checked(path)
    moved = Path("elsewhere")
    shutil.move(path.parent, moved)
    shutil.rmtree(home)
    checked(moved / path.name)
    assert {clip.relative for track in read_set(moved / path.name).tracks for clip in track.arrangement} == {
        str(file.relative_to(moved).as_posix()) for file in (moved / "Samples").rglob("*.wav")
    }


def test_a_reader_of_another_hand_sees_tempo_tracks_clips_and_files() -> None:
    home = write_stems(Path("Song"), NAMES[6], SECONDS)
    path = export([home], [steady(123.5, SECONDS, 0.25)])
    seen = read_set(path)
    group, *stems = seen.tracks
    assert seen.tempo == 123.5
    assert seen.tempos == ((-63072000, 123.5),)
    assert seen.metres == ((-63072000, 201),)
    assert (group.kind, group.name, group.output) == ("GroupTrack", "Song", "AudioOut/Master")
    assert [track.name for track in stems] == ["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"]
    assert {track.group for track in stems} == {group.number}
    assert [track.colour for track in stems] == [colour_of(name) for name in NAMES[6]]
    assert [track.arrangement[0].mode for track in stems] == [6, 0, 4, 4, 4, 4]
    for track in stems:
        (clip,) = track.arrangement
        (launched,) = track.session
        assert clip.colour == track.colour
        assert launched is not None
        assert (launched.first, launched.markers) == (0.0, clip.markers)
        assert (path.parent / clip.relative).read_bytes() == (home / f"{track.name.lower()}.wav").read_bytes()
        assert Path(clip.path).is_absolute()
        assert len(clip.markers) == 3
    assert seen.scenes == ("Song",)


def test_another_program_sees_tempo_tracks_groups_and_samples() -> None:
    homes = [write_stems(Path(name), NAMES[count], 8.0) for name, count in (("One & 日本", 4), ("Two", 7))]
    path = export(homes, [steady(123.5, 8), steady(123.5, 8)])
    seen = seen_by_abletoolz(path)
    assert (seen["bpm"], seen["version"]) == (123.5, [11, 0, 12])
    groups = {name: number for kind, name, number, *_ in seen["tracks"] if kind == "GroupTrack"}
    assert list(groups) == ["One & 日本", "Two"]
    mine = [(name, colour) for kind, name, _, group, colour in seen["tracks"] if group == groups["Two"]]
    assert mine == [(name.replace("_", " ").title(), colour_of(name)) for name in NAMES[7]]
    assert len({name for name, *_ in seen["samples"]}) == 4 + 7
    for _, size, absolute, relative in seen["samples"]:
        assert (path.parent / relative).stat().st_size == Path(absolute).stat().st_size == size


@pytest.mark.parametrize(
    "grid",
    [
        steady(124, 60, 0.37),
        drifting(118, 60, 0.2, 0.03, pickup=3),
        steady(95, 60, 1.9, bar=3),
        steady(280, 60, 0.4, bar=7),
    ],
    ids=["constant", "drifting", "three", "seven"],
)
def test_every_beat_falls_on_the_line_of_the_arrangement_that_it_should(grid: BeatGrid) -> None:
    home = write_stems(Path("Song"), NAMES[4], 60)
    seen = read_set(export([home], [grid]))
    unit = 0.5 if grid.beats_per_bar == 7 else 1.0
    zero = grid.beats.index(grid.first_downbeat)
    for track in seen.tracks[1:]:
        (clip,) = track.arrangement
        bar = clip.place(grid.first_downbeat) / (grid.beats_per_bar * unit)
        assert bar == pytest.approx(round(bar), abs=1e-9)
        assert clip.start >= 0
        assert clip.place(0.0) == pytest.approx(clip.start, abs=1e-9)
        assert clip.place(60.0) == pytest.approx(clip.end, abs=1e-9)
        for number, beat in enumerate(grid.beats):
            late = clip.place(beat) - clip.place(grid.first_downbeat) - (number - zero) * unit
            assert abs(late) * 60 / (grid.bpm * unit) < 0.0055, number
    assert len({track.arrangement[0].markers for track in seen.tracks[1:]}) == 1


def test_sections_are_locators_on_the_beat() -> None:
    home = write_stems(Path("Song"), NAMES[4], SECONDS)
    grid = drifting(120, SECONDS, 0.3)
    seen = read_set(export([home], [grid]))
    later = len(grid.beats) // 8 * 4
    assert seen.locators == ((4.0, "Intro"), (4.0 + later, "Chorus"))


def test_songs_stand_one_after_another_each_on_a_bar() -> None:
    homes = [write_stems(Path(name), NAMES[4], 21.3) for name in ("One", "Two", "Three")]
    path = export(homes, [steady(120, 21.3, 0.1), steady(120, 21.3, 0.9, bar=3), steady(120, 21.3)])
    checked(path, "--songs", 3)
    seen = read_set(path)
    clips = [track.arrangement[0] for track in seen.tracks if track.name == "Vocals"]
    downbeats = [clip.place(first) for clip, first in zip(clips, (0.1, 0.9, 0.0), strict=True)]
    assert downbeats == pytest.approx([4.0, 48.0 + 3, 48.0 + 45])
    assert all(after.start >= before.end for before, after in pairwise(clips))
    assert seen.metres == ((-63072000, 201), (48.0, 200), (93.0, 201))
    assert [clip.signature for clip in clips] == [(4, 4), (3, 4), (4, 4)]
    assert [name for _, name in seen.locators] == [f"{song}: {part}" for song in ("One", "Two", "Three")
                                                   for part in ("Intro", "Chorus")]  # fmt: skip
    rows = [[slot is not None for slot in track.session] for track in seen.tracks if track.name == "Drums"]
    assert rows == [[True, False, False], [False, True, False], [False, False, True]]


def test_stacked_songs_have_their_first_downbeats_together() -> None:
    homes = [write_stems(Path(name), NAMES[4], 20) for name in ("One", "Two")]
    path = export(homes, [steady(120, 20, 0.1), steady(120, 20, 4.7)], How(arrange="stacked"))
    checked(path, "--songs", 2)
    clips = [track.arrangement[0] for track in read_set(path).tracks if track.name == "Vocals"]
    assert [clip.place(first) for clip, first in zip(clips, (0.1, 4.7), strict=True)] == pytest.approx([12.0, 12.0])


def test_songs_of_several_tempos_are_stretched_to_one() -> None:
    """The checker's rule that markers go at the set's tempo cannot hold here: they go at their song's."""
    homes = [write_stems(Path(name), NAMES[4], SECONDS) for name in ("House", "Slow", "Half")]
    path = export(homes, [steady(124, SECONDS), steady(110, SECONDS), steady(62.5, SECONDS)], How(arrange="stacked"))
    checked(path, "--songs", 3, but=["stems: warp markers agree with the tempo"])
    seen = read_set(path)
    assert seen.tempo == 124
    clips = [track.arrangement[0] for track in seen.tracks if track.name == "Drums"]
    ends = [clip.place(60 / bpm * 4) for clip, bpm in zip(clips, (124, 110, 62.5), strict=True)]
    assert ends == pytest.approx([4.0, 4.0, 8.0])  # the third is read at double time


def test_a_set_that_follows_its_song_stretches_nothing() -> None:
    homes = [write_stems(Path(name), NAMES[4], 60) for name in ("One", "Two")]
    grids = [drifting(118, 60, 0.2, 0.03), steady(97, 60, 0.5, bar=3)]
    one = export(homes[:1], grids[:1], How(automation=True), Path("one"))
    checked(one)
    assert read_set(one).launched == (None,)
    seen = read_set(export(homes, grids, How(automation=True)))
    assert seen.launched == ((pytest.approx(118, abs=1), 201), (97.0, 200))
    clips = [track.arrangement[0] for track in seen.tracks if track.name == "Bass"]
    assert clips[1].start > clips[0].end
    for clip in clips:
        beats = [clip.place(second) for second in (0.0, 13.7, 41.9, 60.0)]
        assert [seconds_between(seen.tempos, beats[0], beat) for beat in beats] == pytest.approx(
            [0.0, 13.7, 41.9, 60.0], abs=1e-6
        )


def seconds_between(events: tuple[tuple[float, float], ...], begin: float, end: float) -> float:
    """How long a set of stepped tempos takes from one beat to another."""
    total = 0.0
    for (since, tempo), (until, _) in zip(events, (*events[1:], (1e9, 0.0)), strict=True):
        total += max(0.0, min(end, until) - max(begin, since)) * 60 / tempo
    return total


def test_the_key_of_the_song_is_the_scale_of_the_set() -> None:
    home = write_stems(Path("Song"), NAMES[4])
    songs = [Song(find_stems(home)[0], steady(120, 8), key=Key(9, "minor"))]
    made = carry_out(plan(songs, Path("live"), How()), How())
    assert read_set(made.path).scale == (9, "Minor", True)
    checked(made.path)
    assert read_set(export([home], [steady(120, 8)], output=Path("other"))).scale == (0, "Major", False)


def test_neutral_modes_are_those_that_change_nothing() -> None:
    home = write_stems(Path("Song"), NAMES[7])
    path = export([home], [steady(120, 8)], How(warp="neutral"))
    checked(path)
    modes = {track.name: track.arrangement[0].mode for track in read_set(path).tracks[1:]}
    assert modes.pop("Bass") == 1
    assert set(modes.values()) == {0}


def test_stems_of_other_lengths_and_rates_keep_their_place() -> None:
    home = write_stems(Path("Song"), ("vocals", "other"), 30, 8000)
    write_stems(home, ("drums",), 30, 11025)
    write_stems(home, ("bass",), 17.3, 16000)
    grid = drifting(120, 30, 0.4, 0.04)
    path = export([home], [grid])
    checked(
        path, but=["stems: all clips share one grid and length", "stems: warp markers agree with the tempo: 'Bass'"]
    )
    clips = {track.name: track.arrangement[0] for track in read_set(path).tracks[1:]}
    assert clips["Drums"].markers == clips["Vocals"].markers
    assert clips["Bass"].end < clips["Vocals"].end
    assert clips["Bass"].markers[-2][0] == pytest.approx(17.3)
    for second in (0.0, 5.5, 11.0, 17.2):
        assert clips["Bass"].place(second) == pytest.approx(clips["Vocals"].place(second), abs=1e-6)


@pytest.mark.parametrize(("seconds", "first", "there"), [(4.5, -8.0, True), (0.3, 0.0, False)])
def test_all_clips_of_a_song_are_launched_from_one_place(seconds: float, first: float, there: bool) -> None:
    """A stem that ends before the first downbeat, at 4.9 s; bar lines lie at 0.9 s and 2.9 s."""
    home = write_stems(Path("Song"), ("vocals", "bass", "other"), 30)
    write_stems(home, ("drums",), seconds)
    path = export([home], [drifting(120, 30, 0.4, 0.0, pickup=9)])
    checked(path, but=["stems: all clips share one grid and length"])
    clips = {track.name: track.session[0] for track in read_set(path).tracks[1:]}
    assert (clips["Drums"] is not None) == there
    assert {clip.first for clip in clips.values() if clip is not None} == {first}
    assert read_set(path).tracks[2].arrangement[0].start < read_set(path).tracks[2].arrangement[0].end


@pytest.mark.parametrize("seconds", [0.2, 3.0])
def test_very_short_stems(seconds: float) -> None:
    home = write_stems(Path("Song"), NAMES[4], seconds)
    checked(export([home], [BeatGrid(120.0, 0.0, (0.0,))]))


def test_the_same_stems_give_the_same_bytes() -> None:
    home = write_stems(Path("Song"), NAMES[4])
    path = export([home], [steady(120, 8)])
    first = path.read_bytes()
    assert first[:10] == bytes.fromhex("1f8b0800000000000003")
    shutil.rmtree(path.parent)
    assert export([home], [steady(120, 8)]).read_bytes() == first
