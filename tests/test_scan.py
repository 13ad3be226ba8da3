"""`stem scan`: what it takes for a song, what it knows of it, and what it says is new, changed, moved and gone."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import postgres
import pytest
import soundfile
from conftest import Stem, music
from hypothesis import given
from hypothesis import strategies as st
from scans import LIBRARY, counts, names, rows, snapshot
from tagged import PUTTERS, RATE, SONG

from stem_cli import tags
from stem_cli.library.tagged import vocals_in
from stem_cli.tags.outline import stars_of

ODD = ("é 日本 🎧.flac", unicodedata.normalize("NFD", "Björk.flac"))
unix_only = pytest.mark.skipif(sys.platform == "win32", reason="these names and links are only on Unix")


# ------------------------------------------------------------------------------------------------ what is a song


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_a_scan_that_is_stopped_has_lost_nothing(put: Any, scan: Any) -> None:
    for seed in range(3):
        put(f"{seed}.flac", seed)
    process = subprocess.Popen(
        [sys.executable, "-m", "stem_cli.cli", "scan", LIBRARY, "--json"], stdout=subprocess.PIPE
    )
    process.kill()
    process.communicate()
    assert len(scan()["songs"]) == 3
