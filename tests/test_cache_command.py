"""`stem cache`: what is kept, how large it is, and what goes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from conftest import Stem
from processes import write_song
from workshop import opened, run

from stem_cli.cache import GIGABYTE

RATE = 44100
DAY = 86400


@pytest.fixture
def kept(tmp_path: Path) -> list[Path]:
    """Three songs in the cache of the command line, last used 50, 30 and 10 days ago."""
    songs = [write_song(tmp_path / "work" / f"song{seed}.wav", 1.0, seed) for seed in range(3)]
    with opened(tmp_path) as shop:
        for path, days in zip(songs, (50, 30, 10), strict=True):
            run(shop, path, tmp_path / "stems")
            when = time.time() - days * DAY
            os.utime(shop.cache.entries()[-1].folder.place.metadata, (when, when))
    return songs


def sources(stem: Stem) -> list[str]:
    return [Path(row["source"]).name for row in json.loads(stem("cache", "list", "--json").stdout)]


def test_list_tells_what_is_kept_the_longest_unused_first(stem: Stem, kept: list[Path]) -> None:
    assert sources(stem) == ["song0.wav", "song1.wav", "song2.wav"]
    lines = stem("cache", "list").stdout.splitlines()
    assert [line.rsplit("/", 1)[1] for line in lines] == ["song0.wav", "song1.wav", "song2.wav"]
    assert all("builtin" in line and "MB" in line for line in lines)


def test_info_tells_where_and_how_large(stem: Stem, kept: list[Path], tmp_path: Path) -> None:
    told = json.loads(stem("cache", "info", "--json").stdout)
    on_disk = sum(path.stat().st_size for path in (tmp_path / "cache" / "stems").rglob("*") if path.is_file())
    assert told == {"folder": str(tmp_path / "cache"), "songs": 3, "bytes": on_disk, "limit_bytes": 20 * GIGABYTE}
    assert f"{tmp_path / 'cache'}: 3 songs" in stem("cache", "info").stdout


def test_clear_removes_what_was_not_used_for_so_long(stem: Stem, kept: list[Path]) -> None:
    assert stem("cache", "clear", "--older-than", "20d", "--dry-run").stdout.startswith("2 songs would be removed")
    assert len(sources(stem)) == 3
    assert stem("cache", "clear", "--older-than", "40d").stdout.startswith("1 song removed")
    assert sources(stem) == ["song1.wav", "song2.wav"]


def test_clear_comes_down_to_a_size(stem: Stem, kept: list[Path]) -> None:
    stem("cache", "clear", "--max-size", "500K", "--quiet")
    assert sources(stem) == ["song2.wav"]


def test_clear_removes_everything(stem: Stem, kept: list[Path], tmp_path: Path) -> None:
    assert stem("cache", "clear").stdout.startswith("3 songs removed")
    assert sources(stem) == []
    assert not any((tmp_path / "cache" / "stems").iterdir())


def test_an_empty_cache_is_no_fault(stem: Stem) -> None:
    assert json.loads(stem("cache", "info", "--json").stdout)["songs"] == 0
    assert stem("cache", "clear").stdout.startswith("0 songs removed")


@pytest.mark.parametrize("wrong", [("--older-than", "soon"), ("--max-size", "huge")])
def test_sizes_and_times_that_make_no_sense_are_refused(stem: Stem, wrong: tuple[str, str]) -> None:
    assert wrong[1] in stem("cache", "clear", *wrong, code=2).stderr
