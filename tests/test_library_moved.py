"""Which file is taken for a moved one, and what becomes of its rows in the queue."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from conftest import music
from hypothesis import given
from hypothesis import strategies as st

from stem_cli.database import Database, key_of, open_database, path_of_key, text_of
from stem_cli.library import index
from stem_cli.library.walk import songs_below

RATE = 22050


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = open_database("", tmp_path / "data")
    yield found
    found.close()


def scan(database: Database, root: Path) -> index.Tally:
    return index.update(database, [root], songs_below(root), index.Tally())


def write(path: Path, seed: int) -> Path:
    """A WAV without tags; all of them have the same size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, music(0.2, RATE, seed=seed), RATE, subtype="PCM_16")
    os.utime(path, ns=(seed * 10**9, seed * 10**9))
    return path


def queue(database: Database, path: Path, state: str, output: str = "out") -> None:
    times = ("added_at", "started_at", "ended_at")
    texts = ("why", "error", "wish", "status", "engine", "folder", "files", "batch", *times)
    numbers = ("lane", "place", "attempts", "exit_code", "size", "mtime_ns", "seconds", "work_seconds", "poor")
    values = {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(numbers, 0),
        "path": text_of(path),
        "state": state,
        "output": output,
    }
    places = ", ".join(f":{name}" for name in values)
    database.run(f"INSERT INTO queue ({', '.join(values)}) VALUES ({places})", **values)


def states(database: Database) -> dict[tuple[str, str], str]:
    rows = database.rows("SELECT path, output, state FROM queue")
    return {(Path(row["path"]).name, row["output"]): row["state"] for row in rows}


def test_another_song_of_the_same_size_is_new_and_a_moved_one_is_moved(database: Database, tmp_path: Path) -> None:
    root = tmp_path / "Music"
    first, second = write(root / "a.wav", 1), write(root / "b.wav", 2)
    assert scan(database, root).new == 2
    first.unlink()
    write(root / "c.wav", 3)  # another time
    second.rename(root / "d.wav")  # another name, and no tags to tell it by
    found = scan(database, root)
    assert (found.new, found.moved, found.gone) == (2, 0, 2)
    (root / "deep").mkdir()
    (root / "d.wav").rename(root / "deep" / "d.wav")
    found = scan(database, root)
    assert (found.new, found.moved, found.gone) == (0, 1, 0)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("done", None, "done"),
        ("done", "queued", "done"),
        ("done", "running", "running"),
        ("failed", "queued", "queued"),
        ("queued", "done", "done"),
    ],
)
def test_the_row_in_the_queue_that_says_more_is_kept(
    database: Database, tmp_path: Path, before: str, after: str | None, kept: str
) -> None:
    root = tmp_path / "Music"
    path = write(root / "a.wav", 1)
    scan(database, root)
    moved = root / "deep" / "a.wav"
    queue(database, path, before)
    queue(database, path, "queued", "elsewhere")
    if after is not None:
        queue(database, moved, after)
    moved.parent.mkdir()
    path.rename(moved)
    assert scan(database, root).moved == 1
    assert states(database) == {("a.wav", "out"): kept, ("a.wav", "elsewhere"): "queued"}
    assert {row["path"] for row in database.rows("SELECT path FROM queue")} == {text_of(moved)}


def test_names_that_differ_in_bytes_that_are_no_utf_8_are_two_songs(database: Database, tmp_path: Path) -> None:
    root = tmp_path / "100% \ufffd"
    names = [b"a\xff.wav", b"a\xfe.wav", "a\ufffd.wav".encode(), "a\ufffdFF.wav".encode()]
    try:
        for seed, name in enumerate(names):
            write(tmp_path / "x.wav", seed + 1).rename(root.with_name("made.wav"))
            root.mkdir(exist_ok=True)
            root.with_name("made.wav").rename(root / os.fsdecode(name))
    except OSError:
        pytest.skip("only on disks that take any name")
    found = scan(database, root)
    assert (found.new, len(found.songs)) == (4, 4)
    assert {os.fsencode(song.path.name) for song in found.songs} == set(names)
    found = scan(database, root)
    assert (found.new, found.changed, found.gone, len(found.songs)) == (0, 0, 0, 4)
    (root / os.fsdecode(names[0])).unlink()
    assert scan(database, root).gone == 1


@given(st.lists(st.sampled_from([b"a", b"/", b"\xff", b"\xed\xb2\x80", b"\xef\xbf\xbd", b"FF", b"%FF"]), max_size=8))
def test_every_path_has_a_key_of_its_own(parts: list[bytes]) -> None:
    path = Path(os.fsdecode(b"/m/" + b"".join(parts)))
    assert path_of_key(key_of(path)) == path
    assert key_of(path) == text_of(path) or key_of(path).endswith("//")
