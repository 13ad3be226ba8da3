"""`stem scan` of lists: crates and playlists of DJ programs, and the songs that they name."""

from __future__ import annotations

import os
import shutil
import struct
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED, Stem
from scans import LIBRARY, counts, names, snapshot

FILES = SHARED / "data" / "dj"


def field(tag: bytes, body: bytes | str) -> bytes:
    raw = body.encode("utf-16-be") if isinstance(body, str) else body
    return tag + struct.pack(">I", len(raw)) + raw


def crate(*paths: str) -> bytes:
    """A crate as Serato writes it."""
    head = field(b"vrsn", "1.0/Serato ScratchLive Crate")
    return head + b"".join(field(b"otrk", field(b"ptrk", path)) for path in paths)


@pytest.fixture
def usb(put: Any) -> Iterator[Path]:
    """A drive with two songs of Serato's, one of which is not there."""
    put("Contents/a.flac", title="A")
    put("Contents/b.flac", 1, title="B")
    crates = LIBRARY / "_Serato_" / "Subcrates"
    crates.mkdir(parents=True)
    (crates / "Gigs%%Stem Me.crate").write_bytes(crate("Contents/b.flac", "Contents/gone.flac", "Contents/a.flac"))
    (crates / "Warm Up.crate").write_bytes(crate("Contents/a.flac"))
    before = snapshot(LIBRARY)
    yield LIBRARY
    assert snapshot(LIBRARY) == before


def test_a_playlist_keeps_its_order(put: Any, scan: Any) -> None:
    put("a.flac")
    put("ä 1.flac", 1)
    Path("list.m3u8").write_text(
        "#EXTM3U\n#EXTINF:3,Me - B\nMusic/ä 1.flac\nMusic/a.flac\nMusic/missing.flac\nhttp://radio/stream\n", "utf-8"
    )
    found = scan("list.m3u8")
    assert names(found) == ["ä 1.flac", "a.flac"]
    assert [song["crates"] for song in found["songs"]] == [["list"], ["list"]]
    assert [text.rpartition(": ")[2] for text in found["left_out"]] == ["a stream, no file", "missing"]
    assert [(one["name"], one["songs"]) for one in found["lists"]] == [("list", 3)]


def test_a_serato_folder_and_a_crate_by_its_name(usb: Path, scan: Any, stem: Stem) -> None:
    found = scan(usb / "_Serato_")
    assert names(found) == ["b.flac", "a.flac"]
    assert [song["crates"] for song in found["songs"]] == [["Gigs/Stem Me"], ["Gigs/Stem Me", "Warm Up"]]
    assert [text.rpartition(": ")[2] for text in found["left_out"]] == ["missing"]
    for asked in (["stem me"], ["Gigs%%Stem Me"], ["--crate", "gigs/stem me", usb / "Contents" / "a.flac"]):
        one = scan(*asked, "--library", usb)
        assert names(one) == ["b.flac", "a.flac"], asked
        assert one["songs"][1]["crates"] == ["Gigs/Stem Me", "Warm Up"]
    assert counts(one) == {}
    shown = stem("scan", "Warm Up", "--library", usb).stdout
    assert "list Warm Up: 1 song\n" in shown


def test_crates_of_songs_in_a_folder_are_told(usb: Path, scan: Any) -> None:
    found = scan(usb, "--library", usb)
    assert [(Path(song["path"]).name, song["crates"]) for song in found["songs"]] == [
        ("a.flac", ["Gigs/Stem Me", "Warm Up"]),
        ("b.flac", ["Gigs/Stem Me"]),
    ]
    assert found["left_out"] == []  # nobody asked for that crate


def test_only_the_lists_that_were_named_are_shown(usb: Path, scan: Any) -> None:
    named = scan("warm up", "--crate", "Warm Up", "--library", usb)
    assert [one["name"] for one in named["lists"]] == ["Warm Up"]
    assert len(scan(usb / "Contents", "--library", usb)["lists"]) == 2


def test_a_folder_of_playlists_is_read_as_lists(put: Any, scan: Any) -> None:
    put("a.flac")
    for name in ("one", "two"):
        Path("lists").mkdir(exist_ok=True)
        Path("lists", f"{name}.m3u8").write_text("../Music/a.flac\n../Music/gone.flac\n")
    Path("lists", "other.xml").write_text("<html/>")
    found = scan("lists")
    assert [(one["name"], one["songs"]) for one in found["lists"]] == [("one", 2), ("two", 2)]
    assert (names(found), len(found["left_out"])) == (["a.flac"], 1)
    shutil.copy(LIBRARY / "a.flac", "lists/b.flac")
    assert (names(scan("lists")), scan("lists")["lists"]) == (["b.flac"], [])


def test_a_file_that_is_named_is_a_song_only_where_it_holds_sound(put: Any, scan: Any) -> None:
    shutil.copy(put("a.flac"), "a.sound")
    Path("notes.txt").write_text("no song")
    Path("database V1").write_bytes(crate("a.flac"))
    found = scan("a.sound", "notes.txt", "database V1")
    assert names(found) == ["a.sound"]
    assert {text.partition(": ")[0].rpartition("/")[2] for text in found["left_out"]} == {"notes.txt", "database V1"}


def test_songs_are_printed_a_line_each(put: Any, stem: Stem, scan: Any) -> None:
    path = put("a.flac", title="Two\nlines", artist="Me", bpm="124", initialkey="8A")
    done = stem("scan", LIBRARY, "--list")
    assert done.stdout == f"Me - Two lines\t124\t8A\tunknown\t{path}\n"
    assert done.stderr.startswith("1 song,")
    other = put("b.flac", 1)
    assert stem("scan", LIBRARY, "--new").stdout == f"b\t\t\tunknown\t{other}\n"
    assert stem("scan", LIBRARY, "--new").stdout == ""
    assert scan(LIBRARY, "--new")["songs"] == []


@pytest.mark.slow
def test_what_is_not_there_is_refused(usb: Path, stem: Stem, tmp_path: Path) -> None:
    wrong = stem("scan", "Stem Em", "--library", usb, code=3).stderr
    assert "there is no list called 'Stem Em'" in wrong
    assert "Gigs/Stem Me" in wrong
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    (tmp_path / "home" / "Music").mkdir(parents=True)
    assert f"Looked in {tmp_path}/home/Music" in stem("scan", "Nothing", code=3, env=environment).stderr
    for name in ("Nothing", "x" * 300, "~nobody-of-this-name/Music"):
        assert "Traceback" not in stem("scan", name, code=3, env=environment).stderr
    for name in (tmp_path / "missing", "./missing", "missing.m3u8", tmp_path / ("x" * 300)):
        assert "there is no such file or folder" in stem("scan", name, code=3).stderr
    assert stem("scan", "A", "--library", tmp_path / "missing", code=3).stderr.count("\n") <= 2
    damaged = usb / "Contents" / "a.flac"
    assert "this is no list" in stem("scan", "A", "--library", damaged, code=3).stderr


_STEMS = (
    "Ärtist - Söng (feat. B) & C/Ärtist - Söng (feat. B) & C (Vocals).wav",
    "日本 - 曲/日本 - 曲 (Drums).wav",
    "Emoji 🎧/Emoji 🎧 (Bass).wav",
)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "name", "old", "songs", "reason"),
    [
        ("own/rekordbox_mac.xml", "stem-cli/Stems", "/Volumes/USB/Stems", _STEMS, "on another drive (USB)"),
        ("own/stem-cli%%Stems.crate", "stem-cli/Stems", "/Stems", _STEMS, "missing"),
        ("own/playlist.m3u8", "playlist", str(FILES / "Stems"), _STEMS, "missing"),
        ("own/collection_with_playlist.nml", "Gigs/To stem", "/Users/dj/Music", ("Ärtist - Söng.mp3",), "missing"),
        ("own/collection_with_playlist.nml", "", "d:/music", ("C - B.flac",), "on another drive (D:)"),
        ("rekordbox/pyrekordbox_rb6_database.xml", "", "C:", (), "on another drive (C:)"),
        ("serato/seratotools_TestCrate.crate", "seratotools_TestCrate", "x", (), "missing"),
        ("traktor/djdataconverter_collection.nml", "", "x", (), "on another drive (D:)"),
    ],
)
def test_the_real_lists_of_dj_programs(
    put: Any, scan: Any, file: str, name: str, old: str, songs: tuple[str, ...], reason: str
) -> None:
    if not FILES.is_dir():
        pytest.skip("the project's shared material is absent")
    LIBRARY.mkdir()
    lost = scan(FILES / file)
    assert (lost["songs"], counts(lost)) == ([], {})
    assert {text.rpartition(": ")[2] for text in lost["left_out"]} >= {reason}
    for song in songs:
        put(unicodedata.normalize("NFD", song))  # as a Mac's disk may have them
    found = scan(FILES / file, "--map", f"{old}={LIBRARY.absolute()}")
    assert [song["crates"] for song in found["songs"]] == [[name] if name else []] * len(songs)
    assert len(found["left_out"]) == len(lost["left_out"]) - len(songs)


def test_rekordbox_of_another_machine(put: Any, scan: Any) -> None:
    put("House/Ö.mp3")
    Path("rekordbox.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="2">'
        '<TRACK TrackID="1" Name="Ö" Genre="House" AverageBpm="124.00" Rating="204" Tonality="8A" TotalTime="200"'
        ' DateAdded="2020-02-02" Location="file://localhost/D:/Tunes/House/%C3%96.mp3"/>'
        '<TRACK TrackID="2" Name="B" Location="file://localhost/D:/Tunes/b.mp3"/></COLLECTION>'
        '<PLAYLISTS><NODE Type="0" Name="ROOT" Count="1"><NODE Name="Stem Me" Type="1" KeyType="0" Entries="1">'
        '<TRACK Key="1"/></NODE></NODE></PLAYLISTS></DJ_PLAYLISTS>',
        "utf-8",
    )
    assert scan("rekordbox.xml")["left_out"] == [
        f"D:/Tunes/{name}.mp3: on another drive (D:)" for name in ("House/Ö", "b")
    ]
    found = scan("rekordbox.xml", "--map", f"D:/Tunes={LIBRARY.absolute()}")
    (song,) = found["songs"]
    told = [song[name] for name in ("title", "genre", "bpm", "rating", "key", "added", "crates")]
    assert told == ["Ö", "House", 124.0, 4, "8A", "2020-02-02", ["Stem Me"]]
    assert found["left_out"] == ["D:/Tunes/b.mp3: missing"]
    assert names(scan("Stem Me", "--library", "rekordbox.xml", "--map", f"D:/={LIBRARY.absolute()}/..")) == []
