"""One contract for all engines: whatever makes the stems, the road may rely on this.

Every engine that is ready on this machine runs through every test.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import music
from engine_subjects import (
    FAR_BELOW_DB,
    Song,
    Subject,
    assert_alike,
    divided,
    every_engine,
    joined,
    rate_of,
    trained_engines,
)

from stem_cli import engines, stems
from stem_cli.audio import Mix
from stem_cli.engines import Engine, Request, Run
from stem_cli.errors import EngineError, InputError
from stem_cli.separation.stream import Sum, Tap, settled


def test_there_is_an_engine_that_needs_nothing() -> None:
    assert engines.load("builtin").unavailable(Request()) is None


def test_every_engine_of_the_table_loads_by_its_name() -> None:
    assert [engine.name for engine in engines.all_engines()] == list(engines.NAMES)
    with pytest.raises(EngineError, match="there is no engine 'nothing'"):
        engines.load("nothing")


@pytest.mark.parametrize("one", engines.all_engines(), ids=lambda one: one.name)
def test_an_engine_describes_itself(one: Engine, tmp_path: Path) -> None:
    """Ready or not: known stems in the table's order, a model, a licence; if not ready, why and what to do."""
    if not one.models:
        pytest.skip("its table is empty")
    assert one.title
    assert one.speed > 0
    for model in one.models:
        assert model.stems == stems.ordered(model.stems)
        assert set(model.stems) <= {*stems.TABLE, *stems.COMPLEMENTS}
        assert set(model.quality) <= set(model.stems)
        assert model.licence
        assert not model.quality or model.source
        missing = one.unavailable(Request(model=model.name, models_dir=tmp_path))
        assert missing is None or (missing.reason and missing.remedy)


@every_engine
def test_blocks_are_float32_of_all_stems_and_of_one_length(subject: Subject) -> None:
    song = Song(music(4.0, rate_of(subject)), rate_of(subject))
    for block in divided(subject, song):
        assert tuple(block) == subject.stems
        assert {part.dtype for part in block.values()} == {np.dtype(np.float32)}
        shapes = {part.shape for part in block.values()}
        assert len(shapes) == 1
        assert shapes.pop()[0] == 2
        assert all(np.isfinite(part).all() for part in block.values())


@every_engine
@pytest.mark.parametrize("frames", [1, 2, 44, 441, 4095, 44101, 100003, 132299, 132300, 132301, 264600])
def test_stems_are_as_long_as_the_song(subject: Subject, frames: int) -> None:
    """Odd lengths, a millisecond, lengths around those of segments."""
    song = Song(music(7.0, rate_of(subject))[:frames], rate_of(subject))
    assert {part.shape for part in joined(divided(subject, song)).values()} == {(2, frames)}


@trained_engines
@pytest.mark.parametrize("channels", [1, 2])
def test_a_song_keeps_its_channels(subject: Subject, channels: int) -> None:
    song = Song(music(1.0, rate_of(subject), channels), rate_of(subject))
    assert {part.shape[0] for part in joined(divided(subject, song)).values()} == {channels}


@trained_engines
@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_song_of_any_rate_lines_up_and_adds_up(subject: Subject, rate: int, channels: int) -> None:
    """Lag 0 by itself: the stems' sum is the song before anything is settled. Of any rate that the engine takes."""
    rate = rate_of(subject, rate)
    song = Song(music(1.3, rate, channels), rate)
    summed = sum(part.astype(np.float64) for part in joined(divided(subject, song)).values())
    assert summed.shape == song.sound.shape
    lost = np.square(summed - song.sound).mean() / np.square(song.sound).mean()
    assert lost < 0.1, f"the stems miss the song by {10 * np.log10(lost):.0f} dB"


@trained_engines
@pytest.mark.parametrize("rate", [8000, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.1])
def test_very_short_songs_at_any_rate(subject: Subject, rate: int, seconds: float) -> None:
    rate = rate_of(subject, rate)
    song = Song(music(seconds, rate), rate)
    assert {part.shape[1] for part in joined(divided(subject, song)).values()} == {round(seconds * rate)}


@every_engine
def test_silence_gives_silence(subject: Subject) -> None:
    found = joined(divided(subject, Song(np.zeros((70000, 2)), rate_of(subject))))
    assert max(np.abs(part).max() for part in found.values()) < 10 ** (FAR_BELOW_DB / 20)


@every_engine
@pytest.mark.parametrize("level", [1.0, -1.0, 1e-4])
def test_a_constant_is_divided_without_harm(subject: Subject, level: float) -> None:
    found = joined(divided(subject, Song(np.full((70000, 2), level), rate_of(subject))))
    assert all(np.isfinite(part).all() for part in found.values())
    assert max(np.abs(part).max() for part in found.values()) <= 2 * abs(level)


@every_engine
@pytest.mark.parametrize("sound", ["clicks", "full scale noise", "one side only", "denormal"])
def test_hard_songs_give_numbers(subject: Subject, sound: str) -> None:
    random = np.random.default_rng(1)
    noise = random.uniform(-1, 1, (60000, 2))
    song = {
        "clicks": (np.arange(60000)[:, None] % 5000 == 0) * np.ones(2),
        "full scale noise": np.sign(noise),
        "one side only": noise * [1, 0],
        "denormal": noise * 1e-39,
    }[sound]
    found = joined(divided(subject, Song(song, rate_of(subject))))
    assert all(np.isfinite(part).all() for part in found.values())
    assert max(np.abs(part).max() for part in found.values()) < 4


@every_engine
def test_the_songs_blocks_are_not_written_into(subject: Subject) -> None:
    """They are read-only here, so that an engine which writes into them fails; and the song is as it was."""
    song = Song(music(2.0, rate_of(subject)), rate_of(subject), size=10000)
    before = song.sound.copy()
    divided(subject, song)
    assert np.array_equal(song.sound, before)


@every_engine
def test_blocks_that_were_given_out_do_not_change_afterwards(subject: Subject) -> None:
    song = Song(music(9.0, rate_of(subject)), rate_of(subject))
    kept, copies = [], []
    for block in subject.separate(song, Run(2)):
        kept.append(block)
        copies.append({name: part.copy() for name, part in block.items()})
    for block, copy in zip(kept, copies, strict=True):
        assert all(np.array_equal(block[name], copy[name]) for name in block)


@every_engine
def test_frames_come_out_bit_by_bit_up_to_all_of_them(subject: Subject) -> None:
    """Progress is the share of frames that came out: it rises to 1, and not in one leap at the end."""
    song, out, shares = Song(music(20.0, rate_of(subject)), rate_of(subject)), 0, []
    for block in subject.separate(song, Run(1)):
        out += next(iter(block.values())).shape[1]
        shares.append(out / song.frames)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) >= 4


@every_engine
def test_a_long_song_is_not_read_to_its_end_before_stems_come(subject: Subject) -> None:
    """What keeps memory small. An engine that reads the song twice may have gone through it once."""
    song = Song(np.tile(music(10.0, rate_of(subject)), (6, 1)), rate_of(subject))
    stream = subject.separate(song, Run(1))
    next(stream)
    assert song.given % song.frames < 40 * song.rate
    stream.close()


@every_engine
def test_the_same_song_gives_the_same_bytes(subject: Subject) -> None:
    sound = music(5.0, rate_of(subject))
    one, two = (joined(divided(subject, Song(sound, rate_of(subject)))) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in subject.stems)


@pytest.mark.slow
@every_engine
def test_the_number_of_threads_changes_nothing(subject: Subject) -> None:
    sound = music(8.0, rate_of(subject))
    one, two, five = (joined(divided(subject, Song(sound, rate_of(subject)), threads)) for threads in (1, 2, 5))
    assert_alike(subject, one, two)
    assert_alike(subject, one, five)


@every_engine
@pytest.mark.parametrize("size", [1000, 65536 + 1, 10**7])
def test_the_sizes_of_the_songs_blocks_change_nothing(subject: Subject, size: int) -> None:
    sound = music(5.0, rate_of(subject))
    one = joined(divided(subject, Song(sound, rate_of(subject))))
    two = joined(divided(subject, Song(sound, rate_of(subject), size)))
    assert_alike(subject, one, two)


@every_engine
def test_the_seed_of_another_run_is_not_remembered(subject: Subject) -> None:
    sound = music(2.0, rate_of(subject))
    first = joined(divided(subject, Song(sound, rate_of(subject)), seed=1))
    divided(subject, Song(sound, rate_of(subject)), seed=2)
    again = joined(divided(subject, Song(sound, rate_of(subject)), seed=1))
    assert all(np.array_equal(first[name], again[name]) for name in subject.stems)


@every_engine
def test_an_engines_id_says_all_that_changes_its_sound(subject: Subject) -> None:
    """Two requests with one id give the same stems: the cache serves the one for the other.

    A network that was closed and opened again lies elsewhere in memory, and its runtime may round otherwise.
    """
    sound = music(1.5, rate_of(subject))
    found: dict[str, dict[str, np.ndarray]] = {}
    for changes in ({}, {"effort": "fast"}, {"effort": "best"}, {"seed": 7}, {"overlap": 0.5}, {"shifts": 1}):
        name = subject.engine.identify(replace(subject.request, **changes)).text
        made = joined(divided(subject, Song(sound, rate_of(subject)), **changes))
        known = found.setdefault(name, made)
        assert_alike(subject, known, made)


@pytest.mark.slow
@every_engine
def test_an_engine_ends_at_once_when_it_is_closed(subject: Subject) -> None:
    before = set(threading.enumerate())
    song = Song(np.tile(music(10.0, rate_of(subject)), (12, 1)), rate_of(subject))
    stream = subject.separate(song, Run(2))
    next(stream)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 5
    assert set(threading.enumerate()) <= before


@every_engine
def test_an_error_of_the_song_comes_through_and_ends_the_threads(subject: Subject) -> None:
    class Broken(Song):
        def blocks(self) -> Iterator[np.ndarray]:
            for number, block in enumerate(super().blocks()):
                if number == 3:
                    raise InputError("the disk is gone", Path("song.wav"))
                yield block

    before = set(threading.enumerate())
    with pytest.raises(InputError, match="the disk is gone"):
        divided(subject, Broken(music(9.0, rate_of(subject)), rate_of(subject)))
    assert set(threading.enumerate()) <= before


@every_engine
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_before_an_engine_sees_them(
    subject: Subject, bad: float, tmp_path: Any
) -> None:
    sound = music(2.0, rate_of(subject)).astype(np.float32)
    sound[50000, 1] = bad
    soundfile.write(tmp_path / "bad.wav", sound, rate_of(subject), subtype="FLOAT")
    tap = Tap(Mix.open(tmp_path / "bad.wav"))
    with pytest.raises(InputError, match="no numbers"):
        list(subject.separate(tap, Run(2)))


@trained_engines
def test_an_engine_works_on_the_road(subject: Subject, tmp_path: Any) -> None:
    """The song is read once for both, and what comes out covers it."""
    soundfile.write(tmp_path / "song.wav", music(4.0, rate_of(subject)), rate_of(subject), subtype="PCM_16")
    mix = Mix.open(tmp_path / "song.wav")
    tap, total, run = Tap(mix), Sum(), Run(2)
    for block in settled(subject.separate(tap, run), tap, "16", total):
        assert np.array_equal(sum(block.parts.values()), block.whole)
    assert total.frames == mix.frames
    assert total.residual_db < -10
    assert run.device in ("cpu", "cuda", "mps", "openvino") or run.device.startswith(("cuda", "LALAL.AI"))
