"""Serato 4's SQLite libraries: read while Serato runs, after it crashed, and where nothing of them can be trusted."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from stem_cli import library
from stem_cli.errors import InputError
from stem_cli.library import sqlite

SCHEMA = """
CREATE TABLE space(id INTEGER PRIMARY KEY, name TEXT NOT NULL, revision INTEGER NOT NULL DEFAULT 0);
CREATE TABLE container(id INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL, parent_id INTEGER,
  name TEXT NOT NULL, type INTEGER DEFAULT 1, list_order INTEGER NOT NULL, space_id INTEGER DEFAULT NULL);
CREATE TABLE asset(id INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL,
  portable_id TEXT NOT NULL DEFAULT '', artist TEXT NOT NULL DEFAULT '', comments TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL DEFAULT '', album TEXT NOT NULL DEFAULT '', genre TEXT NOT NULL DEFAULT '',
  key TEXT NOT NULL DEFAULT '', rating REAL, bpm REAL, length_sec INTEGER, length_ms INTEGER, time_added INTEGER);
CREATE TABLE space_asset(id INTEGER PRIMARY KEY, asset_id INTEGER NOT NULL, space_id INTEGER NOT NULL);
CREATE TABLE container_asset(id INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL,
  container_id INTEGER NOT NULL, space_asset_id INTEGER NOT NULL, list_order INTEGER DEFAULT NULL);
INSERT INTO space VALUES (1, 'Serato Library', 1);
INSERT INTO container VALUES (1, 1, 0, 'Serato Library root', 0, 0, 1), (2, 1, 1, 'Gigs', 1, 0, 1),
  (3, 1, 2, 'Sat/urday', 1, 0, 1);
INSERT INTO asset VALUES
  (7, 1, 'Users/dj/Music/b.mp3', 'B', 'no', 'Sec', 'Al', 'House', '8A', 0.8, 124.5, 200, 200500, 1700000000),
  (9, 1, 'Users/dj/Music/\uf022ä.mp3', '', '', '', '', '', '', NULL, NULL, NULL, NULL, NULL);
INSERT INTO space_asset VALUES (70, 7, 1), (90, 9, 1);
INSERT INTO container_asset VALUES (1, 1, 3, 70, 2), (2, 1, 3, 90, 1), (3, 1, 3, 70, 3), (4, 1, 2, 90, 1);
"""
"""As Serato DJ Lite 4.0.9 writes it, without the tables and columns that nobody reads."""
OLDER = """
CREATE TABLE container(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE asset(id INTEGER PRIMARY KEY, location_id INTEGER, portable_id TEXT, artist TEXT, name TEXT);
CREATE TABLE container_asset(container_id INTEGER, asset_id INTEGER);
CREATE TABLE location_connections(location_id INTEGER, database_uri TEXT);
INSERT INTO container VALUES (1, 'Stem Me');
INSERT INTO asset VALUES (1, 1, 'Users/dj/a.mp3', 'A', 'One'), (2, 2, 'Contents/b.mp3', 'B', 'Two');
INSERT INTO container_asset VALUES (1, 2), (1, 1), (1, 99);
INSERT INTO location_connections VALUES (1, 'file:///Users/dj/Music/_Serato_/Library/x.sqlite'),
  (2, 'file:///Volumes/USB%20A/_Serato_/Library/location.sqlite'), (3, NULL);
"""


def written(path: Path, script: str = SCHEMA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
    return path


def states(folder: Path) -> dict[str, tuple[int, str]]:
    """Times and digests of all files."""
    return {
        one.name: (one.stat().st_mtime_ns, hashlib.sha256(one.read_bytes()).hexdigest()) for one in folder.iterdir()
    }


def names(crates: tuple[library.Crate, ...]) -> dict[str, list[str]]:
    return {one.name: [entry.path.name for entry in one.entries] for one in crates}


READ = {"": ["b.mp3", ":ä.mp3"], "Gigs": [":ä.mp3"], "Gigs/Sat/urday": [":ä.mp3", "b.mp3"]}


def test_crates_stand_in_folders_and_songs_in_their_order(tmp_path: Path) -> None:
    crates = library.read(written(tmp_path / "root.sqlite"))
    assert names(crates) == READ
    song = crates[0].entries[0]
    assert str(song.path) == "/Users/dj/Music/b.mp3"
    assert (song.title, song.artist, song.album, song.genre, song.key) == ("Sec", "B", "Al", "House", "8A")
    assert (song.bpm, song.rating, song.seconds, song.added) == (124.5, 4, 200.5, "2023-11-14")
    assert crates[0].entries[1].rating is None


def test_songs_of_a_drive_start_at_its_root(tmp_path: Path) -> None:
    path = written(tmp_path / "USB" / "_Serato_" / "Library" / "location.sqlite")
    assert str(library.read(path)[0].entries[0].path) == f"{tmp_path}/USB/Users/dj/Music/b.mp3"


def test_a_database_of_several_drives_tells_each_songs_drive(tmp_path: Path) -> None:
    crate = library.read(written(tmp_path / "root.sqlite", OLDER))[1]
    assert crate.name == "Stem Me"
    assert [str(entry.path) for entry in crate.entries] == ["/Volumes/USB A/Contents/b.mp3", "/Users/dj/a.mp3"]


def test_the_history_is_told_from_the_library(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="played") as told:
        library.read(written(tmp_path / "master.sqlite"))
    assert "root.sqlite" in told.value.hint


# ------------------------------------------------------------------------------------------- while Serato has it


@pytest.fixture
def running(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Serato with a change that stands only in the log beside its database."""
    path = written(tmp_path / "live" / "root.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("UPDATE container SET name = 'Changed' WHERE id = 2")
        yield database


def test_what_stands_only_in_the_log_is_read_while_serato_runs(running: sqlite3.Connection, tmp_path: Path) -> None:
    before = states(tmp_path / "live")
    assert "Changed" in names(library.read(tmp_path / "live" / "root.sqlite"))
    assert states(tmp_path / "live") == before
    running.execute("BEGIN IMMEDIATE")
    running.execute("UPDATE container SET name = 'Not yet' WHERE id = 2")
    before = states(tmp_path / "live")
    assert set(before) == {"root.sqlite", "root.sqlite-wal", "root.sqlite-shm"}
    assert "Changed" in names(library.read(tmp_path / "live" / "root.sqlite"))
    assert states(tmp_path / "live") == before
    running.execute("ROLLBACK")


def test_what_a_crash_left_in_the_log_is_read_and_left_there(running: sqlite3.Connection, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for ending in ("", "-wal"):
        (crashed / f"root.sqlite{ending}").write_bytes((tmp_path / "live" / f"root.sqlite{ending}").read_bytes())
    before = states(crashed)
    assert "Changed" in names(library.read(crashed / "root.sqlite"))
    assert states(crashed) == before
    assert len(list(crashed.iterdir())) == 2


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_at_rest_gets_nothing_beside_it(tmp_path: Path, mode: str) -> None:
    path = written(tmp_path / "rest" / "root.sqlite", f"PRAGMA journal_mode = {mode};" + SCHEMA)
    before = states(path.parent)
    assert names(library.read(path)) == READ
    assert states(path.parent) == before
    assert list(path.parent.iterdir()) == [path]


def test_a_locked_database_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "root.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="another program holds it") as told:
            library.read(path)
    assert "Close Serato" in told.value.hint


def test_a_copy_is_of_one_moment_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "root.sqlite")
    monkeypatch.setattr(sqlite, "_PATIENCE_SECONDS", 0.05)
    copy_file, writes = shutil.copyfile, iter(range(100))

    def written_meanwhile(source: Path, target: Path) -> None:
        copy_file(source, target)
        os.utime(path, (0, next(writes)))

    with sqlite.copied(path, "Serato") as copy:
        assert copy.read_bytes() == path.read_bytes()
    monkeypatch.setattr(shutil, "copyfile", written_meanwhile)
    with pytest.raises(InputError, match="written again and again"), sqlite.copied(path, "Serato"):
        pass


@pytest.mark.parametrize("name", ["a?b#c%41 d", "日本 🎧", "'quoted\" & so"])
def test_a_library_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    assert names(library.read(written(tmp_path / name / "root.sqlite"))) == READ


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("CREATE TABLE other(id);", "no library of Serato's"),
        ("CREATE TABLE asset(id, portable_id); CREATE TABLE container(id, name);", "no library of Serato's"),
    ],
)
def test_another_database_is_told(tmp_path: Path, script: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        library.read(written(tmp_path / "root.sqlite", script))


@pytest.mark.parametrize("raw", [b"", b"no database", b"SQLite format 3\0" + bytes(84)])
def test_what_is_no_database_is_told(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "root.sqlite").write_bytes(raw)
    with pytest.raises(InputError) as told:
        library.read(tmp_path / "root.sqlite")
    assert told.value.hint
    with pytest.raises(InputError):
        library.read(tmp_path / "gone" / "root.sqlite")


def test_crates_inside_each_other_and_nonsense_in_fields_end(tmp_path: Path) -> None:
    path = written(tmp_path / "root.sqlite")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE container SET parent_id = 3 WHERE id = 2")
        database.execute("UPDATE asset SET bpm = 'x', rating = 9e99, length_ms = -1, time_added = 9e18, name = x'ff00'")
    crates = library.read(path)
    assert len(crates[1].entries) == 1
    assert crates[0].entries[0].bpm is None
    assert crates[0].entries[0].added == ""


@pytest.mark.slow
def test_ten_thousand_damaged_databases_give_a_list_or_a_clear_error(quick_folder: Path) -> None:
    chance, whole = random.Random(4), written(quick_folder / "seed.sqlite").read_bytes()
    path = quick_folder / "root.sqlite"
    for _ in range(10_000):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 40)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        if chance.random() < 0.2:
            del raw[chance.randrange(len(raw)) :]
        path.write_bytes(raw)
        with suppress(InputError):
            library.read(path)
