"""Booked before it is sent: runs that are stopped at any step, and two at once, pay once."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import postgres
import pytest
from lalal_choices import Fault, Habits
from lalal_runs import ENGINE, Clock, Song, assert_equal, bookings, cloud, request, separate
from lalal_server import serving
from lalal_service import Lalal

from stem_cli.database import Database, open_database
from stem_cli.engines import Run
from stem_cli.engines.cloud.booking import CANCELLED, DELIVERED, FAILED, OPEN, STARTED, Book
from stem_cli.engines.cloud.service import Source
from stem_cli.errors import BusyError, CloudError

pytestmark = pytest.mark.usefixtures("no_proxy")


# ------------------------------------------------------------------------------------------------------------ the book


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else postgres.new_database(request.getfixturevalue("server"))


@pytest.fixture
def database(url: str, tmp_path: Path) -> Iterator[Database]:
    made = open_database(url, tmp_path / "data")
    yield made
    made.close()


def test_there_is_one_open_booking_for_a_work(database: Database) -> None:
    book, other = Book(database, "lalal", "one"), Book(database, "lalal", "two")
    first = book.book(3.0, 100.0)
    assert book.book(3.0, 90.0) == first
    assert other.book(3.0, None).id != first.id
    assert (first.state, first.doubts, first.task_id, first.minutes_before) == (OPEN, 0, "", 100.0)
    book.close(first, FAILED, "it failed")
    assert book.current() is None
    assert book.book(3.0, 100.0).id != first.id


def test_a_booking_goes_from_key_to_task(database: Database) -> None:
    book = Book(database, "lalal", "one")
    booking = book.uploaded(book.book(1.0, None), Source("source", 2e9))
    assert (booking.source_id, booking.source_until) == ("source", 2e9)
    booking = book.sending(booking)
    assert booking.doubts == 1
    booking = book.started(booking, "task", 1.5e9)
    assert (booking.state, booking.task_id, booking.started) == (STARTED, "task", 1.5e9)
    assert book.current() == booking
    book.close(booking, DELIVERED)
    assert book.current() is None
    delivered = book.delivered()
    assert delivered is not None
    assert delivered.id == booking.id


def test_the_second_source_is_not_taken(database: Database) -> None:
    book = Book(database, "lalal", "one")
    booking = book.book(1.0, None)
    book.uploaded(booking, Source("first", 1.0))
    assert book.uploaded(booking, Source("second", 2.0)).source_id == "first"


def test_a_new_key_is_given_only_where_nothing_is_in_doubt(database: Database) -> None:
    book = Book(database, "lalal", "one")
    booking = book.uploaded(book.book(1.0, None), Source("source", 1.0))
    sent = book.sending(booking)
    assert book.renew(sent).id == booking.id
    free = book.not_started(sent)
    renewed = book.renew(free)
    assert renewed.id != booking.id
    assert (renewed.source_id, renewed.doubts) == ("", 0)
    assert book.renew(free).id == renewed.id  # who comes late gets what the first has made


def test_what_has_ended_meanwhile_is_told_as_such(database: Database) -> None:
    book = Book(database, "lalal", "one")
    booking = book.book(1.0, None)
    book.renew(replace(booking, source_id=""))
    book.close(book.book(1.0, None), CANCELLED)
    with pytest.raises(BusyError, match="another process has just dealt with"):
        book.sending(booking)


def test_the_engine_books_in_either_database(lalal: Lalal, url: str, tmp_path: Path) -> None:
    asked = request(lalal, tmp_path, database_url=url)
    lalal.faults["check"] += [Fault("answer", 503, b"")] * 20
    with pytest.raises(CloudError):
        separate(Song(), asked, lalal.clock)
    lalal.faults.clear()
    assert_equal(separate(Song(), asked, lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1
    assert (tmp_path / "stem.sqlite").exists() is (url == "")


# -------------------------------------------------------------------------------------------------- booked before sent


def seen_at(lalal: Lalal, data: Path, step: str) -> list[list[dict[str, Any]]]:
    """What stands in the database while the service gets a question."""
    seen: list[list[dict[str, Any]]] = []

    def look(one: str) -> Fault | None:
        if one == step:
            seen.append(bookings(data))
        return None

    lalal.surprise = look
    return seen


def test_the_key_stands_in_the_database_before_the_order_is_sent(lalal: Lalal, tmp_path: Path) -> None:
    seen = seen_at(lalal, tmp_path, "stem_separator")
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    (order,) = [json.loads(one.body) for one in lalal.log if one.path.endswith("stem_separator/")]
    ((booking,),) = seen
    assert booking["id"] == order["idempotency_key"]
    assert booking["source_id"] == order["source_id"]
    assert (booking["state"], booking["doubts"], booking["minutes_before"]) == ("open", 1, 1000.0)


def test_the_tasks_number_stands_there_before_it_is_asked_for(lalal: Lalal, tmp_path: Path) -> None:
    seen = seen_at(lalal, tmp_path, "check")
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    assert {(one["state"], one["task_id"]) for (one,) in seen} == {("started", next(iter(lalal.tasks)))}
    assert [row["state"] for row in bookings(tmp_path)] == ["delivered"]


def test_an_order_whose_answer_is_lost_is_sent_again_with_the_same_key(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(queue_seconds=60.0)
    lalal.faults["stem_separator"] += [Fault("after"), Fault("half"), Fault("answer after", 503, b"")]
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1
    assert len({one.body for one in lalal.log if one.path.endswith("stem_separator/")}) == 1


def lost(lalal: Lalal, data: Path) -> str:
    """The message after a task was started and the answer that named it was lost."""
    lalal.habits = Habits(repeat="refuse")
    lalal.faults["stem_separator"] += [Fault("after")]
    with pytest.raises(
        CloudError, match="has started this task and charges it, but the answer that named it"
    ) as caught:
        separate(Song(6.0, 8000, 1), request(lalal, data), lalal.clock)
    return str(caught.value)


def test_a_used_key_whose_task_nobody_knows_is_told_and_not_paid_twice(
    lalal: Lalal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = lost(lalal, tmp_path)
    (source,) = lalal.sources.values()
    assert "minutes left: 1000.0 before, 999.9 now; it costs 0.10" in message
    assert source.name in message
    for _ in range(3):
        assert lost(lalal, tmp_path).count("STEM_PAY_AGAIN=") == 1
        lalal.faults.clear()
    assert len(lalal.tasks) == 1
    number = re.search(r"STEM_PAY_AGAIN=(\w{8})", message)[1]  # type: ignore[index]
    monkeypatch.setenv("STEM_PAY_AGAIN", number)
    song = Song(6.0, 8000, 1)
    assert_equal(separate(song, request(lalal, tmp_path), lalal.clock), song, "lalal-vocals")
    assert len(lalal.tasks) == 2
    assert sorted(row["state"] for row in bookings(tmp_path)) == ["delivered", "given up"]


def test_paying_again_for_one_song_is_not_leave_for_another(
    lalal: Lalal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = re.search(r"STEM_PAY_AGAIN=(\w{8})", lost(lalal, tmp_path))[1]  # type: ignore[index]
    lalal.faults["stem_separator"] += [Fault("after")]
    monkeypatch.setenv("STEM_PAY_AGAIN", number)
    for _ in range(2):
        with pytest.raises(CloudError, match="was lost"):
            separate(Song(), request(lalal, tmp_path), lalal.clock)
    assert len(lalal.tasks) == 2


def test_a_used_key_whose_task_another_process_knows_is_that_task(lalal: Lalal, tmp_path: Path) -> None:
    """Its note comes a moment later than the refusal."""
    lalal.habits = Habits(repeat="refuse")
    lalal.faults["stem_separator"] += [Fault("after")]

    def sleep(seconds: float) -> None:
        lalal.clock.time += seconds
        if seconds == 2.0 and lalal.tasks:
            database = open_database("", tmp_path)
            database.run(
                "UPDATE bookings SET state = 'started', task_id = :task, started = :at WHERE state = 'open'",
                task=next(iter(lalal.tasks)),
                at=lalal.clock.now(),
            )
            database.close()

    watched = type("Watched", (), {"now": lalal.clock.now, "sleep": staticmethod(sleep)})()
    assert_equal(separate(Song(), request(lalal, tmp_path), watched), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_two_at_once_pay_once(lalal: Lalal, tmp_path: Path) -> None:
    """The same song, from two programs that share a database: both get their stems."""
    lalal.habits = Habits(queue_seconds=0.0, work_seconds=30.0, repeat="refuse")
    open_database("", tmp_path).close()
    made: list[Any] = []

    def work() -> None:
        try:
            made.append(separate(Song(2.0), request(lalal, tmp_path), lalal.clock))
        except (CloudError, BusyError) as error:
            made.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lalal.tasks) == 1
    assert [one for one in made if not isinstance(one, Exception)]
    assert_equal(separate(Song(2.0), request(lalal, tmp_path), lalal.clock), Song(2.0), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_another_model_another_song_or_another_service_is_another_task(lalal: Lalal, tmp_path: Path) -> None:
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    separate(Song(), request(lalal, tmp_path, "lalal-drums"), lalal.clock)
    separate(Song(seed=1), request(lalal, tmp_path), lalal.clock)
    assert len(lalal.tasks) == 3
    with serving(lalal.clock) as other:
        separate(Song(), request(other, tmp_path), lalal.clock)
        assert len(other.tasks) == 1


# ----------------------------------------------------------------------------------------------- what is here is kept


def test_stems_that_could_not_be_brought_home_are_not_paid_again(lalal: Lalal, tmp_path: Path) -> None:
    """A disk that is full while stems are written, say; what was paid for lies in the data folder."""
    notes: list[str] = []
    for _ in range(2):
        stream = ENGINE.separate(Song(2.0), request(lalal, tmp_path), Run(note=notes.append))
        lalal.clock.time = time.time()
        lalal.habits = Habits(queue_seconds=0, work_seconds=0)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    lalal.log.clear()
    assert_equal(separate(Song(2.0), request(lalal, tmp_path), lalal.clock, notes), Song(2.0), "lalal-vocals")
    assert lalal.steps() == ["delete", "minutes_left"]
    assert "LALAL.AI: its tracks are here from an earlier run, and are not paid again" in notes
    assert len(lalal.tasks) == 1


def test_the_same_again_within_minutes_is_not_paid_again(lalal: Lalal, tmp_path: Path) -> None:
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    lalal.log.clear()
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert lalal.log == []


def test_kept_tracks_that_are_damaged_are_fetched_again(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["delete"] += [Fault("before")] * 3
    stream = ENGINE.separate(Song(), request(lalal, tmp_path), Run())
    lalal.clock.time, lalal.habits = time.time(), Habits(queue_seconds=0, work_seconds=0)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    (track,) = (tmp_path / "cloud").glob("*/vocals.flac")
    track.write_bytes(track.read_bytes()[:1000])
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_tracks_go_a_while_after_they_were_handed_over(lalal: Lalal, tmp_path: Path) -> None:
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    (kept,) = (tmp_path / "cloud").iterdir()
    strange = tmp_path / "cloud" / "song-left-by-a-killed-process"
    strange.mkdir()
    separate(Song(seed=1), request(lalal, tmp_path), lalal.clock)
    assert kept.exists()
    assert strange.exists()
    os.utime(kept / "delivered", (time.time() - 700,) * 2)
    os.utime(strange, (time.time() - 8 * 24 * 3600,) * 2)
    separate(Song(seed=2), request(lalal, tmp_path), lalal.clock)
    assert not kept.exists()
    assert not strange.exists()


def test_tracks_stay_until_the_stems_are_on_the_disk(lalal: Lalal, tmp_path: Path) -> None:
    """Killed between the last block and the last file: the order stays open, and its tracks are there days later."""
    list(cloud._separate(Song(), request(lalal, tmp_path), Run(), Clock(lalal.clock.now, lalal.clock.sleep)))
    assert [row["state"] for row in bookings(tmp_path)] == ["started"]
    (kept,) = (tmp_path / "cloud").iterdir()
    os.utime(kept, (time.time() - 6 * 24 * 3600,) * 2)
    lalal.clock.sleep(6 * 24 * 3600)
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert [row["state"] for row in bookings(tmp_path)] == ["delivered"]
    assert len(lalal.tasks) == 1


def test_what_was_paid_and_handed_over_is_paid_again_only_by_leave(
    lalal: Lalal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    shutil.rmtree(tmp_path / "cloud")
    with pytest.raises(CloudError, match="has made this before") as told:
        separate(Song(), request(lalal, tmp_path), lalal.clock)
    assert len(lalal.tasks) == 1
    monkeypatch.setenv("STEM_PAY_AGAIN", re.search(r"STEM_PAY_AGAIN=(\w+)", str(told.value))[1])  # type: ignore[index]
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 2


def test_nothing_of_the_song_that_was_sent_stays(lalal: Lalal, tmp_path: Path) -> None:
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    assert not list(tmp_path.rglob("song-*"))
    assert not list(tmp_path.rglob("*.part"))
