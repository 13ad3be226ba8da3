"""`stem scan`: what it takes for a song, what it knows of it, and what it says is new, changed, moved and gone."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import postgres
import pytest
import soundfile
from conftest import SHARED, Stem, music
from hypothesis import given
from hypothesis import strategies as st
from tagged import PUTTERS, RATE, SONG

from stem_cli import tags
from stem_cli.library.tagged import vocals_in
from stem_cli.tags.outline import stars_of

FILES = SHARED / "data" / "dj"
LIBRARY = Path("Music")
ODD = ("é 日本 🎧.flac", unicodedata.normalize("NFD", "Björk.flac"))
unix_only = pytest.mark.skipif(sys.platform == "win32", reason="these names and links are only on Unix")


@pytest.fixture
def put(blanks: dict[str, Path]) -> Any:
    """Put a song into the library, of a sound and with tags of its own; gives its path."""

    def make(name: str | bytes, seed: int = 0, **fields: str) -> Path:
        path = LIBRARY / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".flac":
            with path.open("wb") as file:  # soundfile takes no name that is no UTF-8
                soundfile.write(file, music(0.3, RATE, seed=seed), RATE, subtype="PCM_16", format="FLAC")
            song = mutagen.flac.FLAC(path)
            song.update(fields)
            song.save()
        else:
            shutil.copy(blanks[path.suffix[1:]], path)
        return path.absolute()

    return make


@pytest.fixture
def scan(stem: Stem) -> Any:
    """What `stem scan --json` prints."""

    def run(*arguments: object, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(stem("scan", *(arguments or (LIBRARY,)), "--json", **options).stdout)
        return found

    return run


def names(found: dict[str, Any]) -> list[str]:
    return [Path(song["path"]).name for song in found["songs"]]


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in ("new", "changed", "moved", "gone") if found[name]}


def rows(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The table of songs, by the name of the file."""
    with closing(sqlite3.connect(tmp_path / "data" / "stem.sqlite")) as database:
        database.row_factory = sqlite3.Row
        return {Path(row["path"]).name: dict(row) for row in database.execute("SELECT * FROM library")}


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    found = (folder, *folder.rglob("*"))
    stats = {str(path): path.lstat() for path in found}
    return {name: (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}


# ------------------------------------------------------------------------------------------------ what is a song


def test_only_the_users_songs_are_taken(put: Any, scan: Any, stem: Stem) -> None:
    wanted = [put(name) for name in ("a.flac", "House/b.mp3", "House/deep/C.FLAC", "vocals.flac")]
    for name in (".hidden.flac", "._a.flac", ".trash/x.flac", "_Serato_/x.flac", "House/_Serato_Backup/x.flac"):
        put(name)
    for name in ("PIONEER/USBANLZ/x.flac", ".PIONEER/x.flac", "Engine Library/Music/x.flac", "a.serato-stems/x.flac"):
        put(name)
    for name in ("a.stem.mp4", "a.stem.m4a", "notes.txt", "cover.jpg", ".DS_Store", "metadata.json", "a.flac.asd"):
        (LIBRARY / name).write_text("no song")
    (LIBRARY / "folder.mp3").mkdir()
    tags.write(put("elsewhere.flac"), SONG)  # a stem, by its tags
    stem("separate", wanted[0], "--output", LIBRARY / "stems")
    stem("separate", wanted[0], "--output", LIBRARY / "House", "--layout", "flat", "--format", "flac")
    (LIBRARY / "stems" / "other").mkdir()
    wanted.append(put("stems/other/e.flac"))
    before = snapshot(LIBRARY)
    found = scan()
    assert sorted(song["path"] for song in found["songs"]) == sorted(map(str, wanted))
    assert (counts(found), found["left_out"]) == ({"new": len(wanted)}, [])
    assert counts(scan()) == {}
    assert snapshot(LIBRARY) == before


def test_what_cannot_be_taken_is_named_and_the_rest_is_taken(put: Any, scan: Any, stem: Stem) -> None:
    put("good.flac", title="Good")
    (LIBRARY / "empty.mp3").touch()
    (LIBRARY / "broken.flac").write_bytes(b"fLaC" + bytes(100))
    (LIBRARY / "noise.mp3").write_bytes(os.urandom(5000))
    found = scan()
    assert sorted(names(found)) == ["broken.flac", "good.flac", "noise.mp3"]  # the batch tells what is damaged
    assert found["left_out"] == [f"{Path.cwd()}/Music/empty.mp3: it is empty"]
    assert scan()["left_out"] == found["left_out"]
    shown = stem("scan", LIBRARY)
    assert shown.stdout.splitlines()[:2] == [
        "3 songs, 0.0 hours (0 new, 0 changed, 0 moved, 0 gone)",
        "vocals: 0 yes, 0 no, 3 unknown",
    ]
    assert "empty.mp3: it is empty" in shown.stdout
    assert stem("scan", LIBRARY, "--quiet").stdout == ""
    shutil.copy(LIBRARY / "good.flac", LIBRARY / "empty.mp3")
    assert counts(scan()) == {"new": 1}


@unix_only
def test_links_that_lead_in_circles_are_followed_once(put: Any, scan: Any) -> None:
    put("House/a.flac")
    (LIBRARY / "House" / "up").symlink_to("..")
    (LIBRARY / "here.flac").symlink_to("here.flac")
    (LIBRARY / "nowhere.flac").symlink_to("missing.flac")
    (LIBRARY / "b.flac").symlink_to("House/a.flac")
    (LIBRARY / "again").symlink_to("House", target_is_directory=True)
    found = scan()
    assert sorted(names(found)) == ["a.flac", "b.flac"]
    assert [text.partition(": ")[0] for text in found["left_out"]] == [f"{Path.cwd()}/Music/here.flac"]


@unix_only
def test_names_of_every_kind(put: Any, scan: Any, tmp_path: Path) -> None:
    for name in ODD:
        put(name, title=name)
    broken = b"broken \xff\xfe.flac"
    try:
        put(broken, title="No UTF-8")
    except OSError:
        pytest.skip("only on disks that take any name")
    found = scan()
    assert counts(found) == {"new": 3}
    assert sorted(names(found)) == sorted((*ODD, "broken \ufffd\ufffd.flac"))
    assert counts(scan()) == {}
    put("copy.flac").unlink()
    shutil.copy(os.fsencode(LIBRARY) + b"/" + broken, LIBRARY / "copy.flac")
    assert counts(scan()) == {"new": 1}  # it was not moved: the other one is still there
    assert len(rows(tmp_path)) == 4


@unix_only
def test_a_folder_that_may_not_be_read_is_named(put: Any, scan: Any, tmp_path: Path) -> None:
    put("a.flac")
    closed = put("closed/b.flac").parent
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("only on accounts without every right")
        found = scan()
    finally:
        closed.chmod(0o755)
    assert names(found) == ["a.flac"]
    assert found["left_out"] == [f"{closed}: it cannot be read (Permission denied)"]


# ------------------------------------------------------------------------------------------- what is known of it


def test_tags_are_read_in_every_container(blanks: dict[str, Path], scan: Any) -> None:
    LIBRARY.mkdir()
    for name, (kind, give) in PUTTERS.items():
        if blanks[kind].suffix not in (".mp4", ".mkv"):  # videos are taken where they are named
            give(Path(shutil.copy(blanks[kind], LIBRARY / f"{name.replace(' ', '-')}{blanks[kind].suffix}")))
    found = scan()
    assert len(found["songs"]) == len(PUTTERS) - 2
    for song in found["songs"]:
        texts = {name: song[name] for name in ("title", "album", "genre", "key", "comment")}
        wanted = {name: getattr(SONG, name) for name in texts}
        if "m4a" in song["path"] or "id3v2.3" not in song["path"]:
            assert texts == wanted, song["path"]
        assert song["bpm"] == pytest.approx(SONG.bpm, abs=0.5), song["path"]
        assert song["seconds"] == pytest.approx(0.2, abs=0.11), song["path"]
        assert (song["rating"], song["crates"]) == (None, [])
        assert song["added"] == found["songs"][0]["added"]


@pytest.mark.parametrize(
    ("byte", "stars"), [(0, None), (1, 1), (51, 1), (64, 2), (102, 2), (128, 3), (153, 3), (196, 4), (204, 4), (255, 5)]
)
def test_stars_of_an_mp3(put: Any, byte: int, stars: int | None) -> None:
    path = put("a.mp3")
    frames = mutagen.id3.ID3()
    frames.add(mutagen.id3.POPM(email="rating@winamp.com", rating=byte))
    frames.save(path)
    assert tags.outline(path).rating == stars


@pytest.mark.parametrize(("text", "stars"), [("4", 4), ("80", 4), ("0.8", 4), ("0,2", 1), ("0", 0), ("none", None)])
def test_stars_of_a_flac(put: Any, text: str, stars: int | None) -> None:
    assert tags.outline(put("a.flac", RATING=text)).rating == stars


def test_vocals_are_told_by_words_and_by_lyrics(put: Any, scan: Any) -> None:
    put("1.flac", title="Song (Instrumental)", LYRICS="la la")
    put("2.flac", title="Song (Vocal Mix)", RATING="5")
    put("3.flac", title="Song", LYRICS="la la")
    put("4.flac", title="Song", genre="House")
    put("Song (Acapella).flac")
    assert [song["vocals"] for song in scan()["songs"]] == ["no", "yes", "yes", "unknown", "yes"]


@given(st.one_of(st.text(), st.floats().map(str), st.integers().map(str)))
def test_stars_are_0_to_5_whatever_stands_there(text: str) -> None:
    assert stars_of(text) in (None, 0, 1, 2, 3, 4, 5)


@given(st.integers(0, 5))
def test_stars_are_themselves_and_so_are_their_per_cent(stars: int) -> None:
    assert stars_of(str(stars)) == stars
    assert stars_of(f"{stars / 5:.1f}") == stars
    assert stars_of(str(stars * 20)) == stars


@given(st.text(), st.text(), st.text(min_size=1).filter(lambda name: "/" not in name and "\0" not in name))
def test_whatever_a_song_is_called_there_is_an_answer(title: str, genre: str, name: str) -> None:
    assert vocals_in(title, genre, Path(name)) in ("yes", "no", "unknown")
    assert vocals_in(f"{title} (Instrumental)", genre, Path(name)) == "no"
    assert vocals_in("Song", "Techno", Path(name)) == "unknown"


@pytest.mark.parametrize(
    ("title", "vocals"),
    [
        ("Song (Karaoke Version)", "no"),
        ("Song (Inst.)", "no"),
        ("Song (No Vocals)", "no"),
        ("Song feat. Somebody", "yes"),
        ("Song ft Somebody", "yes"),
        ("Song feat. Somebody (Instrumental)", "no"),
        ("Song (A Cappella)", "yes"),
        ("Song (Accapella)", "yes"),
        ("Vocals Only", "yes"),
        ("Instant Crush", "unknown"),
        ("Feather", "unknown"),
        ("Vocalise", "unknown"),
    ],
)
def test_words_that_tell_of_vocals(title: str, vocals: str) -> None:
    assert vocals_in(title, "", Path("a.mp3")) == vocals


def test_a_song_that_was_listened_to_is_not_listened_to_again(put: Any, stem: Stem, tmp_path: Path) -> None:
    path = put("a.flac", title="Song")
    (first,) = json.loads(stem("scan", LIBRARY, "--detect-vocals", "--json").stdout)["songs"]
    assert first["vocals"] in ("yes", "no")
    stat = path.stat()
    path.write_bytes(bytes(stat.st_size))  # there is nothing to listen to any more
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (second,) = json.loads(stem("scan", LIBRARY, "--detect-vocals", "--json").stdout)["songs"]
    assert second == first
    assert rows(tmp_path)["a.flac"]["vocals"] == first["vocals"]


# ---------------------------------------------------------------------------------- new, changed, moved and gone


def test_what_has_not_changed_is_not_opened_again(put: Any, scan: Any) -> None:
    path = put("a.flac", title="Song")
    first = scan()
    stat = path.stat()
    path.write_bytes(os.urandom(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = scan()
    assert (again["songs"], counts(again)) == (first["songs"], {})
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    changed = scan()
    assert (counts(changed), changed["songs"][0]["title"]) == ({"changed": 1}, "")


def test_a_library_through_a_year(put: Any, scan: Any, tmp_path: Path) -> None:
    for seed, name in enumerate(("House/a.flac", "House/b.flac", "c.flac", "d.flac", "e.flac")):
        put(name, seed, title=name)
    assert counts(scan()) == {"new": 5}
    with closing(sqlite3.connect(tmp_path / "data" / "stem.sqlite")) as database, database:
        database.execute("UPDATE library SET added = '2001-01-01'")
    retagged = mutagen.flac.FLAC(LIBRARY / "c.flac")
    retagged["bpm"] = "128"
    retagged.save()
    (LIBRARY / "House").rename(LIBRARY / "Deep House")
    shutil.copy(LIBRARY / "d.flac", LIBRARY / "copy.flac")
    (LIBRARY / "e.flac").rename("e.flac")
    found = scan()
    assert counts(found) == {"new": 1, "changed": 1, "moved": 2, "gone": 1}
    known = rows(tmp_path)
    assert {name: row["gone"] for name, row in known.items() if row["gone"]} == {"e.flac": 1}
    assert known["c.flac"]["bpm"] == 128
    assert {name for name, row in known.items() if row["added"] != "2001-01-01"} == {"copy.flac"}
    assert {Path(row["path"]).parent.name for name, row in known.items() if name in ("a.flac", "b.flac")} == {
        "Deep House"
    }
    assert counts(scan()) == {}
    Path("e.flac").rename(LIBRARY / "e.flac")
    assert counts(scan()) == {"new": 1}
    assert {row["gone"] for row in rows(tmp_path).values()} == {0}
    assert rows(tmp_path)["e.flac"]["added"] == "2001-01-01"
    (LIBRARY / "e.flac").rename(LIBRARY / "f.flac")
    assert counts(scan()) == {"moved": 1}


def test_a_disk_that_comes_back_under_another_name(put: Any, stem: Stem, scan: Any, tmp_path: Path) -> None:
    LIBRARY.mkdir()
    songs = [put(f"{name}.flac", seed, title=name) for seed, name in enumerate("abc")]
    stem("separate", *songs)  # their digests are known now
    assert counts(scan()) == {"new": 3}
    LIBRARY.rename("Disk 1")
    stem("scan", LIBRARY.absolute(), code=3)
    found = scan("Disk 1")
    assert counts(found) == {"moved": 3}
    assert [Path(row["path"]).parent.name for row in rows(tmp_path).values()] == ["Disk 1"] * 3


def test_another_sound_of_the_same_size_and_tags_is_another_song(put: Any, stem: Stem, scan: Any) -> None:
    LIBRARY.mkdir()
    for name, seed in (("a.wav", 1), ("b.wav", 2)):
        soundfile.write(LIBRARY / name, music(0.3, RATE, seed=seed), RATE, subtype="PCM_16")
    shutil.move(LIBRARY / "b.wav", "b.wav")
    stem("separate", LIBRARY / "a.wav")  # its digest is known now
    scan()
    (LIBRARY / "a.wav").unlink()
    shutil.move("b.wav", LIBRARY / "b.wav")
    assert counts(scan()) == {"new": 1, "gone": 1}


def test_a_song_has_one_name_wherever_it_is_named_from(put: Any, scan: Any) -> None:
    path = put("a.flac", title="Song")
    scan()
    Path("deep/er").mkdir(parents=True)
    for folder, name in (("deep/er", "../../Music"), ("deep", "../Music/../Music/a.flac"), ("Music", ".")):
        found = scan(name, cwd=folder)
        assert (counts(found), [song["path"] for song in found["songs"]]) == ({}, [str(path)])


def test_with_postgresql(put: Any, scan: Any) -> None:
    put("a.flac", title="é 🎧", bpm="124")
    put("b.flac", 1)
    with postgres.server() as server:
        environment = {**os.environ, "STEM_DATABASE_URL": postgres.new_database(server)}
        assert counts(scan(LIBRARY, env=environment)) == {"new": 2}
        (LIBRARY / "a.flac").rename(LIBRARY / "c.flac")
        (LIBRARY / "b.flac").unlink()
        found = scan(LIBRARY, env=environment)
        assert counts(found) == {"moved": 1, "gone": 1}
        assert [(song["title"], song["bpm"]) for song in found["songs"]] == [("é 🎧", 124.0)]
        assert counts(scan(LIBRARY, env=environment)) == {}


# ---------------------------------------------------------------------------------------- crates and playlists


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
    assert "list Warm Up: 1 songs" in shown


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
    assert done.stderr.startswith("1 songs")
    other = put("b.flac", 1)
    assert stem("scan", LIBRARY, "--new").stdout == f"b\t\t\tunknown\t{other}\n"
    assert stem("scan", LIBRARY, "--new").stdout == ""
    assert scan(LIBRARY, "--new")["songs"] == []


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


def test_a_scan_that_is_stopped_has_lost_nothing(put: Any, scan: Any) -> None:
    for seed in range(3):
        put(f"{seed}.flac", seed)
    process = subprocess.Popen(
        [sys.executable, "-m", "stem_cli.cli", "scan", LIBRARY, "--json"], stdout=subprocess.PIPE
    )
    process.kill()
    process.communicate()
    assert len(scan()["songs"]) == 3
