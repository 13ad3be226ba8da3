"""Programs that are killed or stopped while an order is under way, at any step: they go on, and pay once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
from conftest import music
from lalal_choices import Habits
from lalal_server import real_time
from lalal_service import KEY, Lalal
from test_cloud import PROGRAM

pytestmark = pytest.mark.usefixtures("no_proxy")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lalal]:
    monkeypatch.setenv("STEM_LALAL_KEY", KEY)
    with real_time() as lalal:
        lalal.habits = Habits(queue_seconds=60.0, work_seconds=0.0)
        monkeypatch.setenv("STEM_CLOUD_URL", lalal.url)
        yield lalal


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "song.wav"
    soundfile.write(path, music(1.0), 44100, subtype="PCM_16")
    return path


def program(song: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, "separate", str(song), "--model", "lalal-vocals", "--allow-cloud"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended_at(service: Lalal, song: Path, step: str, end: Callable[[subprocess.Popen[str]], None]) -> tuple[int, str]:
    """Run the program and end it when the service has carried a question out; its exit code and what it said."""
    held: list[subprocess.Popen[str]] = []
    ready, done = threading.Event(), threading.Event()

    def carried_out(one: str) -> None:
        if one == step and not done.is_set():
            done.set()
            ready.wait(10)
            end(held[0])

    service.carried_out = carried_out
    held.append(program(song))
    ready.set()
    _, said = held[0].communicate(timeout=60)
    return held[0].returncode, said


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [
        "check",
        *(
            pytest.param(step, marks=pytest.mark.slow)
            for step in ("minutes_left", "upload", "stem_separator", "files", "delete")
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="only on Unix")
def test_a_killed_program_goes_on_where_it_was_and_pays_once(service: Lalal, song: Path, step: str) -> None:
    if step in ("check", "files", "delete"):
        service.habits = Habits(queue_seconds=0.0, work_seconds=0.0)
    code, _ = ended_at(service, song, step, killed)
    assert code == -signal.SIGKILL
    assert bool(service.tasks) is (step not in ("minutes_left", "upload"))
    process = program(song)
    wait_for(lambda: process.poll() is not None or "check" in service.steps())
    service.habits = Habits(queue_seconds=0.0, work_seconds=0.0)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert len(out.splitlines()) == 2
    assert len(service.tasks) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="only on Unix")
@pytest.mark.parametrize("step", ["check", "stem_separator"])
def test_ctrl_c_cancels_the_task_at_the_service(service: Lalal, song: Path, step: str) -> None:
    """Also while the order is under way: its answer is waited for, so that it can be cancelled."""
    code, said = ended_at(service, song, step, lambda process: (process.send_signal(signal.SIGINT), time.sleep(0.3)))
    assert code == 130
    assert "LALAL.AI: the task was cancelled" in said
    (task,) = service.tasks.values()
    assert task.outcome == "cancelled"
    assert service.minutes == 1000.0
    assert task.source.deleted


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds
        time.sleep(0.01)
