"""Ctrl-C at any step of an order, within one process: what is cancelled, what is kept, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lalal_choices import Fault
from lalal_runs import Song, assert_equal, bookings, request, separate
from lalal_service import Lalal

pytestmark = pytest.mark.usefixtures("no_proxy")


def interrupted(lalal: Lalal, data: Path, at: Callable[[], bool]) -> list[str]:
    """A run that is stopped in a sleep; what it told."""
    notes: list[str] = []

    def sleep(seconds: float) -> None:
        lalal.clock.time += seconds
        if at():
            raise KeyboardInterrupt

    watched = type("Watched", (), {"now": lalal.clock.now, "sleep": staticmethod(sleep)})()
    with pytest.raises(KeyboardInterrupt):
        separate(Song(), request(lalal, data), watched, notes)
    return notes


def test_ctrl_c_before_the_start_cancels_nothing(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["upload"] += [Fault("before")] * 3
    interrupted(lalal, tmp_path, lambda: "upload" in lalal.steps())
    assert "cancel" not in lalal.steps()
    assert not lalal.tasks


def test_ctrl_c_during_the_work_cancels_and_the_next_run_orders_anew(lalal: Lalal, tmp_path: Path) -> None:
    notes = interrupted(lalal, tmp_path, lambda: lalal.steps().count("check") == 2)
    assert notes[-1] == "LALAL.AI: the task was cancelled"
    assert lalal.charged == []
    assert [row["state"] for row in bookings(tmp_path)] == ["cancelled"]
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.charged) == 1


def test_ctrl_c_when_the_task_is_done_keeps_what_was_paid(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["files"] += [Fault("before")] * 3
    notes = interrupted(lalal, tmp_path, lambda: "files" in lalal.steps())
    assert "the same command takes it up again, within 24 hours" in notes[-1]
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_ctrl_c_whose_cancelling_fails_says_so(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["cancel"] += [Fault("answer", 503, b"")] * 3
    stopped: list[bool] = []

    def once() -> bool:
        stopped.append("check" in lalal.steps())
        return stopped.count(True) == 1

    assert "could not be cancelled" in interrupted(lalal, tmp_path, once)[-1]
    assert_equal(separate(Song(), request(lalal, tmp_path), lalal.clock), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1
