"""Batches in tests: folders of small songs, and what the database says came of them."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from processes import OUTPUT, assert_whole, write_song

MUSIC = Path("music")


def lines(text: str) -> list[dict[str, object]]:
    """What was printed with --json."""
    return [json.loads(line) for line in text.splitlines()]


def name_of(path: object) -> str:
    """The last part of a path."""
    return Path(str(path)).name


def write_songs(count: int, folder: Path = MUSIC, seconds: float = 1.0, first: int = 0) -> list[Path]:
    """So many songs, each of its own sound: 00.wav, 01.wav ..."""
    folder.mkdir(exist_ok=True)
    return [write_song(folder / f"{number:02}.wav", seconds, number) for number in range(first, first + count)]


def cut(song: Path) -> None:
    """Half of the file is lost."""
    whole = song.read_bytes()
    song.write_bytes(whole[: len(whole) // 2])


def rows(asked: str, *values: object) -> list[tuple[Any, ...]]:
    """What the database of this test says; nothing where there is none yet."""
    place = Path(os.environ["STEM_DATA_DIR"]) / "stem.sqlite"
    if not place.exists():
        return []
    with closing(sqlite3.connect(place, timeout=30)) as database:
        try:
            return database.execute(asked, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []


def states() -> dict[str, str]:
    """The state of each job by the name of its song, in the order in which the songs ended."""
    return {Path(path).name: state for path, state in rows("SELECT path, state FROM queue ORDER BY ended_at, id")}


def done() -> list[str]:
    """The names of the songs that are done, in the order in which they ended."""
    return [name for name, state in states().items() if state == "done"]


def separated() -> list[int]:
    """How often each song was separated, not taken from the cache."""
    asked = "SELECT count(*) FROM separations WHERE cached = 0 GROUP BY digest"
    return [times for (times,) in rows(asked)]


def assert_each_once(count: int, output: Path = OUTPUT) -> None:
    """All songs are done and whole, and none was separated twice."""
    assert list(states().values()) == ["done"] * count
    assert set(separated()) == {1}
    assert_whole(output, count)


def look_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Everything that lies there, with its time."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
