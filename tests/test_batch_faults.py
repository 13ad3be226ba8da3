"""A batch that is killed, stopped, out of space, or whose songs vanish: the next run completes it, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from batches import MUSIC, assert_each_once, cut, done, rows, separated, states, write_songs
from conftest import Stem
from obstacles import Filler
from processes import (
    OUTPUT,
    assert_nothing_half_made,
    assert_whole,
    being_made,
    left_over,
    started,
    unix_only,
    visible,
    wait_for,
)

pytestmark = unix_only


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


# ---------------------------------------------------------------------------------------- kill -9


def kill_again_and_again(stem: Stem, tmp_path: Path, songs: int, kills: int, side_by_side: int) -> None:
    """Kill a batch at random moments: of its start, and after some more songs are done, in turns.

    No song is hit three times: what was in hand is done first by the next run.
    """
    write_songs(songs)
    draw = random.Random(songs)
    for number in range(kills):
        before = len(done())
        process = started("batch", MUSIC, "--jobs", side_by_side, "--progress", "off")
        if number % 2:
            time.sleep(draw.uniform(0, 2))
        else:
            while process.poll() is None and len(done()) < before + side_by_side + 1:
                time.sleep(0.02)  # on a machine that is busy it may come to its end unseen
            time.sleep(draw.uniform(0, 0.2))
        kill(process)
        assert_nothing_half_made(tmp_path)
    stem("batch", MUSIC)
    assert_each_once(songs)
    assert stem("verify", OUTPUT).stderr == ""
    assert left_over(OUTPUT) == []
    again = stem("batch", MUSIC)
    assert (again.stdout, again.stderr) == ("", "")


@pytest.mark.slow
def test_killed_three_times_a_batch_is_completed_and_no_song_is_done_twice(stem: Stem, tmp_path: Path) -> None:
    kill_again_and_again(stem, tmp_path, 8, 3, 2)


@pytest.mark.slow
def test_killed_ten_times_a_batch_of_fifty_is_completed_and_no_song_is_done_twice(stem: Stem, tmp_path: Path) -> None:
    kill_again_and_again(stem, tmp_path, 50, 10, 3)


@pytest.mark.slow
def test_a_song_whose_process_died_three_times_is_given_up_and_the_others_are_done(stem: Stem) -> None:
    write_songs(1, seconds=8)
    write_songs(2, first=1)
    attempts = "SELECT attempts FROM queue WHERE state = 'running' AND path LIKE '%/00.wav'"
    for number in range(1, 4):
        process = started("batch", MUSIC, "--jobs", "2")
        wait_for(lambda wanted=number: rows(attempts) == [(wanted,)], process)  # type: ignore[misc]
        kill(process)
    told = stem("batch", MUSIC, code=6)
    assert "1 failed before" in told.stderr or "1 of the songs failed" in told.stderr
    assert states() == {"00.wav": "failed", "01.wav": "done", "02.wav": "done"}
    assert "its process died 3 times while it was separated" in stem("queue", "list", "--state", "failed").stdout
    assert stem("batch", MUSIC, code=6).stdout == ""
    stem("batch", MUSIC, "--retry-failed")
    assert_each_once(3)


@pytest.mark.slow
def test_stems_of_a_song_that_was_in_hand_at_an_unclean_end_are_compared_with_their_record(stem: Stem) -> None:
    write_songs(2)
    stem("batch", MUSIC)
    for number in range(2):
        rows_changed("UPDATE queue SET state = 'queued', attempts = 1")
        wrong = next(OUTPUT.glob(f"0{number}_*/bass.wav"))
        stat, sound = wrong.stat(), bytearray(wrong.read_bytes())
        sound[len(sound) // 2] ^= 1
        wrong.write_bytes(sound)
        os.utime(wrong, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        stem("batch", MUSIC)
        assert_whole(OUTPUT, 2)


def rows_changed(statement: str) -> None:
    """As a process that died at just this moment would have left the database."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(Path(os.environ["STEM_DATA_DIR"]) / "stem.sqlite")) as database, database:
        database.execute(statement)


# ---------------------------------------------------------------------------------------- Ctrl-C


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_gives_the_songs_in_hand_back_and_leaves_nothing_half_made(
    stem: Stem, tmp_path: Path, name: str
) -> None:
    write_songs(2, seconds=30)
    process = started("batch", MUSIC, "--jobs", "2")
    wait_for(lambda: being_made(OUTPUT), process)
    process.send_signal(signal.Signals[name])
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "stem: interrupted; nothing half-made is left."
    assert "Traceback" not in err
    assert rows("SELECT state, attempts, batch FROM queue") == [("queued", 0, "")] * 2
    assert rows("SELECT * FROM batches") == rows("SELECT * FROM wanted") == []
    assert visible(OUTPUT) == []
    assert list(tmp_path.rglob("*.partial")) == []


# ---------------------------------------------------------------------------------------- disks


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_batch_and_the_next_run_goes_on(
    stem: Stem, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(100)
    write_songs(2, seconds=20)
    with Filler(disk):
        full = stem("batch", MUSIC, "--output", disk / "stems", "--jobs", "1", code=5)
    assert "the disk is full" in full.stderr.splitlines()[-1]
    assert "Traceback" not in full.stderr
    assert rows("SELECT state, attempts, error FROM queue") == [("queued", 0, "")] * 2
    stem("batch", MUSIC, "--output", disk / "stems")
    assert_each_once(2, disk / "stems")


def test_a_batch_that_the_disk_cannot_hold_is_refused_with_what_is_missing(
    stem: Stem, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(3)
    write_songs(20)
    refused = stem("batch", MUSIC, "--output", disk / "stems", code=5)
    assert "the stems of 20 songs need about" in refused.stderr
    assert "GB are missing" in refused.stderr
    assert list(disk.iterdir()) == []
    assert states() == {}


@pytest.mark.slow
@pytest.mark.parametrize("mount_point_stays", [pytest.param(False, marks=pytest.mark.slow), True])
def test_songs_that_vanish_end_the_batch_and_are_known_when_they_are_back_elsewhere(
    stem: Stem, mount_point_stays: bool
) -> None:
    write_songs(6, seconds=2)
    process = started("batch", MUSIC, "--jobs", "1", "--json")
    wait_for(lambda: len(done()) >= 2, process)
    MUSIC.rename("back")
    if mount_point_stays:
        MUSIC.mkdir()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "Plug it in again" in err
    assert "failed" not in states().values()
    finished = len(done())
    assert 2 <= finished < 6
    again = stem("batch", "back", "--json")
    assert len(again.stdout.splitlines()) - 1 == 6 - finished
    assert_each_once(6)


def test_a_disk_of_songs_that_a_list_names_ends_the_batch_when_it_is_pulled(stem: Stem) -> None:
    write_songs(6, seconds=2)
    songs = sorted(MUSIC.iterdir())
    Path("list.m3u8").write_text("\n".join(str(song.absolute()) for song in songs))
    process = started("batch", "list.m3u8", "--jobs", "1", "--json")
    wait_for(lambda: len(done()) >= 2, process)
    MUSIC.rename("back")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "Plug it in again" in err
    assert "failed" not in states().values()


def mount(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


@pytest.mark.slow
def test_a_disk_of_stems_that_is_pulled_ends_the_batch_and_nothing_is_written_where_it_was(
    stem: Stem, tmp_path: Path, small_disk: Callable[[int], Path]
) -> None:
    disk, usb = small_disk(200), tmp_path / "usb"
    usb.mkdir()
    write_songs(5, seconds=2)
    mount("mount", "--bind", disk, usb)
    process = started("batch", MUSIC, "--output", usb / "stems", "--jobs", "1")
    try:
        wait_for(lambda: len(done()) >= 2, process)
    finally:
        mount("umount", "--lazy", usb)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert "Plug it in again" in err.splitlines()[-1]
    assert len(visible(usb / "stems")) <= 1  # the one in hand; it is not taken for done
    assert "failed" not in states().values()
    mount("mount", "--bind", disk, usb)
    try:
        stem("batch", MUSIC, "--output", usb / "stems")
        assert_each_once(5, usb / "stems")
    finally:
        mount("umount", usb)


@pytest.mark.slow
def test_a_song_that_was_gone_for_a_while_is_tried_again_when_it_is_back(stem: Stem) -> None:
    songs = write_songs(2, seconds=2)
    process = started("batch", MUSIC, "--jobs", "1")
    wait_for(lambda: being_made(OUTPUT), process)
    songs[1].rename("away.wav")
    process.communicate(timeout=60)
    assert process.returncode == 6
    assert states() == {"00.wav": "done", "01.wav": "failed"}
    assert stem("batch", MUSIC).stderr == ""  # there is no such song
    Path("away.wav").rename(songs[1])
    stem("batch", MUSIC)
    assert_each_once(2)


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_batch_and_no_song_fails_of_it(stem: Stem) -> None:
    write_songs(6, seconds=2)
    process = started("batch", MUSIC, "--json", "--quiet", "--jobs", "1")
    assert process.stdout is not None
    assert "done" in process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert set(states().values()) <= {"done", "queued"}
    assert rows("SELECT sum(attempts) FROM queue") == [(0,)]
    stem("batch", MUSIC)
    assert_each_once(6)


# ---------------------------------------------------------------------------------------- many


@pytest.mark.slow
def test_of_500_files_of_which_20_are_damaged_480_are_done_and_20_told(stem: Stem) -> None:
    songs = write_songs(500, seconds=0.5)
    for song in songs[7::25]:
        cut(song)
    first = stem("batch", MUSIC, code=6)
    assert "20 of the songs failed" in first.stderr
    assert sorted(states().values()) == ["done"] * 480 + ["failed"] * 20
    assert separated() == [1] * 480
    assert len(visible(OUTPUT)) == 480
    again = stem("batch", MUSIC, code=6)
    assert "20 failed before" in again.stderr
    assert len(again.stderr.splitlines()) == 1
