"""Songs that are none, or cut off, or damaged: each with a clear message, and nothing lost or left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from refusals import QUIET, all_failed, refused, results_of, small_song, whole

RATE = 44100

Write = Callable[[Path, np.ndarray], None]


def by_soundfile(path: Path, sound: np.ndarray) -> None:
    subtype = {".mp3": "MPEG_LAYER_III", ".ogg": "VORBIS", ".opus": "OPUS"}.get(path.suffix, "PCM_16")
    soundfile.write(path, sound, RATE if path.suffix != ".opus" else 48000, subtype=subtype, format=_container(path))


def _container(path: Path) -> str:
    return {".opus": "OGG", ".aif": "AIFF"}.get(path.suffix, path.suffix[1:].upper())


def by_av(codec: str, form: str, **options: str) -> Write:
    """Writes by FFmpeg's encoder and container of those names."""

    def write(path: Path, sound: np.ndarray) -> None:
        with av.open(str(path), "w", format=form, options=options) as box:
            stream = box.add_stream(codec, rate=RATE, layout="stereo")
            kind = "s16p" if codec == "alac" else "fltp"
            whole = np.ascontiguousarray(sound.T, np.float32)
            whole = (whole * 32767).astype(np.int16) if kind == "s16p" else whole
            for at in range(0, whole.shape[1], 4096):
                part = np.ascontiguousarray(whole[:, at : at + 4096])
                frame = av.AudioFrame.from_ndarray(part, format=kind, layout="stereo")
                frame.sample_rate = RATE
                box.mux(stream.encode(frame))
            box.mux(stream.encode(None))

    return write


KINDS: dict[str, tuple[str, Write]] = {
    "wav": ("song.wav", by_soundfile),
    "aiff": ("song.aiff", by_soundfile),
    "flac": ("song.flac", by_soundfile),
    "mp3": ("song.mp3", by_soundfile),
    "vorbis": ("song.ogg", by_soundfile),
    "opus": ("song.opus", by_soundfile),
    "aac, index at the end": ("song.m4a", by_av("aac", "ipod")),
    "aac, index first": ("song.m4a", by_av("aac", "ipod", movflags="+faststart")),
    "alac, index first": ("song.m4a", by_av("alac", "ipod", movflags="+faststart")),
    "mp3 by another encoder": ("song.mp3", by_av("mp3", "mp3")),
}
CUTS = (0.1, 0.4, 0.8, 0.95)


def cut_songs(kind: str) -> list[Path]:
    """A song of six seconds, cut off at several places and by its last bytes."""
    name, write = KINDS[kind]
    write(Path(name), music(6))
    whole = Path(name).read_bytes()
    Path(name).unlink()
    paths = []
    for length in [*(round(len(whole) * share) for share in CUTS), len(whole) - 20]:
        paths.append(Path(f"{length}{Path(name).suffix}"))
        paths[-1].write_bytes(whole[:length])
    return paths


def picture(path: Path) -> None:
    """A video without sound."""
    with av.open(str(path), "w", format="mp4") as box:
        stream = box.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            box.mux(packet)


NO_SONGS: dict[str, Callable[[Path], object]] = {
    "missing.wav": lambda path: None,
    "folder.wav": Path.mkdir,
    "empty.wav": Path.touch,
    "text.mp3": lambda path: path.write_text("This is not a song.\n" * 200, "utf-8"),
    "noise.flac": lambda path: path.write_bytes(np.random.default_rng(0).bytes(200_000)),
    "header only.wav": lambda path: soundfile.write(path, np.zeros((0, 2)), RATE),
    "half a header.wav": lambda path: path.write_bytes(b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0"),
    "picture.m4a": picture,
    "pipe.wav": os.mkfifo if sys.platform != "win32" else Path.mkdir,
    "loop.wav": lambda path: path.symlink_to(path),
    "gone.wav": lambda path: path.symlink_to("nowhere.wav"),
}
"""What cannot be separated, by the name of its file, and how it comes about."""


def no_song(kind: str) -> Path:
    """Something that cannot be separated."""
    NO_SONGS[kind](Path(kind))
    return Path(kind)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes and few links")
def test_what_is_no_song_is_refused_by_name_and_with_advice(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = [no_song(kind) for kind in NO_SONGS]
    untouched()
    done = stem("separate", *paths, *QUIET, code=6)
    all_failed(done, paths, 3)
    assert f"{len(paths)} of {len(paths)} songs failed. Nothing was made." in done.stderr


@pytest.mark.parametrize(
    ("kind", "word"), [("missing.wav", "no such file"), ("folder.wav", "a folder"), ("text.mp3", "not a sound file")]
)
def test_a_single_file_that_is_no_song_ends_with_3(
    stem: Stem, kind: str, word: str, untouched: Callable[[], None]
) -> None:
    path = no_song(kind)
    untouched()
    refused(stem("separate", path, code=3), path, word)


def test_bad_files_among_good_ones_end_with_6_and_the_good_ones_are_done(stem: Stem) -> None:
    good = [small_song("one.wav"), small_song("two.flac", seed=1)]
    bad = [no_song(kind) for kind in ("missing.wav", "folder.wav", "empty.wav", "text.mp3")]
    done = stem("separate", bad[0], good[0], *bad[1:], good[1], code=6)
    assert len(done.stdout.splitlines()) == 8
    for path in bad:
        assert f"stem: {path}: " in done.stderr
    assert done.stderr.endswith("stem: 4 of 6 songs failed. The others are done.\n")
    whole("stems", 2)


def test_samples_that_are_no_numbers_are_refused(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = []
    for number, value in enumerate((np.nan, np.inf, -np.inf)):
        sound = music(3).astype(np.float32)
        sound[-1, 1] = value
        paths.append(Path(f"{number}.wav"))
        soundfile.write(paths[-1], sound, RATE, subtype="FLOAT")
    untouched()
    all_failed(stem("separate", *paths, *QUIET, code=6), paths, 3, "NaN")


def test_a_hundredth_of_a_second_is_separated_whatever_the_encoder(stem: Stem) -> None:
    soundfile.write("song.wav", music(0.01), RATE, subtype="PCM_16")
    for form in ("aac", "mp3"):
        done = stem("separate", "song.wav", "--format", form, "--output", form, *QUIET)
        record = json.loads(done.stdout)["record"]
        assert {file["frames"] for file in record["files"]} == {441}
        whole(form, 1)


def test_one_sample_is_separated(stem: Stem) -> None:
    soundfile.write("song.wav", np.array([[0.5]]), RATE, subtype="PCM_16")
    stem("separate", "song.wav")
    whole("stems", 1)


def test_songs_that_were_cut_off_anywhere_are_refused(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = [path for kind in KINDS for path in cut_songs(kind)]
    untouched()
    all_failed(stem("separate", *paths, *QUIET, code=6), paths, 3)


def test_a_cut_song_is_named_with_what_to_do(stem: Stem, untouched: Callable[[], None]) -> None:
    path = cut_songs("flac")[1]
    untouched()
    refused(stem("separate", path, code=3), path, "--damaged take")


def test_cut_songs_can_be_taken_as_far_as_they_go(stem: Stem) -> None:
    kinds = ("wav", "flac", "mp3", "vorbis", "aac, index first", "alac, index first")
    paths = [cut_songs(kind)[2] for kind in kinds]
    done = stem("separate", *paths, "--damaged", "take", "--json")
    for path in paths:
        result = results_of(done)[str(path)]
        assert result["status"] == "made"
        assert any("damaged" in warning for warning in result["warnings"])
        frames = result["record"]["source"]["frames"]
        assert 3 * RATE < frames < 5.5 * RATE
        assert {file["frames"] for file in result["record"]["files"]} == {frames}
    assert done.stderr.count("damaged, and taken as it is") == len(paths)
    whole("stems", len(paths))


def test_a_cut_song_can_be_skipped(stem: Stem) -> None:
    path = cut_songs("flac")[2]
    done = stem("separate", path, small_song(), "--damaged", "skip")
    assert f"skipped: {path}: " in done.stderr
    assert len(done.stdout.splitlines()) == 4
    whole("stems", 1)


def test_asking_without_a_terminal_is_an_error(stem: Stem, untouched: Callable[[], None]) -> None:
    path = cut_songs("flac")[2]
    untouched()
    done = stem("separate", path, "--damaged", "ask", code=3, stdin=subprocess.DEVNULL)
    refused(done, path, "--damaged take")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 3)])
def test_asking_at_a_terminal_takes_the_answer(answer: str, code: int) -> None:
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    path = cut_songs("flac")[2]
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "stem_cli.cli", "separate", str(path), "--damaged", "ask"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == code, done.stderr
    assert "Separate what can be read?" in done.stderr
    assert Path("stems").exists() == (code == 0)


def test_garbage_in_the_middle_is_not_taken_for_the_song(stem: Stem, untouched: Callable[[], None]) -> None:
    paths = []
    for kind in ("flac", "mp3", "mp3 by another encoder", "vorbis", "alac, index first"):
        name, write = KINDS[kind]
        paths.append(Path(f"{kind} {name}"))
        write(paths[-1], music(6))
        sound = bytearray(paths[-1].read_bytes())
        sound[len(sound) // 2 : len(sound) // 2 + 6000] = np.random.default_rng(1).bytes(6000)
        paths[-1].write_bytes(sound)
    untouched()
    all_failed(stem("separate", *paths, *QUIET, code=6), paths, 3)
