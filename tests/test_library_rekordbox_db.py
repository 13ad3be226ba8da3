"""rekordbox's encrypted master.db, made as rekordbox makes it, by the definitions of pyrekordbox."""

from __future__ import annotations

import builtins
import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from stem_cli import library
from stem_cli.errors import InputError

database = pytest.importorskip("pyrekordbox.masterdb.database", reason="extra [rekordbox] is not installed")
models = pytest.importorskip("pyrekordbox.masterdb.models")
sqlcipher = pytest.importorskip("sqlcipher3.dbapi2")

STAMPS = {"created_at": "2024-01-01 00:00:00.000 +00:00", "updated_at": "2024-01-01 00:00:00.000 +00:00"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "djmdArtist": [{"ID": "1", "Name": "Ärtist"}],
    "djmdAlbum": [{"ID": "1", "Name": "Album"}],
    "djmdGenre": [{"ID": "1", "Name": "House"}],
    "djmdKey": [{"ID": "1", "ScaleName": "8A"}],
    "djmdContent": [
        {
            "ID": "10",
            "FolderPath": "C:/Music/Söng.mp3",
            "Title": "Söng",
            "ArtistID": "1",
            "AlbumID": "1",
            "GenreID": "1",
        }
        | {"KeyID": "1", "BPM": 12450, "Rating": 4, "Length": 201, "Commnt": "c", "StockDate": "2024-02-03"},
        {"ID": "11", "FolderPath": "/Users/dj/b.mp3"},
        {"ID": "12", "FolderPath": "tidal:tracks:1234"},
        {"ID": "13", "FolderPath": "/Users/dj/gone.mp3", "rb_local_deleted": 1},
    ],
    "djmdPlaylist": [
        {"ID": "20", "Name": "Gigs", "Attribute": 1, "ParentID": "root", "Seq": 1},
        {"ID": "21", "Name": "Saturday", "Attribute": 0, "ParentID": "20", "Seq": 1},
        {"ID": "22", "Name": "Smart", "Attribute": 4, "ParentID": "root", "Seq": 2, "SmartList": "<NODE/>"},
    ],
    "djmdSongPlaylist": [
        {"ID": "30", "PlaylistID": "21", "ContentID": "11", "TrackNo": 1},
        {"ID": "31", "PlaylistID": "21", "ContentID": "10", "TrackNo": 2},
        {"ID": "32", "PlaylistID": "21", "ContentID": "12", "TrackNo": 3},
        {"ID": "33", "PlaylistID": "21", "ContentID": "13", "TrackNo": 4},
    ],
}


def written(path: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]] = ROWS) -> Path:
    """The tables that rekordbox has, as pyrekordbox knows them, in a file that SQLCipher encrypts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlcipher.connect(str(path))) as connection:
        connection.execute(f"PRAGMA key = '{database.deobfuscate(database.BLOB)}'")
        for table in models.Base.metadata.sorted_tables:
            columns = ", ".join(f'"{column.name}" {column.type.compile()}' for column in table.columns)
            connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
        for table_name, lines in rows.items():
            for line in lines:
                full = {"rb_local_deleted": 0} | STAMPS | dict(line)
                marks = ", ".join("?" for _ in full)
                connection.execute(
                    f"INSERT INTO {table_name} ({', '.join(full)}) VALUES ({marks})", tuple(full.values())
                )
        connection.commit()
    return path


@pytest.fixture
def master(tmp_path: Path) -> Path:
    return written(tmp_path / "rekordbox" / "master.db")


def test_what_rekordbox_knows_of_its_songs_and_lists(master: Path) -> None:
    everything, saturday, smart = library.read(master)
    song, other = everything.entries
    assert (str(song.path), str(other.path)) == ("C:/Music/Söng.mp3", "/Users/dj/b.mp3")
    assert (song.title, song.artist, song.album, song.genre) == ("Söng", "Ärtist", "Album", "House")
    assert (song.key, song.bpm, song.rating, song.seconds) == ("8A", 124.5, 4, 201)
    assert (song.comment, song.added) == ("c", "2024-02-03")
    assert everything.left_out == ("tidal:tracks:1234: a stream, no file",)
    assert (saturday.name, [one.path.name for one in saturday.entries]) == ("Gigs/Saturday", ["b.mp3", "Söng.mp3"])
    assert saturday.left_out == ("tidal:tracks:1234: a stream, no file", "13: not in the collection")
    assert (smart.name, smart.entries) == ("Smart", ())
    assert "only rekordbox knows" in smart.left_out[0]


def test_it_is_the_file_that_pyrekordbox_itself_opens(master: Path) -> None:
    import logging

    logging.getLogger("pyrekordbox").setLevel(logging.ERROR)
    opened = database.MasterDatabase(path=master)
    try:
        assert [one.Title for one in opened.get_content(ID="10") and opened.get_content().all()][:1] == ["Söng"]
    finally:
        opened.close()
        opened.engine.dispose()


def test_nothing_changes_in_the_folder_of_a_running_rekordbox(master: Path) -> None:
    with closing(sqlcipher.connect(str(master), isolation_level=None)) as connection:
        connection.execute(f"PRAGMA key = '{database.deobfuscate(database.BLOB)}'")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE djmdPlaylist SET Name = 'Changed' WHERE ID = '21'")
        before = {one.name: (one.stat().st_size, one.stat().st_mtime_ns) for one in master.parent.iterdir()}
        assert f"{master.name}-wal" in before
        assert "Gigs/Changed" in [one.name for one in library.read(master)]
        after = {one.name: (one.stat().st_size, one.stat().st_mtime_ns) for one in master.parent.iterdir()}
    assert after == before


def test_another_database_is_told(tmp_path: Path) -> None:
    for number, script in enumerate(("CREATE TABLE t(x);", "")):
        path = tmp_path / str(number) / "master.db"
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        path.touch()
        with pytest.raises(InputError) as told:
            library.read(path)
        assert told.value.hint
    with pytest.raises(InputError, match="cannot be read"):
        library.read(tmp_path / "gone" / "master.db")
    with pytest.raises(InputError, match="no library of rekordbox's"):
        library.read(written_without_tables(tmp_path / "bare" / "master.db"))


def written_without_tables(path: Path) -> Path:
    path.parent.mkdir()
    with closing(sqlcipher.connect(str(path))) as connection:
        connection.execute(f"PRAGMA key = '{database.deobfuscate(database.BLOB)}'")
        connection.execute("CREATE TABLE other(x)")
    return path


def test_without_the_extra_it_is_said_what_to_type(master: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("pyrekordbox", "sqlcipher3"):
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="extra rekordbox") as told:
        library.read(master)
    assert "pip install 'stem-cli[rekordbox]'" in told.value.hint


def test_damaged_databases_give_a_list_or_a_clear_error(master: Path) -> None:
    """Few: each takes the time of deriving a key, which is slow by design."""
    chance, whole = random.Random(6), master.read_bytes()
    for _ in range(12):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        if chance.random() < 0.3:
            del raw[chance.randrange(len(raw)) :]
        master.write_bytes(raw)
        with suppress(InputError):
            library.read(master)
