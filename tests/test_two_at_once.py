"""Two processes at once: with one song, with songs of one name, with two formats."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from conftest import Stem
from processes import (
    OUTPUT,
    assert_whole,
    being_made,
    ended,
    left_over,
    started,
    unix_only,
    visible,
    wait_for,
    write_song,
)

pytestmark = unix_only


def statuses(*processes: subprocess.Popen[str]) -> list[str]:
    """How each process came to its stems, sorted."""
    return sorted(json.loads(line)["status"] for process in processes for line in ended(process).splitlines())


def test_of_two_processes_with_one_song_one_works_and_the_other_takes_what_it_made() -> None:
    song = write_song(seconds=3)
    assert statuses(*(started("separate", song, "--json") for _ in range(2))) == ["made", "there"]
    assert_whole(OUTPUT, 1)
    assert left_over(OUTPUT) == []


def test_two_processes_with_one_song_and_two_folders_separate_it_once() -> None:
    song = write_song(seconds=3)
    both = [started("separate", song, "--json", "--output", name) for name in ("a", "b")]
    assert statuses(*both) == ["cached", "made"]
    for name in ("a", "b"):
        assert_whole(Path(name), 1)


def test_two_songs_of_one_name_at_once_do_not_take_each_others_place() -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
    songs = [write_song(f"{name}/song.wav", seed=seed) for seed, name in enumerate(("a", "b"))]
    both = [started("separate", song, "--json", "--layout", "flat") for song in songs]
    assert statuses(*both) == ["made", "made"]
    assert_whole(OUTPUT, 2)
    assert len(visible(OUTPUT)) == 10


def test_two_formats_of_one_song_at_once_do_not_mix() -> None:
    song = write_song()
    both = [started("separate", song, "--format", form) for form in ("wav", "flac")]
    codes = sorted((process.communicate(timeout=120), process.returncode)[1] for process in both)
    assert codes == [0, 5]
    assert_whole(OUTPUT, 1)


def test_when_the_working_process_is_killed_the_waiting_one_takes_over(stem: Stem) -> None:
    song = write_song(seconds=12)
    working = started("separate", song)
    wait_for(lambda: being_made(OUTPUT), working)
    waiting = started("separate", song, "--json")
    time.sleep(0.7)
    assert waiting.poll() is None
    working.kill()
    working.communicate()
    assert statuses(waiting) == ["made"]
    assert_whole(OUTPUT, 1)
    assert left_over(OUTPUT) == []
