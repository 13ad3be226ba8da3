"""What the tests run in place of a fresh process is one: same output, same exit code, nothing of the call before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FRESH, SECONDS, Stem
from forked import Waiting


@pytest.mark.parametrize(
    "words",
    [
        ["config", "show"],
        ["separate"],
        ["verify", "nothing here"],
        ["--version"],
        ["cache", "info"],
        ["artifacts", "é 日本"],
    ],
)
def test_a_forked_process_says_and_gives_what_a_fresh_one_does(stem: Stem, words: list[str]) -> None:
    forked = stem(*words, code=None)
    program = Path(sys.executable).with_name("stem")
    fresh = subprocess.run([program, *words], capture_output=True, text=True)
    assert (forked.stdout, forked.stderr, forked.returncode) == (fresh.stdout, fresh.stderr, fresh.returncode)
    assert forked.stdout or forked.stderr


def test_each_call_has_its_own_folder_environment_and_process(
    waiting: Waiting | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if waiting is None:
        assert FRESH or sys.platform == "win32"
        return
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("STEM_FORMAT", {"one": "flac", "two": "aiff"}[name])
        Path(f"{name}.txt").write_text("no song")
        done = waiting.run(("separate", f"{name}.txt", "--json"), tmp_path, SECONDS)
        assert done.returncode == 3
        assert f"{name}.txt" in done.stderr
        assert {"one": "flac", "two": "aiff"}[name] in waiting.run(("config", "show"), tmp_path, SECONDS).stdout
    assert not list(tmp_path.glob(".out*"))


def test_what_a_process_reads_as_it_starts_needs_a_fresh_one(
    waiting: Waiting | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if waiting is not None:
        assert waiting.serves()
        monkeypatch.setenv("PYTHONUTF8", "1")
        assert not waiting.serves()


def test_one_that_hangs_is_ended(waiting: Waiting | None, tmp_path: Path) -> None:
    if waiting is not None:
        (tmp_path / "watched").mkdir()
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.run(("watch", str(tmp_path / "watched"), "--output", str(tmp_path / "out")), tmp_path, 2.0)
        assert waiting.run(("--version",), tmp_path, SECONDS).returncode == 0
