"""Ctrl-C and a polite kill: an end within a second, and nothing half-made is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Stem
from processes import (
    OUTPUT,
    assert_nothing_half_made,
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

STOP_SECONDS = 1.0


def stop(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal; the process ends within a second, with 130 and one line."""
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    spent = time.monotonic() - sent
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert err.splitlines()[-1] == "stem: interrupted; nothing half-made is left."
    assert spent < STOP_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # others may keep it waiting


@pytest.mark.parametrize(("name", "late"), [("SIGINT", 0.0), ("SIGINT", 0.4), ("SIGTERM", 0.2), ("SIGHUP", 0.1)])
def test_a_signal_while_stems_are_made_stops_within_a_second_and_leaves_nothing(
    tmp_path: Path, name: str, late: float
) -> None:
    process = started("separate", write_song(seconds=60))
    wait_for(lambda: being_made(OUTPUT), process)
    time.sleep(late)
    stop(process, signal.Signals[name])
    assert not OUTPUT.exists()
    assert left_over(tmp_path / "cache" / "stems") == []
    assert_nothing_half_made(tmp_path)


def test_a_signal_while_the_program_starts_stops_it(tmp_path: Path) -> None:
    process = started("separate", write_song())
    wait_for((tmp_path / "data" / "stem.log").exists, process)
    stop(process, signal.SIGTERM)
    assert not OUTPUT.exists()


IN_A_CALLBACK = """
import signal, time, weakref
from stem_cli import cli

class Thing:
    pass

cli._stop_politely()
thing = Thing()
reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
try:
    del thing
    time.sleep(10)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.slow
def test_a_signal_that_comes_inside_of_a_callback_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_CALLBACK], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_ctrl_c_among_several_songs_keeps_those_that_are_done(tmp_path: Path) -> None:
    process = started("separate", write_song("one.wav"), write_song("two.wav", seconds=60, seed=1))
    wait_for(lambda: visible(OUTPUT) and being_made(OUTPUT), process)
    process.send_signal(signal.SIGINT)
    out = ended(process, 130)
    assert len(out.splitlines()) == 4
    assert_whole(OUTPUT, 1)
    assert left_over(OUTPUT) == []


def test_ctrl_c_during_force_leaves_the_old_stems(stem: Stem, tmp_path: Path) -> None:
    song = write_song(seconds=10)
    stem("separate", song)
    before = {path: path.read_bytes() for path in OUTPUT.rglob("*.*")}
    process = started("separate", song, "--force", "--format", "flac")
    wait_for(lambda: being_made(OUTPUT), process)
    stop(process, signal.SIGINT)
    assert {path: path.read_bytes() for path in OUTPUT.rglob("*.*")} == before
    assert left_over(tmp_path / "cache" / "stems") == []


def test_a_signal_to_the_demo_leaves_nothing_half_made(stem: Stem) -> None:
    process = started("demo", "--output", "demo")
    wait_for(lambda: being_made(Path("demo")), process)
    stop(process, signal.SIGTERM)
    assert left_over(Path("demo")) == []
    assert_whole(Path("demo"), 0)
