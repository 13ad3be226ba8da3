"""Disks that are full or too small: an output error that leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Stem
from obstacles import Filler
from processes import OUTPUT, assert_nothing_half_made, assert_whole, left_over, unix_only, visible, write_song

pytestmark = unix_only


@pytest.mark.parametrize("form", ["wav", "flac", "alac"])
def test_a_disk_that_fills_up_is_an_output_error_that_leaves_nothing(
    stem: Stem, tmp_path: Path, form: str, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(40)
    song = write_song(seconds=30)
    with Filler(disk):
        done = stem("separate", song, "--output", disk / "stems", "--format", form, code=5)
        assert [path.name for path in disk.iterdir()] == ["filler"]
    assert done.stdout == ""
    assert "the disk is full" in done.stderr.splitlines()[-1]
    assert str(disk / "stems") in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
    assert_nothing_half_made(tmp_path)
    assert left_over(tmp_path / "cache" / "stems") == []


_THEN_TELL_THREADS = """
import sys, threading
from stem_cli import cli
try:
    cli.main()
except SystemExit as left:
    print(left.code, *(thread.name for thread in threading.enumerate() if thread.daemon))
"""


@pytest.mark.parametrize("form", ["wav", "flac", "alac"])
def test_a_disk_that_fills_up_leaves_no_thread_behind(form: str, small_disk: Callable[[int], Path]) -> None:
    """One that decodes or imports while Python ends takes the process with it: a crash in one run of thousands."""
    disk = small_disk(40)
    song = write_song(seconds=30)
    command = [sys.executable, "-c", _THEN_TELL_THREADS, "separate", song, "--output", disk / "stems", "--format", form]
    with Filler(disk):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "5\n", done.stderr


def test_after_the_disk_was_full_the_same_command_completes(stem: Stem, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(40)
    song = write_song(seconds=10)
    with Filler(disk):
        stem("separate", song, "--output", disk / "stems", code=5)
    stem("separate", song, "--output", disk / "stems")
    assert_whole(disk / "stems", 1)


def test_a_disk_that_is_too_small_is_refused_before_any_work(
    stem: Stem, tmp_path: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(3)
    done = stem("separate", write_song(), "--output", disk / "stems", code=5)
    assert "GB free, the stems need about" in done.stderr
    assert list(disk.iterdir()) == []
    assert visible(tmp_path / "cache" / "stems") == []


def test_a_cache_on_a_disk_that_is_too_small_is_done_without(
    stem: Stem, monkeypatch: pytest.MonkeyPatch, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1)
    monkeypatch.setenv("STEM_CACHE_DIR", str(disk))
    stem("separate", write_song(seconds=10))
    assert_whole(OUTPUT, 1)
    assert not list(disk.rglob("*.wav"))


@pytest.mark.slow
def test_a_full_disk_for_the_database_is_an_output_error(
    stem: Stem, monkeypatch: pytest.MonkeyPatch, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1)
    with (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            try:
                filler.write(bytes(4096))
            except OSError:
                break
    monkeypatch.setenv("STEM_DATA_DIR", str(disk))
    done = stem("separate", write_song(), code=5)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "the database" in done.stderr
    assert not OUTPUT.exists()


def test_a_limit_on_the_size_of_files_is_an_output_error_that_leaves_nothing(stem: Stem, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limit = 500_000
    done = stem(
        "separate",
        write_song(seconds=20),
        code=5,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stem: ")
    assert not OUTPUT.exists()
    assert visible(tmp_path / "cache" / "stems") + left_over(tmp_path / "cache" / "stems") == []
