"""What a user may name where lists are asked for: files, folders, drives, `auto`; and lists by their names."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import library
from stem_cli.errors import InputError
from stem_cli.library import Crate, choose, default_libraries, lists_of

FILES = SHARED / "data" / "dj"


def field(tag: bytes, body: bytes | str) -> bytes:
    raw = body.encode("utf-16-be") if isinstance(body, str) else body
    return tag + struct.pack(">I", len(raw)) + raw


def crate(*paths: str, version: str = "1.0/Serato ScratchLive Crate") -> bytes:
    return field(b"vrsn", version) + b"".join(field(b"otrk", field(b"ptrk", path)) for path in paths)


def serato_database(*paths: str) -> bytes:
    songs = [
        field(b"otrk", field(b"pfil", path) + field(b"tgen", "House") + field(b"tbpm", "124.00")) for path in paths
    ]
    return field(b"vrsn", "2.0/Serato Scratch LIVE Database") + b"".join(songs)


@pytest.fixture
def usb(tmp_path: Path) -> Path:
    """A drive with Serato's folder."""
    root = tmp_path / "USB"
    for name in ("Subcrates", "SmartCrates", "Library"):
        (root / "_Serato_" / name).mkdir(parents=True)
    (root / "_Serato_" / "Subcrates" / "Gigs%%Saturday.crate").write_bytes(crate("Contents/a.mp3", "Contents/b.mp3"))
    (root / "_Serato_" / "Subcrates" / "._Gigs%%Saturday.crate").write_bytes(b"AppleDouble")
    smart = crate("Contents/b.mp3", version="1.0/Serato ScratchLive Smart Crate")
    (root / "_Serato_" / "SmartCrates" / "New≫≫House.scrate").write_bytes(smart)
    (root / "_Serato_" / "database V2").write_bytes(serato_database("Contents/a.mp3"))
    return root


def names(crates: tuple[Crate, ...]) -> list[str]:
    return [one.name for one in crates]


# ------------------------------------------------------------------------------------------------ files and folders


def test_a_drive_and_its_serato_folder_give_the_same_lists(usb: Path) -> None:
    assert names(lists_of(usb)) == ["Gigs/Saturday", "New/House", ""]
    assert lists_of(usb / "_Serato_") == lists_of(usb)


def test_songs_of_a_crate_are_told_with_what_the_database_knows(usb: Path) -> None:
    for place in (usb, usb / "_Serato_" / "Subcrates" / "Gigs%%Saturday.crate"):
        first, second = lists_of(place)[0].entries
        assert (str(first.path), first.genre, first.bpm) == (f"{usb}/Contents/a.mp3", "House", 124.0)
        assert (second.genre, second.bpm) == ("", None)


def test_the_libraries_of_serato_4_are_found(usb: Path) -> None:
    with closing(sqlite3.connect(usb / "_Serato_" / "Library" / "location.sqlite")) as database:
        database.executescript(
            "CREATE TABLE container(id, name); CREATE TABLE asset(id INTEGER, portable_id);"
            "CREATE TABLE container_asset(container_id, asset_id); INSERT INTO container VALUES (1, 'Four');"
            "INSERT INTO asset VALUES (1, 'Contents/a.mp3'); INSERT INTO container_asset VALUES (1, 1)"
        )
    four = choose(lists_of(usb), "four")
    assert [str(entry.path) for entry in four[0].entries] == [f"{usb}/Contents/a.mp3"]
    assert four[0].entries[0].genre == "House"


def test_one_damaged_crate_of_many_says_so_and_the_others_are_read(usb: Path) -> None:
    (usb / "_Serato_" / "Subcrates" / "Bad.crate").write_bytes(crate("a")[:-1])
    (usb / "_Serato_" / "Library" / "root.sqlite").write_bytes(b"SQLite format 3\0" + bytes(100))
    found = {one.name: one for one in lists_of(usb)}
    assert "damaged" in found["Bad"].left_out[0]
    assert not found["Bad"].entries
    assert len(found["Gigs/Saturday"].entries) == 2
    with pytest.raises(InputError, match="damaged"):
        lists_of(usb / "_Serato_" / "Subcrates" / "Bad.crate")


def test_lists_of_virtualdj_stand_in_folders_beside_its_database(tmp_path: Path) -> None:
    home = tmp_path / "VirtualDJ"
    (home / "MyLists" / "Gigs.subfolders").mkdir(parents=True)
    (home / "Playlists").mkdir()
    (home / "database.xml").write_text(
        '<VirtualDJ_Database><Song FilePath="/m/a.mp3"><Tags Genre="House" /></Song></VirtualDJ_Database>'
    )
    (home / "settings.xml").write_text("<settings />")
    text = '<VirtualFolder><song path="/m/a.mp3" title="A" /></VirtualFolder>'
    (home / "MyLists" / "Gigs.subfolders" / "Saturday.vdjfolder").write_text(text)
    (home / "MyLists" / "Broken.vdjfolder").write_text("<Virtual")
    (home / "Playlists" / "Old.m3u").write_text("/m/a.mp3\n")
    for place in (tmp_path, home, home / "database.xml"):
        assert names(lists_of(place)) == ["", "Broken", "Gigs/Saturday", "Old"]
    entry = choose(lists_of(home), "Saturday")[0].entries[0]
    assert (entry.title, entry.genre) == ("A", "House")
    assert lists_of(home / "MyLists" / "Gigs.subfolders" / "Saturday.vdjfolder")[0].entries[0].genre == "House"


def test_a_folder_of_playlists_gives_each(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    for name in ("b.m3u8", "a.m3u", "._a.m3u", "Thumbs.db", "other.sqlite", "other.xml", "song.mp3"):
        (folder / name).write_text("x.mp3\n")
    assert names(lists_of(folder)) == ["a", "b"]


def test_a_folder_without_lists_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no lists"):
        lists_of(tmp_path / "empty")
    with pytest.raises(InputError):
        lists_of(tmp_path / "gone.m3u")


@pytest.mark.shared
def test_real_libraries_are_read_as_a_user_has_them(tmp_path: Path) -> None:
    if not FILES.is_dir():
        pytest.skip("the project's shared material is absent")
    music = tmp_path / "Users" / "dj" / "Music"
    (music / "_Serato_" / "Subcrates").mkdir(parents=True)
    for file, name in (("triseratops_French House", "French House"), ("seratotools_TestCrate", "Test%%Crate")):
        shutil.copy(FILES / "serato" / f"{file}.crate", music / "_Serato_" / "Subcrates" / f"{name}.crate")
    shutil.copy(FILES / "serato" / "triseratops_database V2", music / "_Serato_" / "database V2")
    shutil.copy(FILES / "rekordbox" / "pyrekordbox_rb5_database.xml", music / "rekordbox.xml")
    found = lists_of(music)
    assert [(one.name, len(one.entries)) for one in found][:4] == [
        ("French House", 2),
        ("Test/Crate", 3),
        ("", 4),
        ("", 6),
    ]
    assert names(choose(found, "sub playlist")) == ["Folder/Sub Playlist"]
    french = choose(found, "french house")[0]
    assert all(str(entry.path).startswith("/") for entry in french.entries)
    database = library.read(music / "_Serato_" / "database V2")[0]
    known = {entry.path for entry in database.entries}
    assert all(entry.title for one in found for entry in one.entries if entry.path in known)
    assert names(lists_of(FILES / "own" / "collection_with_playlist.nml")) == ["", "Gigs/To stem"]


# ------------------------------------------------------------------------------------------------------------ auto


def test_libraries_are_found_where_their_programs_put_them(tmp_path: Path, usb: Path) -> None:
    home = tmp_path / "home"
    expected = [
        "Music/_Serato_/database V2",
        "AppData/Roaming/Serato/Library/root.sqlite",
        "Library/Application Support/Serato/Library/root.sqlite",
        "Library/Pioneer/rekordbox/master.db",
        "AppData/Roaming/Pioneer/rekordbox/master.db",
        "Documents/rekordbox.xml",
        "Documents/Native Instruments/Traktor 3.11.1/collection.nml",
        "Documents/Native Instruments/Traktor Pro 4.1.0/collection.nml",
        "Documents/VirtualDJ/database.xml",
    ]
    assert default_libraries(home) == []
    for age, name in enumerate(expected):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_bytes(b"")
        os.utime(home / name, (age, age))
    found = default_libraries(home, [usb, tmp_path / "gone"])
    wanted = {home / name for name in expected if "3.11.1" not in name and "V2" not in name}
    assert set(found) == wanted | {home / "Music" / "_Serato_", usb / "_Serato_"}


# ----------------------------------------------------------------------------------------------------------- names

LISTS = tuple(
    Crate(name, Path(source), ())
    for name, source in (
        ("", "a"),
        ("Gigs/Saturday", "a"),
        ("Gigs/Sunday", "a"),
        ("gigs/saturday", "b"),
        ("Stem Me", "a"),
        ("Old/Stem Me", "a"),
        ("A/Twice", "a"),
        ("B/Twice", "b"),
        ("Café", "a"),
        ("Sets/Gigs/Late", "a"),
    )
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Gigs/Saturday", ["Gigs/Saturday", "gigs/saturday"]),
        ("gigs%%SATURDAY", ["Gigs/Saturday", "gigs/saturday"]),
        ("Gigs\\Saturday", ["Gigs/Saturday", "gigs/saturday"]),
        ("saturday", ["Gigs/Saturday", "gigs/saturday"]),
        ("Sunday", ["Gigs/Sunday"]),
        ("stem me", ["Stem Me"]),
        ("/old/stem me/", ["Old/Stem Me"]),
        ("Cafe\u0301", ["Café"]),
        ("Gigs/Late", ["Sets/Gigs/Late"]),
        ("Gigs", ["Gigs/Saturday", "Gigs/Sunday", "gigs/saturday"]),
        ("Sets", ["Sets/Gigs/Late"]),
    ],
)
def test_lists_are_chosen_by_name(name: str, found: list[str]) -> None:
    assert names(choose(LISTS, name)) == found


def test_a_name_that_several_have_asks_for_the_folder() -> None:
    with pytest.raises(InputError, match="A/Twice, B/Twice") as told:
        choose(LISTS, "twice")
    assert "folder" in told.value.hint


@pytest.mark.parametrize(
    ("name", "near"), [("Saturdy", "Gigs/Saturday"), ("Stem Mee", "Stem Me"), ("zzz", "There are")]
)
def test_a_name_that_nothing_has_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InputError, match="no list called") as told:
        choose(LISTS, name)
    assert near in told.value.hint


@pytest.mark.parametrize(
    ("count", "told"), [(2, "There are: Gigs/Saturday, Gigs/Sunday."), (4, "Gigs/Sunday, gigs/saturday ...")]
)
def test_dots_stand_only_where_there_are_more(count: int, told: str) -> None:
    with pytest.raises(InputError) as error:
        choose(LISTS[: count + 1], "zzz")
    assert error.value.hint.endswith(told)


def test_no_lists_and_no_name_are_told() -> None:
    for lists, name in (((), "a"), (LISTS, ""), (LISTS[:1], "")):
        with pytest.raises(InputError):
            choose(lists, name)


@given(st.lists(st.text(max_size=8), max_size=6), st.text(max_size=8))
def test_any_name_gives_lists_or_a_clear_error(given_names: list[str], name: str) -> None:
    lists = tuple(Crate(one, Path("a"), ()) for one in given_names)
    with suppress(InputError):
        assert set(choose(lists, name)) <= set(lists)
