"""Songs made here are music, and what they say about themselves is true."""

from __future__ import annotations

import doctest
import itertools
import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

import stem_cli
from stem_cli.errors import UsageError
from stem_cli.stems import FOUR
from stem_cli.synth import (
    STYLES,
    Note,
    Song,
    compose,
    demo_song,
    drums,
    filters,
    master,
    melody,
    mix,
    pcm16,
    render,
    theory,
    voice,
)
from stem_cli.synth.theory import KEYS, hertz

RATE = 44100
DEMO = Path(stem_cli.__file__).parent / "data" / "demo.flac"


@cache
def demo() -> tuple[Song, dict[str, np.ndarray]]:
    """The demo, rendered once for all tests."""
    song = demo_song()
    return song, render(song)


@cache
def short(style: str = "house") -> tuple[Song, dict[str, np.ndarray]]:
    """A short song with all its scenes, at half the rate."""
    song = compose(style, seed=5, seconds=12)
    return song, render(song, RATE // 2)


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def cut(stem: np.ndarray, start: float, end: float, rate: int = RATE) -> np.ndarray:
    return stem[:, max(0, round(start * rate)) : max(0, round(end * rate))]


def strongest(sound: np.ndarray, low: float, high: float, rate: int = RATE) -> float:
    """The frequency of the highest peak between two frequencies, in Hz."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size), size))
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    inside = (frequencies >= low) & (frequencies <= high)
    return float(frequencies[inside][np.argmax(spectrum[inside])])


# The score


@pytest.mark.parametrize("style", STYLES)
def test_the_same_arguments_give_the_same_score_and_another_seed_another(style: str) -> None:
    assert compose(style, 7, 30) == compose(style, 7, 30)
    assert len({json.dumps(compose(style, seed, 30).to_dict()) for seed in range(6)}) == 6


@pytest.mark.parametrize("style", STYLES)
def test_beats_are_a_beat_apart_and_every_bar_has_its_downbeat(style: str) -> None:
    song = compose(style, 2, 30)
    assert song.beats[0] == 0
    if STYLES[style].course is None:
        np.testing.assert_allclose(np.diff(song.beats), 60 / song.bpm, rtol=0, atol=1e-9)
    assert song.downbeats == song.beats[:: song.beats_per_bar]
    assert STYLES[style].bpm[0] <= song.bpm <= STYLES[style].bpm[1]
    slowest = 60 / min(tempo.bpm for tempo in song.tempi)
    assert song.beats[-1] < song.seconds <= song.beats[-1] + (2 + song.beats_per_bar) * slowest + 1


@pytest.mark.parametrize("seconds", [3, 5, 11.5, 36, 150])
@pytest.mark.parametrize("style", STYLES)
def test_sections_cover_the_song_and_all_events_lie_in_it(style: str, seconds: float) -> None:
    bar = 60 * STYLES[style].beats_per_bar / STYLES[style].bpm[0]
    seconds = max(seconds, math.ceil(1.5 * bar + 1))
    song = compose(style, 4, seconds)
    assert song.seconds == seconds
    assert [song.sections[0].start, song.sections[-1].end] == [0, seconds]
    assert all(before.end == after.start for before, after in itertools.pairwise(song.sections))
    assert all(0 <= hit.start < seconds and 0 < hit.velocity <= 1 for hit in song.hits)
    assert all(0 <= note.start < note.end <= seconds and 0 < note.velocity <= 1 for note in song.notes)
    assert list(song.hits) == sorted(song.hits, key=lambda hit: hit.start)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("style", STYLES)
def test_every_note_and_every_chord_is_in_the_key(style: str, seed: int) -> None:
    song = compose(style, seed, 30)
    scale = {KEYS[song.key].pitch_class(degree) for degree in range(7)}
    assert {note.pitch % 12 for note in song.notes} <= scale
    assert {pitch % 12 for chord in song.chords for pitch in chord.pitches} <= scale
    assert len(song.chords) == len(song.downbeats)


def test_the_bass_plays_tones_of_the_chord_that_sounds() -> None:
    song = demo_song()
    for note in song.part("bass"):
        chord = next(chord for chord in song.chords if chord.start <= note.start + 1e-6 < chord.end)
        assert note.pitch % 12 in {pitch % 12 for pitch in chord.pitches}


def test_tempo_and_key_can_be_asked_for() -> None:
    song = compose("house", 1, 20, bpm=100, key="Eb")
    assert (song.bpm, song.key) == (100.0, "Eb")
    assert np.isclose(song.beats[1], 0.6)


def test_the_event_list_survives_json() -> None:
    song = compose("dnb", 3, 20)
    read = json.loads(json.dumps(song.to_dict()))
    assert (read["bpm"], read["key"], read["seconds"]) == (song.bpm, song.key, song.seconds)
    assert len(read["hits"]) == len(song.hits)
    assert read["notes"][0].keys() == {"start", "seconds", "pitch", "velocity", "part", "text"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"style": "polka"}, 'no style "polka".*house'),
        ({"seed": -1}, "a seed is 0 or more"),
        ({"seconds": 1}, "no whole bar"),
        ({"bpm": 0}, "no whole bar"),
        ({"key": "H"}, 'no key "H"'),
    ],
)
def test_what_cannot_be_composed_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compose(**arguments)  # type: ignore[arg-type]


def test_a_rate_that_no_file_has_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot render at 100 Hz"):
        render(compose(), 100)


# The sound


def test_the_same_song_gives_the_same_bytes() -> None:
    song, stems = short()
    again = render(song, RATE // 2)
    assert all(stems[name].tobytes() == again[name].tobytes() for name in FOUR)


@pytest.mark.parametrize("rate", [11025, 48000])
def test_stems_have_the_length_of_the_song_at_any_rate(rate: int) -> None:
    stems = render(compose("house", 2, 4.5), rate)
    assert tuple(stems) == FOUR
    assert all(stem.shape == (2, round(4.5 * rate)) and stem.dtype == np.float32 for stem in stems.values())


@pytest.mark.parametrize("style", STYLES)
def test_the_stems_add_up_to_a_mix_without_clipping_or_direct_current(style: str) -> None:
    _, stems = short(style)
    song = mix(stems)
    np.testing.assert_allclose(song, np.sum([stem.astype(np.float64) for stem in stems.values()], axis=0), atol=3e-7)
    assert np.isclose(np.abs(song).max(), 10 ** (-1 / 20), atol=1e-3)
    assert np.all(np.abs([stem.mean(axis=1) for stem in stems.values()]) < 1e-3)
    assert {name for name, stem in stems.items() if level_db(stem) < -40} == ({"drums"} if style == "ballad" else set())
    assert np.all(np.abs(song[:, -20:]) < 1e-3)


def test_the_drums_are_loudest_and_the_voice_is_heard() -> None:
    song, stems = demo()
    drop = next(section for section in song.sections if section.name == "drop")
    levels = {name: level_db(cut(stem, drop.start, drop.end)) for name, stem in stems.items()}
    assert max(levels, key=lambda name: levels[name]) == "drums"
    assert all(level > levels["drums"] - 10 for level in levels.values())


def test_the_drop_is_louder_than_the_build_and_the_build_than_the_intro() -> None:
    song, stems = demo()
    whole = mix(stems)
    levels = {section.name: level_db(cut(whole, section.start, section.end)) for section in song.sections}
    assert levels["drop"] > levels["build"] + 1 > levels["intro"] + 3
    assert levels["drop"] > levels["outro"] + 1


def test_the_low_end_and_the_voice_are_in_the_middle_and_the_chords_are_wide() -> None:
    _, stems = demo()
    width = {name: level_db(stem[0] - stem[1]) - level_db(stem[0] + stem[1]) for name, stem in stems.items()}
    np.testing.assert_allclose(stems["bass"][0], stems["bass"][1], rtol=0, atol=1e-6)
    assert width["other"] > -6
    assert width["vocals"] < -8
    assert width["drums"] < -15


def test_hats_reach_above_sixteen_kilohertz() -> None:
    song, stems = demo()
    drop = next(section for section in song.sections if section.name == "drop")
    sound = cut(stems["drums"], drop.start, drop.end)[0]
    power = np.abs(np.fft.rfft(sound)) ** 2
    above = power[np.fft.rfftfreq(sound.size, 1 / RATE) > 16000].sum() / power.sum()
    assert 10 * np.log10(above) > -35


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("drum", drums.DRUMS)
def test_every_hit_is_an_onset(style: str, drum: str) -> None:
    song = compose(style, 3, 20)
    hits = song.drum(drum)
    alone = drums.play(hits, drums.KITS[STYLES[style].kit], RATE, round(song.seconds * RATE), song.seed)
    edges = np.diff(alone, axis=1)  # emphasises what is new over what still rings
    for hit in hits:
        before, after = (cut(edges, hit.start + at, hit.start + at + 0.003) for at in (-0.004, -0.0005))
        assert before.size == 0 or level_db(after) > level_db(before) + 3, hit


def test_the_drum_stem_is_the_kit_playing_the_hits() -> None:
    song, stems = demo()
    played = drums.play(song.hits, drums.KITS["club"], RATE, round(song.seconds * RATE), song.seed)
    steady = slice(0, round((song.seconds - 2) * RATE))
    assert np.corrcoef(played[0, steady], stems["drums"][0, steady])[0, 1] > 0.995


@pytest.mark.parametrize("style", STYLES)
def test_bass_notes_have_their_fundamental(style: str) -> None:
    song, stems = short(style)
    long = [note for note in song.part("bass") if note.seconds > 0.18]
    assert long or style == "techno"
    for note in long:
        sound = cut(stems["bass"], note.start, note.end, RATE // 2)[0]
        assert abs(12 * np.log2(strongest(sound, 30, 220, RATE // 2) / hertz(note.pitch))) < 0.8, note


def test_the_voice_sings_the_written_pitch() -> None:
    song, stems = demo()
    build = song.sections[1].start
    held = [note for note in song.part("lead") if note.end < build and note.seconds > 0.3]
    assert len(held) >= 4
    for note in held:
        sound = cut(stems["vocals"], note.start + 0.4 * note.seconds, note.end).sum(axis=0)
        found = strongest(sound, 0.8 * hertz(note.pitch), 1.25 * hertz(note.pitch))
        assert abs(12 * np.log2(found / hertz(note.pitch))) < 0.5, note


def test_the_voice_is_silent_until_it_is_asked_to_sing() -> None:
    song, stems = short("techno")
    first = min(note.start for note in song.notes if note.part in voice.SINGERS)
    assert first > 1
    assert np.abs(cut(stems["vocals"], 0, first - 0.2, RATE // 2)).max() < 1e-4


def test_between_phrases_only_the_room_of_the_voice_rings() -> None:
    song, stems = demo()
    sung = [note for note in song.notes if note.part in voice.SINGERS]
    busy = np.zeros(round(song.seconds * 100), dtype=bool)
    for note in sung:
        busy[max(0, round(100 * (note.start - 0.15))) : round(100 * (note.end + 0.3))] = True
    frames = stems["vocals"][:, : busy.size * 441].reshape(2, -1, 441)
    assert (~busy).sum() > 150
    assert level_db(frames[:, ~busy]) < level_db(frames[:, busy]) - 12


def test_long_notes_have_vibrato_and_short_ones_none() -> None:
    singer, random = voice.SINGERS["lead"], np.random.default_rng(0)
    plan = voice.gesture((Note(0.0, 3.0, 69, 0.9, "lead", "ah"),), singer, 3.2, random)
    swing = plan.pitch[voice.CONTROL_RATE : 3 * voice.CONTROL_RATE] - 69
    assert 0.1 < swing.std() < 0.5
    assert abs(strongest(swing, 3, 9, voice.CONTROL_RATE) - singer.vibrato) < 0.5
    early = plan.pitch[round(0.12 * voice.CONTROL_RATE) : round(0.2 * voice.CONTROL_RATE)] - 69
    assert np.abs(early).max() < 0.35


@pytest.mark.parametrize(("text", "low", "high"), [("see", 2500, 3500), ("ah", 750, 1350)])
def test_vowels_differ_where_their_formants_lie(text: str, low: int, high: int) -> None:
    def share(syllable: str) -> float:
        note = Note(0.2, 0.8, 57, 0.9, "lead", syllable)
        sound = voice.sing((note,), voice.SINGERS["lead"], RATE, RATE, 1)[RATE // 2 : round(0.95 * RATE)]
        power, frequencies = np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(sound.size, 1 / RATE)
        return float(10 * np.log10(power[(frequencies > low) & (frequencies < high)].sum() / power.sum()))

    assert share(text) > share("ooh") + 6


def test_a_glide_of_the_mouth_moves_the_formants() -> None:
    note = Note(0.0, 1.0, 60, 0.9, "lead", "wah")
    plan = voice.gesture((note,), voice.SINGERS["lead"], 1.0, np.random.default_rng(0))
    assert plan.formants[0, 1] < 500 < 700 < plan.formants[0, 200]


def test_fewer_notes_leave_the_rest_of_the_luck_alone() -> None:
    song = compose("house", 9, 8)
    without = replace(song, notes=tuple(note for note in song.notes if note.part != "pluck"))
    one, other = (render(each, 11025)["drums"] for each in (song, without))
    assert np.corrcoef(one[0], other[0])[0, 1] > 0.99


# The arithmetic


def test_a_filter_that_stands_still_is_the_same_moving_or_fixed() -> None:
    noise = np.random.default_rng(1).standard_normal((2, 20000))
    fixed = filters.shape(noise, RATE, lambda f: filters.lowpass(f, 900.0))
    moving = filters.sweep(noise, RATE, lambda at, f: filters.lowpass(f, 900.0 + 0 * at))
    np.testing.assert_allclose(moving, fixed, atol=1e-3)


def test_a_lowpass_keeps_what_is_below_and_stops_what_is_above() -> None:
    time = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * tone * time) for tone in (100, 8000))
    kept, stopped = (
        filters.sweep(tone, RATE, lambda at, f: filters.lowpass(f, 1000.0 + 0 * at)) for tone in (low, high)
    )
    middle = slice(RATE // 4, RATE // 2)
    assert abs(level_db(kept[middle]) - level_db(low[middle])) < 0.1
    assert level_db(stopped[middle]) < level_db(high[middle]) - 65


def test_the_limiter_keeps_every_peak_below_the_ceiling_and_leaves_the_quiet_alone() -> None:
    random = np.random.default_rng(2)
    sound = 0.3 * random.standard_normal((2, 30000)) * (1 + 3 * (np.arange(30000) > 15000))
    gain = master.limit(sound, RATE)
    assert np.abs(gain * sound).max() <= master.CEILING + 1e-9
    quiet = master.limit(0.1 * np.clip(sound, -3, 3), RATE)
    assert np.all(quiet == 1)


@pytest.mark.parametrize("reach", [1, 2, 3, 7, 100])
def test_the_lowest_value_around_each_sample_is_found(reach: int) -> None:
    track = np.random.default_rng(reach).random(500)
    slow = [track[max(0, place - reach) : place + reach + 1].min() for place in range(track.size)]
    np.testing.assert_array_equal(master._lowest(track, reach), slow)


def test_convolution_equals_the_sum_it_stands_for() -> None:
    random = np.random.default_rng(3)
    signal, impulse = random.standard_normal((2, 700)), random.standard_normal((2, 90))
    slow = [np.convolve(a, b)[:700] for a, b in zip(signal, impulse, strict=True)]
    np.testing.assert_allclose(filters.convolve(signal, impulse), slow, atol=1e-10)


@pytest.mark.parametrize("module", [filters, melody, theory])
def test_the_examples_in_the_docstrings_run(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


# The demo


def test_the_shipped_demo_is_what_the_code_makes() -> None:
    _, stems = demo()
    shipped, rate = soundfile.read(DEMO, dtype="int16")
    fresh = pcm16(mix(stems)).T
    assert rate == RATE
    assert shipped.shape == fresh.shape
    assert np.abs(shipped.astype(int) - fresh).max() <= 1


def test_the_shipped_demo_is_tagged_and_small() -> None:
    song, tags = demo_song(), FLAC(DEMO)
    wanted = {"title": "Morning Platform", "artist": "stem-cli", "album": "Demo", "genre": "House", "date": "2026"}
    assert {name: tags[name][0] for name in wanted} == wanted
    assert (float(tags["bpm"][0]), tags["initialkey"][0]) == (song.bpm, song.key)
    assert tags.pictures[0].data.startswith(b"\x89PNG")
    assert 30 <= tags.info.length <= 60
    assert DEMO.stat().st_size < 4.5e6
