"""A second pass that hangs is given up: the vocals stay whole, nothing is lost, and the program ends."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Stem
from processes import assert_whole, left_over
from voices import folder_of

from stem_cli.errors import EngineError
from stem_cli.separation.patience import Pulse, patient

SLEEPS = "while True: time.sleep(0.02)"
DEAF = "threading.Lock().acquire() and threading.Event().wait()"
"""Hangs in C: it does not hear that it is told to stop, as a driver does not."""
LATE = "time.sleep(0.3)"
HANGS = """
import threading, time
from stem_cli.engines import builtin

whole = builtin._WAYS["centre"]

def hanging(mix, run):
    blocks = iter(mix.blocks())
    {read}
    {hang}
    yield from whole(mix, run)

builtin._WAYS["centre"] = hanging
"""


@pytest.fixture
def hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the engine of the second pass hang, in every process to come. read: after a first block of the song."""

    def make(how: str, read: str = "") -> None:
        (tmp_path / "hangs").mkdir()
        (tmp_path / "hangs" / "sitecustomize.py").write_text(HANGS.format(hang=how, read=read))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hangs"), prepend=":")
        monkeypatch.setenv("STEM_STALL_MINUTES", "0.01")

    return make


@pytest.mark.slow
@pytest.mark.parametrize(("how", "read"), [(SLEEPS, ""), (SLEEPS, "next(blocks)"), (DEAF, "next(blocks)")])
def test_vocals_stay_whole_where_the_second_pass_hangs(stem: Stem, sung: Path, hang: Any, how: str, read: str) -> None:
    hang(how, read)
    started = time.monotonic()
    done = stem("separate", sung, "--split-vocals", "--json")
    assert time.monotonic() - started < 60
    result = json.loads(done.stdout)
    assert list(result["stems"]) == ["vocals", "drums", "bass", "other"]
    assert any("stay whole: centre has given no sign of life for" in warning for warning in result["warnings"])
    assert "stall_minutes" in done.stderr
    assert_whole(Path("stems"), 1)
    assert left_over(Path("stems")) == []


@pytest.mark.slow
def test_split_vocals_says_that_it_hangs_and_touches_nothing(stem: Stem, sung: Path, hang: Any) -> None:
    folder = folder_of(stem("separate", sung))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    hang(DEAF)
    done = stem("split-vocals", folder, code=4)
    assert "no sign of life" in done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert left_over(Path("stems")) == []


@pytest.mark.slow
def test_of_several_songs_each_keeps_its_vocals(stem: Stem, sung: Path, hang: Any) -> None:
    hang(DEAF)
    (sung.parent / "second.wav").write_bytes(sung.read_bytes())
    done = stem("separate", sung, "second.wav", "--split-vocals")
    assert [Path(line).stem for line in done.stdout.splitlines()] == ["vocals", "drums", "bass", "other"] * 2
    assert done.stderr.count("stay whole") == 2


def test_one_that_is_late_is_waited_for(stem: Stem, sung: Path, hang: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hang(LATE)
    monkeypatch.setenv("STEM_STALL_MINUTES", "0")
    names = [Path(line).stem for line in stem("separate", sung, "--split-vocals").stdout.splitlines()]
    assert names == ["lead_vocals", "backing_vocals", "drums", "bass", "other"]


def test_signs_of_life_make_the_wait_longer() -> None:
    pulse = Pulse()

    def slow() -> Any:
        for _ in range(8):
            time.sleep(0.25)
            pulse.beat()
        yield "done"

    assert list(patient(slow(), pulse, 1.0, "slow")) == ["done"]


def test_an_error_of_the_thread_reaches_whoever_waits() -> None:
    def failing() -> Any:
        yield 1
        raise EngineError("broken")

    found = patient(failing(), Pulse(), 10.0, "failing")
    assert next(found) == 1
    with pytest.raises(EngineError, match="broken"):
        next(found)


def test_what_is_not_wanted_any_more_is_closed() -> None:
    closed = []

    def endless() -> Any:
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    found = patient(endless(), Pulse(), 10.0, "endless")
    assert next(found) == 0
    found.close()
    assert closed == [True]
