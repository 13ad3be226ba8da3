"""What `stem separate` prints, and where it goes: stdout, stderr, and streams that take nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import Stem, music
from refusals import Done, small_song, whole
from workshop import opened, run

from stem_cli import stems
from stem_cli.separation import Shop

RATE = 44100


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with opened(tmp_path) as made:
        yield made


def test_stdout_is_the_paths_of_the_stems_and_nothing_else(stem: Stem, song: Path) -> None:
    told = stem("separate", song)
    paths = [Path(line) for line in told.stdout.splitlines()]
    assert [path.stem for path in paths] == list(stems.FOUR)
    assert all(path.is_file() for path in paths)
    assert "separating with builtin" in told.stderr
    assert "\x1b" not in told.stdout + told.stderr


def test_json_is_one_object_a_song_and_stderr_holds_the_rest(stem: Stem, song: Path) -> None:
    told = stem("separate", song, "missing.wav", "--json", code=6)
    made, failed = (json.loads(line) for line in told.stdout.splitlines())
    assert made["status"] == "made"
    assert list(made["stems"]) == list(stems.FOUR)
    assert made["record"] == json.loads(Path(made["metadata"]).read_text())
    assert (failed["status"], failed["exit_code"], failed["file"]) == ("failed", 3, "missing.wav")
    assert "no such file" in failed["error"]
    assert "separating with" in told.stderr


def test_quiet_prints_the_result_alone(stem: Stem, song: Path) -> None:
    told = stem("separate", song, "--quiet")
    assert len(told.stdout.splitlines()) == 4
    assert told.stderr == ""


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_progress_as_json_ends_with_all_of_the_song(stem: Stem, song: Path) -> None:
    told = events(stem("separate", song, "--progress", "json").stderr)
    assert [one["event"] for one in told] == ["begin", *["progress"] * (len(told) - 2), "end"]
    assert {one["file"] for one in told} == {str(song)}
    assert told[0]["engine"] == "builtin"
    assert told[0]["seconds"] == 4.0
    shares = [one["share"] for one in told[1:-1]]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_progress_tells_songs_apart_and_ends_each_once(shop: Shop, stem: Stem, song: Path) -> None:
    """The second song's length is an estimate, and too long by a little; the first one's stems are there already."""
    soundfile.write("other.mp3", music(2.0), RATE, subtype="MPEG_LAYER_III")
    data = Path("other.mp3").read_bytes()
    Path("other.mp3").write_bytes(data[data.index(b"\xff\xfb", 100) :])  # without its Xing header
    run(shop, song, Path("stems"))
    told = events(stem("separate", song, "other.mp3", "--progress", "json").stderr)
    assert {one["file"] for one in told} == {"other.mp3"}
    assert [one["event"] for one in told].count("end") == 1
    assert [one["share"] for one in told if one["event"] == "progress"][-1] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_stdout_is_an_output_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = separate_into(full, small_song())
    assert done.returncode == 5
    assert done.stderr == "stem: the disk is full. Free some space.\n"
    whole("stems", 1)


def test_a_reader_that_goes_away_ends_the_run_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = separate_into(writing, small_song("one.wav"), small_song("two.wav", seed=1))
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    whole("stems", 1)


def separate_into(stdout: Any, *songs: Path) -> Done[str]:
    """Run `stem separate` with its stdout connected to something."""
    command = [sys.executable, "-m", "stem_cli.cli", "separate", *map(str, songs), "--progress", "off"]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams by the shell of Unix")
def test_closed_streams_do_not_harm(stem: Stem) -> None:
    command = f'"{sys.executable}" -m stem_cli.cli separate {small_song()} <&- >&- 2>&-'
    assert subprocess.run(command, shell=True, timeout=60, check=False).returncode == 0
    whole("stems", 1)
    assert len(json.loads(stem("artifacts", "--json").stdout)) == 4  # the database is whole too
