"""A batch of many songs separates them in processes of their own: what happens when those die, and when it does."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
from batches import MUSIC, assert_each_once, cut, rows, separated, states, write_songs
from conftest import Stem
from obstacles import Filler
from processes import OUTPUT, assert_whole, being_made, ended, left_over, started, unix_only, visible, wait_for

from stem_cli.batch.queue import Job
from stem_cli.batch.work import Made, Task
from stem_cli.cache import Cache
from stem_cli.errors import StemError
from stem_cli.settings import load
from stem_cli.split import Asked

pytestmark = unix_only

MANY = 9
GONE_SECONDS = 5.0


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that separate songs for a batch."""
    try:
        found = psutil.Process(process.pid).children()
        return [one for one in found if "apart_process" in " ".join(one.cmdline())]
    except psutil.Error:
        return []


def holder(process: subprocess.Popen[str], song: str) -> psutil.Process | None:
    """The one that has a song open."""
    for one in workers(process):
        try:
            if any(Path(file.path).name == song for file in one.open_files()):
                return one
        except psutil.Error:
            continue
    return None


def held(process: subprocess.Popen[str], song: str) -> psutil.Process:
    """The same, waited for."""
    found: list[psutil.Process] = []

    def is_held() -> bool:
        found[:] = [one] if (one := holder(process, song)) else []
        return bool(found)

    wait_for(is_held, process)
    return found[0]


def sha256_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.wav")}


def test_many_songs_get_processes_and_each_is_done_once_as_if_it_were_alone(stem: Stem) -> None:
    songs = write_songs(MANY)
    process = started("batch", MUSIC, "--jobs", "2")
    wait_for(lambda: len(workers(process)) == 2, process)
    ended(process)
    assert_each_once(MANY)
    stem("separate", songs[0], "--output", "alone", "--force", "--cache-limit-gb", "0")
    (together,), (alone,) = OUTPUT.glob("00_*"), Path("alone").glob("00_*")
    assert sha256_of(together) == sha256_of(alone)


@pytest.mark.slow
def test_what_is_wrong_with_a_song_is_told_as_by_the_batch_itself(stem: Stem) -> None:
    cut(write_songs(MANY)[3])
    told = stem("batch", MUSIC, "--jobs", "2", code=6)
    few = stem("batch", MUSIC / "03.wav", "--retry-failed", "--jobs", "1", code=6)
    (why,) = [line for line in few.stderr.splitlines() if "03.wav" in line]
    assert why in told.stderr
    assert list(states().values()).count("done") == MANY - 1


@pytest.mark.slow
def test_a_process_that_is_killed_costs_no_song_and_no_batch(stem: Stem) -> None:
    write_songs(1, seconds=20)
    write_songs(MANY, first=1)
    process = started("batch", MUSIC, "--jobs", "2")
    held(process, "00.wav").kill()
    ended(process)
    assert_whole(OUTPUT, MANY + 1)
    assert set(separated()) == {1}
    assert left_over(OUTPUT) == []
    assert rows("SELECT DISTINCT state, attempts FROM queue") == [("done", 0)]
    assert stem("batch", MUSIC).stderr == ""


@pytest.mark.slow
def test_a_song_that_kills_its_process_three_times_is_given_up_and_the_others_are_done(stem: Stem) -> None:
    write_songs(1, seconds=20)
    write_songs(MANY, first=1)
    process = started("batch", MUSIC, "--jobs", "2")
    for number in range(1, 4):
        at = "SELECT attempts FROM queue WHERE state = 'running' AND path LIKE '%/00.wav'"
        wait_for(lambda wanted=number, at=at: rows(at) == [(wanted,)], process)  # type: ignore[misc]
        held(process, "00.wav").kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 6
    assert "its process died 3 times" in err
    assert sorted(states().items()) == [("00.wav", "failed"), *((f"{n:02}.wav", "done") for n in range(1, MANY + 1))]


@pytest.mark.slow
def test_where_the_batch_is_killed_its_processes_end_at_once(stem: Stem) -> None:
    write_songs(MANY, seconds=20)
    process = started("batch", MUSIC, "--jobs", "2")
    wait_for(lambda: len(workers(process)) == 2 and being_made(OUTPUT), process)
    orphans = workers(process)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(orphans, timeout=GONE_SECONDS)
    assert alive == []


@pytest.mark.slow
def test_ctrl_c_reaches_all_processes_and_leaves_nothing_half_made(stem: Stem, tmp_path: Path) -> None:
    write_songs(MANY, seconds=20)
    process = started("batch", MUSIC, "--jobs", "2", start_new_session=True)
    wait_for(lambda: len(workers(process)) == 2 and being_made(OUTPUT), process)
    before = workers(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert psutil.wait_procs(before, timeout=GONE_SECONDS)[1] == []
    assert rows("SELECT DISTINCT state, attempts, batch FROM queue") == [("queued", 0, "")]
    assert visible(OUTPUT) == []
    assert list(tmp_path.rglob("*.partial")) == []


@pytest.mark.slow
def test_a_disk_that_fills_up_under_a_process_ends_the_batch(stem: Stem, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(300)
    write_songs(MANY, seconds=20)
    with Filler(disk):
        full = stem("batch", MUSIC, "--output", disk / "stems", "--jobs", "2", code=5)
    assert "the disk is full" in full.stderr.splitlines()[-1]
    assert "Traceback" not in full.stderr
    assert set(rows("SELECT state, attempts FROM queue")) <= {("queued", 0), ("done", 0)}


def test_a_bug_in_a_process_is_told_with_its_traceback_for_the_log_and_the_next_song_is_done(stem: Stem) -> None:
    song = write_songs(1)[0].resolve()
    settings = replace(load().settings, output=str(OUTPUT.resolve()))
    task = Task(Asked(), settings, Cache(Path("cache").resolve(), 0), False, Job(1, str(song), "", "running"), song)
    sent = pickle.dumps(replace(task, asked=None)) + pickle.dumps(task)  # type: ignore[arg-type]
    code = "from stem_cli.batch.apart_process import main; main()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(sent)
        process.stdin.flush()
        events = _until_made(process.stdout)
        process.stdin.close()
    assert process.returncode == 0
    assert any(name == "log" and "Traceback" in values[-1] for name, *values in events)
    assert [type(values[0]) for name, *values in events if name in ("error", "made")] == [StemError, Made]


def _until_made(file: IO[bytes]) -> list[tuple[Any, ...]]:
    events: list[tuple[Any, ...]] = []
    while not events or events[-1][0] != "made":
        events.append(pickle.load(file))
    return events
