"""Lag and length of tracks against a song: found exactly, whatever the sound, and mended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import music

from stem_cli.engines.cloud import mend
from stem_cli.engines.cloud.mend import Damaged, Offset, measured, mended
from stem_cli.engines.cloud.song import Song

RATE = 44100


def saved(folder: Path, name: str, sound: np.ndarray, rate: int = RATE, depth: str = "PCM_24") -> Path:
    path = folder / f"{name}.flac"
    soundfile.write(path, sound, rate, subtype=depth)
    return path


def song_of(folder: Path, sound: np.ndarray, rate: int = RATE) -> Song:
    return Song(saved(folder, "song", sound, rate), rate, sound.shape[1], len(sound), "")


def late(sound: np.ndarray, lag: int) -> np.ndarray:
    return np.pad(sound, ((lag, 0), (0, 0))) if lag >= 0 else sound[-lag:]


@pytest.mark.parametrize("lag", [0, 1, 2, 1105, 32000, -1, -1000])
@pytest.mark.parametrize("kind", ["music", "noise", "beat", "bass", "one side", "opposite sides", "quiet"])
def test_the_lag_is_found_to_the_sample(tmp_path: Path, kind: str, lag: int) -> None:
    sound = sounds()[kind]
    tracks = [saved(tmp_path, "a", late(0.6 * sound, lag)), saved(tmp_path, "b", late(0.4 * sound, lag))]
    assert measured(song_of(tmp_path, sound), tracks).lag == lag


def sounds() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    time = np.arange(4 * RATE) / RATE
    loop = np.tile(random.standard_normal((RATE // 2, 2)) * np.exp(-8 * time[: RATE // 2])[:, None], (8, 1))
    swept = 0.8 * np.sin(2 * np.pi * (30 * time + 4 * time**2))[:, None] * [1, 0.9]
    noise = random.uniform(-0.5, 0.5, (4 * RATE, 2))
    return {
        "music": music(4.0),
        "noise": noise,
        "beat": loop / np.abs(loop).max() * 0.8,
        "bass": swept,
        "one side": noise * [1, 0],
        "opposite sides": noise[:, :1] * [1, -1],
        "quiet": 0.001 * music(4.0),
    }


def test_tracks_that_do_not_add_up_exactly_are_laid_over_it_all_the_same(tmp_path: Path) -> None:
    """A tenth of the power is lost, and some noise has come in."""
    sound, noise = music(6.0), np.random.default_rng(1).normal(0, 0.02, (6 * RATE, 2))
    track = saved(tmp_path, "a", late(0.7 * sound + noise, 777))
    assert measured(song_of(tmp_path, sound), [track]).lag == 777


def test_a_long_song_is_compared_in_places_spread_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence for three minutes, then music."""
    sound = np.concatenate([np.zeros((180 * 8000, 1)), music(30.0, 8000, 1)])
    track = saved(tmp_path, "a", late(sound, 99), 8000)
    assert measured(song_of(tmp_path, sound, 8000), [track]).lag == 99


@pytest.mark.parametrize("frames", [1, 2, 3, 100, 1000])
def test_very_short_songs(tmp_path: Path, frames: int) -> None:
    sound = music(1.0)[2000 : 2000 + frames]
    assert measured(song_of(tmp_path, sound), [saved(tmp_path, "a", sound)]) == Offset(0, frames)


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_song_without_a_shape_has_no_lag(tmp_path: Path, level: float) -> None:
    sound = np.full((RATE, 2), level)
    assert measured(song_of(tmp_path, sound), [saved(tmp_path, "a", sound)]).lag == 0


def test_a_near_silent_song_may_come_back_as_silence(tmp_path: Path) -> None:
    sound = np.random.default_rng(2).uniform(-1e-5, 1e-5, (RATE, 2))
    assert measured(song_of(tmp_path, sound), [saved(tmp_path, "a", np.zeros((RATE, 2)))]).lag == 0


@pytest.mark.parametrize("other", ["silence", "noise", "another song"])
def test_another_song_is_refused(tmp_path: Path, other: str) -> None:
    wrong = {
        "silence": np.zeros((4 * RATE, 2)),
        "noise": np.random.default_rng(5).uniform(-0.5, 0.5, (4 * RATE, 2)),
        "another song": sounds()["bass"],
    }[other]
    with pytest.raises(Damaged, match="not this song"):
        measured(song_of(tmp_path, music(4.0)), [saved(tmp_path, "a", wrong)])


def test_a_short_track_is_refused_and_named(tmp_path: Path) -> None:
    sound = music(4.0)
    tracks = [saved(tmp_path, "a", 0.5 * sound), saved(tmp_path, "b", 0.5 * sound[: 3 * RATE])]
    with pytest.raises(Damaged, match=r"ends after 3\.0 s of 4\.0 s") as caught:
        measured(song_of(tmp_path, sound), tracks)
    assert caught.value.path == tracks[1]


@pytest.mark.parametrize("depth", ["PCM_16", "PCM_24"])
def test_the_md5_of_a_flac_is_looked_at(tmp_path: Path, depth: str) -> None:
    sound = music(2.0)
    path = saved(tmp_path, "a", sound, depth=depth)
    song = song_of(tmp_path, sound)
    assert measured(song, [path]).lag == 0
    body = path.read_bytes()
    path.write_bytes(body[:26] + bytes(16) + body[42:])  # none is said
    assert measured(song, [path]).lag == 0
    path.write_bytes(body[:26] + bytes(range(16)) + body[42:])
    with pytest.raises(Damaged, match="damaged on its way") as caught:
        measured(song, [path])
    assert caught.value.path == path


@pytest.mark.parametrize("body", [b"", b"fLaC", b"<html>", bytes(5000)])
def test_what_is_no_sound_is_damaged(tmp_path: Path, body: bytes) -> None:
    sound = music(1.0)
    path = tmp_path / "a.flac"
    path.write_bytes(body)
    with pytest.raises(Damaged, match="cannot be read"):
        measured(song_of(tmp_path, sound), [path])


@pytest.mark.parametrize("lag", [0, 5, -5, 70000])
def test_streams_begin_where_the_song_does_and_never_end(tmp_path: Path, lag: int) -> None:
    sound = np.rint(music(3.0) * 2**23) / 2**23
    song, path = song_of(tmp_path, sound), saved(tmp_path, "a", late(sound, lag))
    streams = mended(song, {"vocals": [path], "other": [path, path], "bass": []}, Offset(lag, 0))
    wanted = sound.copy()
    wanted[: max(0, -lag)] = 0
    for size in (1, 100, 65536, 65537, 200000):
        taken = {name: stream.take(size, 2).T for name, stream in streams.items()}
        here, wanted = wanted[:size], wanted[size:]
        here = np.pad(here, ((0, size - len(here)), (0, 0)))
        assert np.array_equal(taken["vocals"], here.astype(np.float32))
        assert np.array_equal(taken["other"], (2 * here).astype(np.float32))
        assert not taken["bass"].any()


def test_memory_does_not_grow_with_the_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks that are held are those of the window."""
    sizes: list[int] = []
    kept = mend._padded

    def watched(block: np.ndarray, frames: int) -> np.ndarray:
        sizes.append(block.shape[1])
        return kept(block, frames)

    monkeypatch.setattr(mend, "_padded", watched)
    sound = music(60.0, 8000, 1)
    measured(song_of(tmp_path, sound, 8000), [saved(tmp_path, "a", sound, 8000)])
    assert max(sizes) <= 65536
