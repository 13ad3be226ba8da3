"""`stem queue` beside batches that run and that stopped; two hosts with one PostgreSQL; how a batch is told."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import postgres
import pytest
from batches import MUSIC, cut, done, states, write_songs
from conftest import Stem
from processes import COMMAND, OUTPUT, assert_whole, started, unix_only, wait_for
from rich.console import Console

from stem_cli.batch import claims, dashboard, queue
from stem_cli.batch.board import Board, Seat
from stem_cli.batch.report import Row
from stem_cli.database import Database, open_database


def listed(stem: Stem, *options: object) -> list[str]:
    """The names in the order in which they are taken."""
    found = json.loads(stem("queue", "list", "--json", *options).stdout)
    return [Path(job["path"]).name for job in found["jobs"]]


# ---------------------------------------------------------------------------------------- the order


def test_a_job_tells_its_folder_where_there_are_several(stem: Stem) -> None:
    write_songs(1)
    stem("batch", MUSIC, "--output", "one")
    assert "->" not in stem("queue", "list", "--state", "done").stdout
    stem("batch", MUSIC, "--output", "two")
    lines = stem("queue", "list", "--state", "done").stdout.splitlines()
    assert [Path(line.partition(" -> ")[2].split("  (")[0]).name for line in lines] == ["one", "two"]


@pytest.mark.slow
def test_songs_are_moved_up_and_down_in_a_queue_that_stopped_and_the_next_batch_keeps_to_it(stem: Stem) -> None:
    write_songs(5)
    stem("batch", MUSIC, "--limit", "1", "--jobs", "1")
    assert done() == ["00.wav"]
    stem("queue", "bottom", MUSIC / "01.wav")
    inner = Path("a[b]")
    inner.mkdir()
    stem("queue", "top", "../music/04*.wav", cwd=inner)
    stem("queue", "priority", "-5", "02.wav")
    assert listed(stem) == ["04.wav", "03.wav", "01.wav", "02.wav"]
    plan = json.loads(stem("batch", MUSIC, "--plan", "--json").stdout)["plan"]
    assert [(Path(one["file"]).name, one["priority"]) for one in plan] == [
        ("04.wav", 1),
        ("03.wav", 0),
        ("01.wav", -1),
        ("02.wav", -5),
    ]
    stem("batch", MUSIC, "--jobs", "1")
    assert done() == ["00.wav", "04.wav", "03.wav", "01.wav", "02.wav"]


@pytest.mark.parametrize("wrong", ["99999", "²", "music/["])
def test_what_means_no_job_is_an_input_error(stem: Stem, wrong: str) -> None:
    told = stem("queue", "top", wrong, code=3)
    assert "is meant by" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.slow
@unix_only
def test_while_a_batch_runs_it_is_paused_reordered_and_goes_on(stem: Stem) -> None:
    write_songs(6)
    stem("queue", "pause")
    process = started("batch", MUSIC, "--jobs", "1", "--progress", "plain")
    wait_for(lambda: len(states()) == 6, process)
    assert "the queue is paused" in stem("queue", "list").stderr
    stem("queue", "top", "05.wav", "03.wav")
    assert set(states().values()) == {"queued"}
    assert "a batch runs: process" in stem("queue", "list").stderr
    stem("queue", "resume")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the queue is paused" in err.splitlines()[0]
    assert done() == ["05.wav", "03.wav", "00.wav", "01.wav", "02.wav", "04.wav"]


@pytest.mark.slow
def test_dismissed_songs_are_listed_and_come_back_with_retry(stem: Stem) -> None:
    songs = write_songs(2)
    cut(songs[0])
    stem("batch", MUSIC, code=6)
    assert "1 song is dismissed" in stem("queue", "dismiss", "*").stderr
    assert listed(stem) == []
    assert listed(stem, "--state", "dismissed") == ["00.wav"]
    assert "0 songs are in" in stem("queue", "retry").stderr
    stem("queue", "retry", "00.wav")
    assert listed(stem) == ["00.wav"]


# ---------------------------------------------------------------------------------------- hosts and processes


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = "" if request.param == "sqlite" else postgres.new_database(request.getfixturevalue("server"))
    opened = open_database(url, tmp_path / "data")
    yield opened
    opened.close()


def entries(count: int) -> list[queue.Entry]:
    return [queue.Entry(Path(f"/music/{number:05}.mp3"), number, "", 1, 1, 1.0) for number in range(count)]


def test_claims_of_four_threads_are_all_distinct_and_in_order(database: Database) -> None:
    for batch in ("a", "b"):
        queue.enter(database, batch, "/stems", entries(200))
    taken: dict[int, list[queue.Job]] = {seat: [] for seat in range(4)}

    def take(seat: int) -> None:
        while (job := queue.claim(database, "ab"[seat % 2])) is not None:
            taken[seat].append(job)

    threads = [threading.Thread(target=take, args=(seat,)) for seat in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.id for jobs in taken.values() for job in jobs}) == 200
    assert sum(map(len, taken.values())) == 200
    assert all([job.place for job in jobs] == sorted(job.place for job in jobs) for jobs in taken.values())


def test_a_song_that_ended_since_it_was_looked_at_is_not_done_again(database: Database) -> None:
    queue.enter(database, "a", "/stems", entries(2))
    job = queue.claim(database, "a")
    assert job is not None
    queue.fail(database, job, "it is cut off", 3)
    queue.enter(database, "b", "/stems", entries(2))  # as another batch saw them before
    assert [one.state for one in queue.jobs(database)] == ["failed", "queued"]
    seen = {one.path: one.ended_at for one in queue.jobs(database)}
    again = [replace(entry, ended_at=seen[str(entry.path)]) for entry in entries(2)]
    queue.enter(database, "b", "/stems", again)
    assert [(one.state, one.attempts) for one in queue.jobs(database)] == [("queued", 0)] * 2


def test_songs_of_a_host_that_is_silent_are_free_when_its_lease_has_ended(database: Database, tmp_path: Path) -> None:
    with claims.joined(database, tmp_path / "other host", "batch", exclusive=False) as other:
        queue.enter(database, other, "/stems", entries(2))
        job = queue.claim(database, other)
        assert job is not None
        assert len(claims.running(database, tmp_path / "data")) == 1
        assert queue.jobs(database, states=("running",)) == [job]
        database.run("UPDATE batches SET lease = lease - 61")
        assert claims.running(database, tmp_path / "data") == []
        (freed, _) = queue.jobs(database, states=("queued",))
        assert (freed.id, freed.attempts) == (job.id, 1)
        with claims.joined(database, tmp_path / "data", "batch", exclusive=True) as batch:
            queue.enter(database, batch, "/stems", entries(2))
            again = queue.claim(database, batch)
            assert again is not None
            assert (again.id, again.unclean) == (job.id, True)
            queue.fail(database, job, "by the host that was asleep", 3)
            assert [one.state for one in queue.jobs(database)] == ["running", "queued"]


def test_a_song_that_killed_its_process_three_times_has_failed(database: Database, tmp_path: Path) -> None:
    for _ in range(queue.ATTEMPTS):
        with claims.joined(database, tmp_path / "data", "batch", exclusive=False) as batch:
            queue.enter(database, batch, "/stems", entries(1))
            assert queue.claim(database, batch) is not None
    (job,) = queue.jobs(database)
    assert (job.state, job.error) == ("failed", "its process died 3 times while it was separated")


@pytest.mark.slow
@unix_only
def test_two_hosts_with_one_postgresql_share_the_songs(stem: Stem, tmp_path: Path, server: str) -> None:
    write_songs(6)
    url = postgres.new_database(server)
    hosts = [
        {**os.environ, "STEM_DATABASE_URL": url, "STEM_DATA_DIR": str(tmp_path / f"host{number}")}
        for number in range(2)
    ]
    both = [started("batch", MUSIC, "--jobs", "1", "--json", env=host) for host in hosts]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    database = open_database(url, tmp_path)
    try:
        assert [job.state for job in queue.jobs(database)] == ["done"] * 6
        made = database.rows("SELECT count(*) AS times FROM separations WHERE cached = 0 GROUP BY digest")
        assert [row["times"] for row in made] == [1] * 6
    finally:
        database.close()
    assert_whole(OUTPUT, 6)
    again = stem("batch", MUSIC, env=hosts[1])
    assert (again.stdout, again.stderr) == ("", "")


# ---------------------------------------------------------------------------------------- how it is told


def progress(err: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_the_time_that_is_left_follows_from_the_sound_that_is_done_since_the_engine_ran() -> None:
    board = Board(100, 900.0, unknown=10)
    now = time.monotonic()
    board.started, board.flowing = now - 60, now - 10  # loading a model took 50 seconds, once
    board.seats = [Seat("a song", "demucs", 10.0, 0.5)]
    for number in range(10):
        board.ended(Row(Path(f"/m/{number}.wav"), "done", song_seconds=10.0))
    assert board.seconds_left == pytest.approx((1000 - 105) * 10 / 105, rel=0.01)


@pytest.mark.slow
def test_after_a_tenth_the_time_that_is_left_is_within_a_quarter_of_what_it_took() -> None:
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        pytest.skip("only on a machine that others leave alone: it is as slow as they make it")
    write_songs(40, seconds=12)
    process = started("batch", MUSIC, "--progress", "json", bufsize=1)
    assert process.stderr is not None
    seen = [(time.monotonic(), json.loads(line)) for line in process.stderr]
    end = time.monotonic()
    process.communicate()
    assert process.returncode == 0
    told = [(at, one) for at, one in seen if one["event"] == "progress" and 4 <= one["ended"] <= 20]
    shares = [one["seconds_left"] / (end - at) for at, one in told]
    assert len(shares) >= 3
    assert abs(statistics.median(shares) - 1) <= 0.25, shares  # one by one, other work on this machine shows


def test_json_progress_tells_how_far_it_is(stem: Stem) -> None:
    write_songs(3)
    told = stem("batch", MUSIC, "--progress", "json", "--json")
    events = progress(told.stderr)
    assert [one["event"] for one in events].count("ended") == 3
    last = [one for one in events if one["event"] == "progress"][-1]
    assert (last["songs"], last["failed"]) == (3, 0)
    assert {"ended", "seconds_left", "times_real_time", "now"} <= set(last)


def test_the_dashboard_shows_everything_and_names_as_they_are() -> None:
    board = Board(10, 100.0)
    board.started -= 10
    board.seats = [Seat("[red]now[/red].wav", "demucs[x]", 10.0, 0.5), Seat()]
    board.ended(Row(Path("/m/a.wav"), "done", song_seconds=10.0))
    board.ended(Row(Path("/m/b.wav"), "failed", song_seconds=10.0, error="it is cut off"))
    console = Console(record=True, width=120, file=io.StringIO(), force_terminal=False)
    console.print(dashboard.drawn(board, ["[bold]next\x1b[31m.wav", "after.wav"], 123_400_000_000))
    shown = console.export_text()
    for text in ("[red]now[/red].wav", "[x]", "50%", "1 of 10", "123.4 GB", "x real time", "about 0:30"):
        assert text in shown
    assert "next: [bold]next" in shown
    assert "after.wav" in shown
    assert "\x1b" not in shown
    figures = {"done", "failed", "waiting", "speed", "time left", "disk left"}
    assert all(name in shown for name in figures)


@unix_only
def test_on_a_terminal_the_dashboard_is_drawn_and_taken_away_and_failures_stay() -> None:
    songs = write_songs(3, seconds=2)
    cut(songs[0])
    songs[0].rename(MUSIC / "[red]cut.wav")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "batch", str(MUSIC), "--jobs", "1"],
        stdout=subprocess.DEVNULL,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(follower)
    seen = read_all(leader)
    assert process.wait(timeout=60) == 6
    for text in ("stem batch", "disk left", "time left", "x real time", "01.wav", "[red]cut.wav: it is cut off"):
        assert text in seen
    assert "1 of the songs failed" in seen.splitlines()[-1]


def read_all(terminal: int) -> str:
    """What a program writes to a terminal until it ends."""
    parts = []
    while select.select([terminal], [], [], 60)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # nobody holds the other end any more
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode(errors="replace")
