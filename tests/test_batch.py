"""`stem batch`: a folder is separated once; what failed, what was lost and what changed; two at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import mutagen
import pytest
from batches import (
    MUSIC,
    assert_each_once,
    cut,
    lines,
    look_of,
    name_of,
    rows,
    separated,
    states,
    write_songs,
)
from conftest import Stem
from processes import OUTPUT, assert_whole, being_made, started, unix_only, wait_for, write_song

# ---------------------------------------------------------------------------------------- once, and what is new


def test_a_folder_is_separated_and_the_second_run_says_and_does_nothing(stem: Stem) -> None:
    write_songs(2)
    write_songs(1, MUSIC / "deeper", first=2)
    before = look_of(MUSIC)
    first = stem("batch", MUSIC, "--json")
    *ended, summary = lines(first.stdout)
    assert sorted((name_of(one["file"]), one["status"]) for one in ended) == [
        ("00.wav", "done"),
        ("01.wav", "done"),
        ("02.wav", "done"),
    ]
    assert summary["summary"] == {"done": 3}
    assert "music separated" in Path(str(summary["report"])).read_text("utf-8")
    stems = look_of(OUTPUT)
    assert lines(stem("batch", MUSIC, "--json").stdout)[-1]["summary"] == {}
    second = stem("batch", MUSIC)
    assert (second.stdout, second.stderr) == ("", "")
    assert look_of(OUTPUT) == stems
    assert look_of(MUSIC) == before
    assert_each_once(3)


def test_the_same_folder_by_another_way_is_the_same_folder(stem: Stem) -> None:
    write_songs(2)
    stem("batch", MUSIC)
    plan = json.loads(stem("batch", Path("..") / "work" / MUSIC, "--plan", "--json").stdout)
    assert (plan["plan"], plan["finished"]) == ([], 2)


@pytest.mark.slow
def test_only_what_is_new_is_done_and_names_may_be_anything(stem: Stem) -> None:
    write_songs(1)
    stem("batch", MUSIC)
    write_song(MUSIC / "[red]new; \"x\" 'é' .wav", seed=5)
    new = stem("batch", MUSIC, "--json", "--progress", "off")
    assert [name_of(one["file"]) for one in lines(new.stdout)[:-1]] == ["[red]new; \"x\" 'é' .wav"]
    assert_each_once(2)


def test_two_files_with_the_same_sound_are_separated_once(stem: Stem) -> None:
    (one,) = write_songs(1)
    shutil.copy(one, MUSIC / "copy.wav")
    stem("batch", MUSIC)
    assert sorted(states().values()) == ["done", "done"]
    assert separated() == [1]


@pytest.mark.slow
def test_a_thousand_broken_files_need_no_room_and_are_told(stem: Stem) -> None:
    MUSIC.mkdir()
    for number in range(1000):
        (MUSIC / f"{number:04}.mp3").write_bytes(b"no song")
    write_song(MUSIC / "good.wav")
    first = stem("batch", MUSIC, "--json", "--progress", "off", code=6)
    assert lines(first.stdout)[-1]["summary"] == {"done": 1, "failed": 1000}
    second = stem("batch", MUSIC, code=6)
    (line,) = second.stderr.splitlines()
    assert "1000 failed before" in line


# ---------------------------------------------------------------------------------------- what failed


def begun(name: str) -> tuple[str, str]:
    """When a song was begun, and how it stands."""
    ((at, state),) = rows("SELECT started_at, state FROM queue WHERE path LIKE ?", f"%/{name}")
    return at, state


@pytest.mark.slow
def test_a_damaged_song_is_told_and_left_alone_until_somebody_says_so(stem: Stem) -> None:
    songs = write_songs(3)
    cut(songs[1])
    first = stem("batch", MUSIC, code=6)
    assert next(line for line in first.stderr.splitlines() if "01.wav" in line).endswith("what can be read.")
    assert states() == {"00.wav": "done", "01.wav": "failed", "02.wav": "done"}
    (listed,) = stem("queue", "list", "--state", "failed").stdout.splitlines()
    assert listed.count("01.wav") == 1
    assert "(it is cut off. Copy it again" in listed

    before = begun("01.wav")
    known = stem("batch", MUSIC, code=6)
    (line,) = known.stderr.splitlines()
    assert known.stdout == ""
    assert "1 failed before and was not tried again (01.wav; --retry-failed does)" in line
    assert begun("01.wav") == before

    stem("batch", MUSIC, "--retry-failed", code=6)
    assert begun("01.wav") > before

    stem("queue", "dismiss", songs[1])
    done_with = stem("batch", MUSIC)
    assert (done_with.stdout, done_with.stderr) == ("", "")

    write_song(songs[1], seconds=1.2, seed=1)  # mended
    stem("batch", MUSIC)
    assert_each_once(3)


@pytest.mark.parametrize(("way", "state"), [("skip", "dismissed"), ("take", "done")])
def test_damaged_songs_may_be_skipped_or_taken(stem: Stem, way: str, state: str) -> None:
    songs = write_songs(2)
    cut(songs[0])
    stem("batch", MUSIC, "--damaged", way)
    assert states()["00.wav"] == state
    again = stem("batch", MUSIC, "--damaged", way)
    assert (again.stdout, again.stderr) == ("", "")


@pytest.mark.slow
def test_retry_puts_failed_songs_back_and_the_next_batch_tries_them(stem: Stem) -> None:
    songs = write_songs(2)
    cut(songs[0])
    stem("batch", MUSIC, code=6)
    assert "1 song is in the queue again" in stem("queue", "retry").stderr
    before = begun("00.wav")
    stem("batch", MUSIC, "--damaged", "take")
    assert begun("00.wav")[0] > before[0]
    assert_each_once(2)


# ---------------------------------------------------------------------------------------- what was lost or changed


@pytest.mark.slow
def test_stems_deleted_by_hand_are_made_again(stem: Stem) -> None:
    write_songs(2)
    stem("batch", MUSIC)
    next(OUTPUT.glob("00_*/vocals.wav")).unlink()
    shutil.rmtree(next(OUTPUT.glob("01_*")))
    again = stem("batch", MUSIC, "--json")
    assert len(lines(again.stdout)) == 3
    assert again.stderr.count("it is separated again") == 2
    assert_whole(OUTPUT, 2)


@pytest.mark.slow
@pytest.mark.parametrize("stays", [True, False])
def test_a_disk_of_stems_that_is_not_plugged_in_is_told_and_verify_makes_them_again(stem: Stem, stays: bool) -> None:
    write_songs(2)
    stem("batch", MUSIC)
    OUTPUT.rename("away")
    if stays:
        OUTPUT.mkdir()
    before = rows("SELECT * FROM queue")
    told = stem("batch", MUSIC, code=5).stderr
    assert "the stems of 2 songs are not there any more. Is its disk plugged in?" in told
    assert rows("SELECT * FROM queue") == before
    assert stem("batch", MUSIC, "--verify").stderr.count("it is separated again") == 2
    assert_whole(OUTPUT, 2)


def test_stems_whose_tags_another_program_changed_are_not_made_again(stem: Stem) -> None:
    write_songs(1)
    stem("batch", MUSIC, "--format", "flac")
    tagged = mutagen.File(next(OUTPUT.glob("*/vocals.flac")))
    tagged["comment"] = "a note of a DJ program " * 1000
    tagged.save()
    (next(OUTPUT.glob("00_*")) / "mine.txt").write_text("mine", "utf-8")
    before = rows("SELECT files FROM queue")
    again = stem("batch", MUSIC, "--format", "flac")
    assert (again.stdout, again.stderr) == ("", "")
    fresh = rows("SELECT files FROM queue")
    assert fresh != before  # so that the sound is read once, not with every run
    stem("batch", MUSIC, "--format", "flac")
    assert rows("SELECT files FROM queue") == fresh


@pytest.mark.slow
def test_verify_finds_a_flipped_sample(stem: Stem) -> None:
    write_songs(2)
    stem("batch", MUSIC)
    wrong = next(OUTPUT.glob("00_*/bass.wav"))
    stat, sound = wrong.stat(), bytearray(wrong.read_bytes())
    sound[len(sound) // 2] ^= 1
    wrong.write_bytes(sound)
    os.utime(wrong, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert stem("batch", MUSIC).stderr == ""  # size and time are as they were
    told = stem("batch", MUSIC, "--verify", "--json")
    assert [name_of(one["file"]) for one in lines(told.stdout)[:-1]] == ["00.wav"]
    assert "bass.wav" in told.stderr
    assert_whole(OUTPUT, 2)


@pytest.mark.slow
def test_a_changed_setting_is_told_and_upgrade_makes_only_those_anew_out_of_the_cache(stem: Stem) -> None:
    write_songs(2)
    stem("batch", MUSIC)
    write_songs(1, first=2)
    told = stem("batch", MUSIC, "--format", "flac")
    assert "2 songs have stems of other settings" in told.stderr
    assert len(list(OUTPUT.glob("*/vocals.flac"))) == 1
    stem("batch", MUSIC, "--format", "flac", "--upgrade")
    assert len(list(OUTPUT.glob("*/vocals.flac"))) == 3
    assert list(OUTPUT.glob("*/vocals.wav")) == []
    assert_each_once(3)
    again = stem("batch", MUSIC, "--format", "flac", "--upgrade")
    assert (again.stdout, again.stderr) == ("", "")


# ---------------------------------------------------------------------------------------- two at once


def hold(process: subprocess.Popen[str]) -> None:
    """Stop a batch in the middle of a song."""
    wait_for(lambda: being_made(OUTPUT), process)
    process.send_signal(signal.SIGSTOP)


@unix_only
def test_two_batches_share_the_songs_and_each_is_done_once() -> None:
    write_songs(8)
    both = [started("batch", MUSIC, "--json", "--jobs", "1") for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert_each_once(8)
    ended = [[one["file"] for one in lines(out)[:-1]] for out, _ in told]
    assert sum(map(len, ended)) >= 8


@pytest.mark.slow
@unix_only
def test_while_one_has_the_rest_in_hand_the_other_waits_and_takes_over_where_that_one_dies(stem: Stem) -> None:
    write_songs(1, seconds=20)
    one = started("batch", MUSIC)
    hold(one)
    exclusive = stem("batch", MUSIC, "--exclusive")
    (line,) = exclusive.stderr.splitlines()
    assert "another batch runs (process" in line
    assert exclusive.stdout == ""
    other = started("batch", MUSIC, "--json")
    wait_for(lambda: len(rows("SELECT id FROM batches")) == 2, other)
    time.sleep(1.5)
    assert other.poll() is None
    assert list(states().values()) == ["running"]
    one.kill()
    one.communicate()
    out, err = other.communicate(timeout=120)
    assert other.returncode == 0, err
    assert [one["status"] for one in lines(out)[:-1]] == ["done"]
    assert_each_once(1)


@unix_only
def test_exclusive_is_no_failure_where_songs_failed_before(stem: Stem) -> None:
    songs = write_songs(1)
    cut(songs[0])
    stem("batch", MUSIC, code=6)
    write_songs(1, seconds=20, first=1)
    one = started("batch", MUSIC)
    hold(one)
    assert len(stem("batch", MUSIC, "--exclusive").stderr.splitlines()) == 1
    one.kill()
    one.communicate()
