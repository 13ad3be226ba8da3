"""Paths that DJ programs wrote elsewhere, as files of this machine."""

from __future__ import annotations

import os
import time
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stem_cli.library import Listings, drives, resolve
from stem_cli.library.resolve import other_drive


@pytest.fixture
def usb(tmp_path: Path) -> Path:
    return put(tmp_path / "media" / "USB", "Music/Ärtist/Söng.mp3", "Music/x\uf022y.mp3", "Music/b.mp3")


def put(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"")
    return root


def found(path: str, *bases: Path, mapping: dict[str, str] | None = None) -> Path | str:
    return resolve(PurePosixPath(path), bases, mapping)


def test_a_file_that_is_there_is_found_without_help(usb: Path) -> None:
    assert found(f"{usb}/Music/b.mp3") == usb / "Music" / "b.mp3"
    assert found(f"{usb}/Music/../Music/./b.mp3") == usb / "Music" / "b.mp3"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nowhere/a.mp3", "missing"),
        ("E:/Music/gone.mp3", "on another drive (E:)"),
        ("e:/Music/gone.mp3", "on another drive (E:)"),
        ("/Volumes/STICK/Music/gone.mp3", "on another drive (STICK)"),
        ("/media/dj/STICK/gone.mp3", "on another drive (STICK)"),
        ("/run/media/dj/STICK/gone.mp3", "on another drive (STICK)"),
        ("//nas/music/gone.mp3", "on another drive (//nas/music)"),
        ("http://radio/live", "a stream"),
        ("tidal:tracks:1234", "a stream"),
        ("netsearch://td1", "a stream"),
        ("", "missing"),
        ("/", "missing"),
        ("a/b.mp3", "missing"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="drives of other machines, as seen on this one")
def test_what_is_not_here_says_why(usb: Path, path: str, reason: str) -> None:
    assert found(path) == reason
    assert found(path, usb) == reason


@pytest.mark.parametrize(
    "path",
    ["E:/Music/b.mp3", "E:\\Music\\b.mp3", "/Volumes/usb/Music/b.mp3", "/media/dj/OLD/Music/b.mp3", "/Music/b.mp3"],
)
@pytest.mark.skipif(os.name == "nt", reason="drives of other machines, as seen on this one")
def test_a_drive_that_is_mounted_elsewhere_now_is_found(usb: Path, path: str) -> None:
    assert found(path, usb.parent / "other", usb) == usb / "Music" / "b.mp3"


def test_the_drive_of_the_same_name_comes_first(usb: Path) -> None:
    put(usb.parent / "A", "Music/b.mp3")
    assert found("/Volumes/USB/Music/b.mp3", usb.parent / "A", usb) == usb / "Music" / "b.mp3"


@pytest.mark.parametrize(
    ("path", "note"),
    [
        ("E:/Music/b.mp3", "instead of E:"),
        ("/Volumes/OLD/Music/b.mp3", "instead of /Volumes/OLD"),
        ("/Music/b.mp3", "instead of /"),
        ("/Volumes/usb/Music/b.mp3", ""),
        ("{usb}/music/B.mp3", ""),
        ("D:/Tunes/b.mp3", ""),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="drives of other machines, as seen on this one")
def test_what_was_found_on_another_drive_is_told(usb: Path, path: str, note: str) -> None:
    asked, mapping = PurePosixPath(path.format(usb=usb)), {"D:/Tunes": f"{usb}/Music"}
    place = resolve(asked, (usb,), mapping)
    assert isinstance(place, Path)
    assert other_drive(asked, place, (usb, Path("/")), mapping) == (note and f"found on {usb} {note}")


@pytest.mark.parametrize(
    ("path", "old"),
    [
        ("D:/Tunes/b.mp3", "D:\\Tunes"),
        ("D:/Tunes/b.mp3", "d:/TUNES/"),
        ("D:/Tunes/b.mp3", "D:/Tunes"),
        ("//NAS/share/b.mp3", "\\\\nas\\share"),
        ("/Users/dj/Tunes/b.mp3", "/Users/dj/Tunes"),
        ("/Users/dj/Tünes/b.mp3", unicodedata.normalize("NFD", "/Users/dj/Tünes")),
    ],
)
def test_the_beginning_of_another_machines_paths_is_replaced(usb: Path, path: str, old: str) -> None:
    assert found(path, mapping={old: f"{usb}/Music"}) == usb / "Music" / "b.mp3"


def test_the_longest_beginning_is_taken_and_only_whole_names(usb: Path) -> None:
    mapping = {"D:/": "/wrong", "D:/Tunes": f"{usb}/Music", "D:/Tun": "/wrong", "/Users/DJ": f"{usb}/Music"}
    assert found("D:/Tunes/b.mp3", mapping=mapping) == usb / "Music" / "b.mp3"
    assert found("D:/Tunesmith/b.mp3", mapping=mapping) == "missing"
    assert found("/Users/dj/b.mp3", mapping=mapping) == "missing"


def test_drives_whole_can_be_replaced(usb: Path) -> None:
    assert found("D:/Music/b.mp3", mapping={"D:": str(usb)}) == usb / "Music" / "b.mp3"
    assert found("/a/Music/b.mp3", mapping={"/": "/nowhere", "/a/": f"{usb}/"}) == usb / "Music" / "b.mp3"
    assert found("/Music/b.mp3", mapping={"/": str(usb)}) == usb / "Music" / "b.mp3"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_names_that_differ_in_form_or_case_only_are_found(usb: Path, form: str, change: type[str]) -> None:
    inside = unicodedata.normalize(form, change("Music/Ärtist/Söng.mp3"))
    assert found(f"{usb}/{inside}") == usb / "Music" / "Ärtist" / "Söng.mp3"


@pytest.mark.parametrize("name", ["x:y.mp3", "X:y.mp3", "x\uf022y.mp3"])
def test_a_colon_is_found_as_macos_writes_it(usb: Path, name: str) -> None:
    assert found(f"{usb}/Music/{name}") == usb / "Music" / "x\uf022y.mp3"


def test_of_several_alike_only_the_exact_one_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "m/a.mp3", "m/A.mp3")
    if len(list((tmp_path / "m").iterdir())) == 1:
        pytest.skip("names are alike in any case here")
    assert found(f"{tmp_path}/m/A.mp3") == tmp_path / "m" / "A.mp3"
    put(tmp_path, "n/aB.mp3", "n/Ab.mp3")
    assert found(f"{tmp_path}/n/ab.mp3") == "missing"


def test_a_folder_is_no_song(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").mkdir()
    assert found(f"{tmp_path}/a.mp3") == "missing"
    assert found(f"{put(tmp_path, 'b.mp3')}/b.mp3/c.mp3") == "missing"


def test_twenty_thousand_songs_take_seconds_and_each_folder_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in range(40):
        put(tmp_path, *(f"Ä{folder}/Söng {number}.mp3" for number in range(50)))
    listed: list[str] = []
    whole = os.scandir
    monkeypatch.setattr(os, "scandir", lambda place: (listed.append(str(place)), whole(place))[1])
    paths = [
        PurePosixPath(unicodedata.normalize("NFD", f"E:/ä{number % 40}/söng {number % 100}.MP3"))
        for number in range(20_000)
    ]
    listings, start = Listings(), time.perf_counter()
    answers = [resolve(path, (tmp_path,), None, listings) for path in paths]
    assert time.perf_counter() - start < 10
    assert sum(isinstance(answer, Path) for answer in answers) == sum(number % 100 < 50 for number in range(20_000))
    assert len(listed) == len(set(listed))


def test_drives_are_not_the_systems_own() -> None:
    assert Path("/") not in drives()
    assert all(drive.is_absolute() for drive in drives())


# ------------------------------------------------------------------------------------------------- anything at all

NAME = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\\uf022:"), min_size=1, max_size=12
)


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_any_text_is_a_file_or_a_reason(text: str, mapping: dict[str, str]) -> None:
    answer = resolve(PurePosixPath(text), (Path("/nowhere"),), mapping)
    assert isinstance(answer, Path) or answer in ("missing", "a stream") or answer.startswith("on another drive (")


@given(st.lists(NAME.filter(lambda name: name.strip(". ") == name), min_size=1, max_size=3))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_found_in_any_form(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    root = tmp_path_factory.mktemp("any")
    made = put(root, "/".join(unicodedata.normalize("NFC", name) for name in names))
    asked = "/".join(unicodedata.normalize("NFD", name) for name in names)
    answer = resolve(PurePosixPath(f"X:/{asked}"), (), {"x:\\": str(made)})
    assert isinstance(answer, Path)
    assert answer.is_file()
