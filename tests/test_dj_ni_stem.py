"""`.stem.mp4`: written by us, read by us, by FFmpeg and by the checker; damaged ones never end in a traceback."""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SHARED, music
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import tags
from stem_cli.dj import atoms
from stem_cli.dj.ni_stem import ORDER, four, metadata, write_stem
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.errors import FullError, InputError, OutputError, UsageError
from stem_cli.tags import Cover, Tags

FUZZED = 10_000
NAMES = ("drums", "bass", "other", "vocals")


def png() -> bytes:
    """A picture of one point."""
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


TAGS = Tags(title="Söng", artist="日本", bpm=124.5, key="8A", comment="8A - Energy 7", cover=Cover(png(), "image/png"))


def stems(folder: Path, names: tuple[str, ...] = NAMES, rate: int = 44100, channels: int = 2, seconds: float = 0.7,
          depth: str = "PCM_16") -> dict[str, Path]:  # fmt: skip
    """Quiet stems whose sum fits."""
    for place, name in enumerate(names):
        sound = music(seconds, rate, channels, seed=place) / (len(names) + 1)
        soundfile.write(folder / f"{name}.wav", sound, rate, subtype=depth)
    return {name: folder / f"{name}.wav" for name in names}


def decoded(path: Path) -> list[np.ndarray]:
    """What FFmpeg makes of every track: int32 [frames, 2]."""
    found = []
    for track in range(5):
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{track}", "-f", "s32le", "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert not done.stderr, done.stderr
        found.append(np.frombuffer(done.stdout, "<i4").reshape(-1, 2))
    return found


def checked(path: Path, *options: object) -> None:
    tool = SHARED / "tools" / "dj_check.py"
    if not tool.exists():
        return
    done = subprocess.run(
        [sys.executable, tool, "stem", "--strict", *map(str, options), path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg to compare with")


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["aac", "alac"])
@pytest.mark.parametrize("cover", [True, False])
def test_the_checker_and_ffmpeg_agree_with_what_is_written(tmp_path: Path, codec: str, cover: bool) -> None:
    target = tmp_path / "Söng.stem.mp4"
    given = TAGS if cover else replace(TAGS, cover=None)
    made = write_stem(target, stems(tmp_path), given, codec=codec)
    frames = round(0.7 * 44100)
    assert (made.frames, made.rate, made.clipped) == (frames, 44100, 0)
    checked(target, "--deep", "--ref", tmp_path)
    asked = "stream=codec_name,channels,sample_rate,duration_ts:stream_disposition=default"
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", asked, "-of", "json", target],
        capture_output=True,
    )
    streams = json.loads(probe.stdout)["streams"]
    assert [one["disposition"]["default"] for one in streams] == [1, 0, 0, 0, 0]
    assert {(one["codec_name"], one["channels"], one["duration_ts"]) for one in streams} == {(codec, 2, frames)}
    (length,) = {len(track) for track in decoded(target)}
    assert 0 <= length - frames < (1024 if codec == "aac" else 1), "older FFmpegs play the last packet of AAC whole"
    assert tags.read(target) == given
    info = read_stem(target)
    assert info.names == ("Drums", "Bass", "Other", "Vocals")
    assert info.colours == ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")
    assert [track.frames for track in info.tracks] == [frames] * 5
    assert [track.enabled for track in info.tracks] == [True, False, False, False, False]
    assert {(track.priming, track.outside, track.sound) for track in info.tracks} == {
        (1024 if codec == "aac" else 0, 0, True)
    }
    assert sorted(one.name for one in tmp_path.iterdir() if "stem.mp4" in one.name) == ["Söng.stem.mp4"]


@needs_ffmpeg
@pytest.mark.parametrize(("depth", "bits"), [("PCM_16", 16), ("PCM_24", 8)])
def test_the_four_of_seven_add_up_to_the_song_in_every_bit(tmp_path: Path, depth: str, bits: int) -> None:
    names = ("lead_vocals", "backing_vocals", "drums", "bass", "guitar", "piano", "other")
    files = stems(tmp_path, names, depth=depth)
    target = tmp_path / "a.stem.mp4"
    write_stem(target, files, Tags(), codec="alac")
    tracks = [track.astype(np.int64) >> (16 if bits == 16 else 8) for track in decoded(target)]
    given = {name: soundfile.read(path, dtype="int32")[0].astype(np.int64) >> (16 if bits == 16 else 8)
             for name, path in files.items()}  # fmt: skip
    assert np.array_equal(tracks[0], sum(given.values()))
    assert np.array_equal(sum(tracks[1:]), tracks[0])
    assert np.array_equal(tracks[3], given["guitar"] + given["piano"] + given["other"])
    assert np.array_equal(tracks[4], given["lead_vocals"] + given["backing_vocals"])


@needs_ffmpeg
def test_what_no_single_track_can_hold_goes_to_another(tmp_path: Path) -> None:
    names = ("vocals", "drums", "bass", "guitar", "piano", "other")
    loud = np.full((5000, 2), 30000, np.int16)
    sounds = {"vocals": -loud, "drums": -loud, "bass": np.zeros_like(loud), "guitar": loud, "piano": loud}
    for name in names:
        soundfile.write(tmp_path / f"{name}.wav", sounds.get(name, np.zeros_like(loud)), 44100)
    write_stem(tmp_path / "a.stem.mp4", {name: tmp_path / f"{name}.wav" for name in names}, Tags(), codec="alac")
    tracks = [track.astype(np.int64) >> 16 for track in decoded(tmp_path / "a.stem.mp4")]
    assert not tracks[0].any()
    assert np.array_equal(sum(tracks[1:]), tracks[0])


@needs_ffmpeg
def test_a_master_is_taken_as_it_is_and_the_rest_goes_to_other(tmp_path: Path) -> None:
    files = stems(tmp_path)
    master = tmp_path / "song.wav"
    soundfile.write(master, music(0.7, seed=9) / 2, 44100, subtype="PCM_16")
    write_stem(tmp_path / "a.stem.mp4", files, Tags(), master=master, codec="alac")
    tracks = [track.astype(np.int64) >> 16 for track in decoded(tmp_path / "a.stem.mp4")]
    assert np.array_equal(tracks[0], soundfile.read(master, dtype="int16")[0])
    assert np.array_equal(sum(tracks[1:]), tracks[0])
    assert np.array_equal(tracks[1], soundfile.read(files["drums"], dtype="int16")[0])


@needs_ffmpeg
@pytest.mark.parametrize(("rate", "channels", "expected"), [(8000, 1, 48000), (88200, 2, 44100), (48000, 2, 48000)])
def test_other_rates_and_mono_songs_become_what_decks_take(
    tmp_path: Path, rate: int, channels: int, expected: int
) -> None:
    target = tmp_path / "a.stem.mp4"
    made = write_stem(target, stems(tmp_path, rate=rate, channels=channels), Tags())
    assert (made.rate, made.frames) == (expected, round(0.7 * expected))
    checked(target, "--deep")


@needs_ffmpeg
def test_shorter_stems_go_on_in_silence(tmp_path: Path) -> None:
    files = stems(tmp_path)
    soundfile.write(files["bass"], np.full((100, 2), 1000, np.int16), 44100)
    write_stem(tmp_path / "a.stem.mp4", files, Tags(), codec="alac")
    bass = decoded(tmp_path / "a.stem.mp4")[2] >> 16
    assert (bass[:100] == 1000).all()
    assert not bass[100:].any()


def test_same_in_same_bytes_out(tmp_path: Path) -> None:
    files = stems(tmp_path)
    for name in ("a", "b"):
        write_stem(tmp_path / f"{name}.stem.mp4", files, TAGS)
    assert (tmp_path / "a.stem.mp4").read_bytes() == (tmp_path / "b.stem.mp4").read_bytes()


def test_tagging_anew_keeps_the_box_and_the_sound(tmp_path: Path) -> None:
    target = tmp_path / "a.stem.mp4"
    write_stem(target, stems(tmp_path), TAGS)
    before = read_stem(target)
    tags.write(target, replace(TAGS, title="Another " * 200))
    assert read_stem(target) == before
    checked(target, "--deep")


def test_stems_that_do_not_make_four_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing for bass, other"):
        write_stem(tmp_path / "a.stem.mp4", stems(tmp_path, ("drums", "vocals")), Tags())
    files = stems(tmp_path)
    soundfile.write(files["bass"], np.zeros((100, 2)), 48000)
    with pytest.raises(UsageError, match="several sample rates"):
        write_stem(tmp_path / "a.stem.mp4", files, Tags())
    with pytest.raises(UsageError, match="aac or alac"):
        write_stem(tmp_path / "a.stem.mp4", files, Tags(), codec="mp3")


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.stem.mp4"
    target.write_bytes(b"older")
    files = stems(tmp_path)
    files["bass"].write_bytes(files["bass"].read_bytes()[:5000])
    files["vocals"].write_bytes(b"RIFF")
    with pytest.raises(InputError):
        write_stem(target, files, Tags())
    assert target.read_bytes() == b"older"
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]
    with pytest.raises(OutputError):
        write_stem(tmp_path / "missing" / "a.stem.mp4", stems(tmp_path), Tags())


def test_a_full_disk_leaves_nothing(tmp_path: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1)
    with pytest.raises(FullError, match="the disk is full") as told:
        write_stem(disk / "a.stem.mp4", stems(tmp_path, seconds=6), Tags(), codec="alac")
    assert told.value.path == disk / "a.stem.mp4"
    assert list(disk.iterdir()) == []


def test_parts_of_a_stem_that_is_there_are_not_counted_twice() -> None:
    assert four(("vocals", "lead_vocals", "drums", "kick", "snare", "bass", "other", "instrumental")) == {
        "drums": ("drums",), "bass": ("bass",), "other": ("other",), "vocals": ("vocals",)
    }  # fmt: skip


def test_the_json_names_what_it_is_told() -> None:
    told = json.loads(metadata({"other": "Melody"}))
    assert [one["name"] for one in told["stems"]] == ["Drums", "Bass", "Melody", "Vocals"]
    assert told["version"] == 1
    assert not any(one["enabled"] for one in told["mastering_dsp"].values())
    assert ORDER == NAMES


# ------------------------------------------------------------------------------------------------------ damaged files


@given(st.binary(max_size=200))
def test_boxes_of_any_bytes(data: bytes) -> None:
    try:
        found = atoms.boxes(data)
    except ValueError:
        return
    assert all(0 <= one.start < one.body <= one.end <= len(data) for one in found)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_box_that_was_put_in_is_found_and_replaced(first: bytes, second: bytes) -> None:
    once = atoms.put(b"", ("udta", "stem"), first)
    twice = atoms.put(once, ("udta", "stem"), second)
    assert twice == atoms.put(b"", ("udta", "stem"), second)
    (udta,) = atoms.boxes(twice)
    stem = atoms.inside(twice, udta, "stem")
    assert twice[stem.body : stem.end] == second


def test_ten_thousand_damaged_files(tmp_path: Path, quick_folder: Path) -> None:
    """A result or a clear error, never a traceback."""
    target = quick_folder / "a.stem.mp4"
    write_stem(target, stems(tmp_path, seconds=0.05), Tags(title="a"))
    whole = target.read_bytes()
    mdat = whole.index(b"mdat")
    chance = random.Random(1)
    for _ in range(FUZZED):
        data = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(min(len(data), mdat) or 1)
            data[at : at + chance.choice((1, 1, 4))] = chance.choice(
                (
                    b"\0",
                    b"\xff",
                    bytes([chance.randrange(256)]),
                    b"\xff\xff\xff\xff",
                    b"\0\0\0\0",
                    b"",
                    b"\x7f\xff\xff\xff",
                )
            )
        target.write_bytes(data)
        try:
            read_stem(target)
        except InputError:
            continue


@pytest.mark.shared
@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_files_of_others_are_read(codec: str) -> None:
    path = SHARED / "data" / "dj" / "stem" / f"synth2s_{codec}.stem.mp4"
    if not path.exists():
        pytest.skip("the project's shared material is absent")
    info = read_stem(path)
    assert info.names == ("Drums", "Bass", "Other", "Vocals")
    assert {(track.frames, track.rate, track.channels, track.outside) for track in info.tracks} == {
        (88323, 44100, 2, 0)
    }
