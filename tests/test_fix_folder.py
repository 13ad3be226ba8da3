"""A whole folder mended on a copy: names that sticks refuse, and lists that follow."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import pytest
import soundfile
from conftest import Stem, music
from decks import others_fail, snapshot, wav
from hypothesis import given, settings
from hypothesis import strategies as st
from test_check import extensible

from stem_cli.dj.check.names import judge_name
from stem_cli.dj.names import same
from stem_cli.dj.rekordbox_xml import XmlTrack, document, location
from stem_cli.dj.repair.names import mended, mended_names
from stem_cli.dj.serato_crate import crate as made_crate
from stem_cli.dj.serato_crate import paths_of


def library(root: Path) -> None:
    """A stick with names that no stick takes, headers that decks refuse, and lists that name all of it."""
    songs = [root / "What?" / "What? (Vocals).wav", root / "Song.wav", root / "SONG.wav", root / "float.wav"]
    for path in songs[:3]:
        path.parent.mkdir(parents=True, exist_ok=True)
        wav(path)
    extensible(songs[0])
    soundfile.write(songs[3], music(0.2), 44100, subtype="FLOAT")
    tracks = [XmlTrack(path) for path in songs]
    (root / "_DJ").mkdir()
    (root / "_DJ" / "rekordbox.xml").write_bytes(b"".join(document(tracks, len(tracks), ())))
    lines = ["..\\What?\\What? (Vocals).wav", str(root / "Song.wav"), "../SONG.wav", "/elsewhere/a.wav"]
    (root / "_DJ" / "Stems.m3u8").write_text("\n".join(lines), "utf-8")
    (root / "_Serato_" / "Subcrates").mkdir(parents=True)
    paths = ["What?/What? (Vocals).wav", "/SONG.wav", "Elsewhere/a.wav"]
    (root / "_Serato_" / "Subcrates" / "A.crate").write_bytes(made_crate(paths))
    (root / "notes.txt").write_text("x")
    (root / "._Song.wav").write_text("x")


def test_a_folder_is_copied_whole_and_its_lists_name_the_copy(stem: Stem) -> None:
    root = Path.cwd() / "stick"
    library(root)
    before = snapshot(root)
    done = stem("check", "stick", "--fix", "mended")
    assert "8 files, 5 mended, 2 renamed" in done.stderr
    new = Path.cwd() / "mended"
    assert sorted(str(path.relative_to(new)) for path in new.rglob("*") if path.is_file()) == [
        "SONG.wav",
        "Song (2).wav",
        "What/What (Vocals).wav",
        "_DJ/Stems.m3u8",
        "_DJ/rekordbox.xml",
        "_Serato_/Subcrates/A.crate",
        "float.wav",
        "notes.txt",
    ]
    places = [one.get("Location", "") for one in ElementTree.parse(new / "_DJ" / "rekordbox.xml").iter("TRACK")]
    assert places == [
        location(new / name) for name in ("What/What (Vocals).wav", "Song (2).wav", "SONG.wav", "float.wav")
    ]
    assert (new / "_DJ" / "Stems.m3u8").read_text("utf-8").splitlines() == [
        "#EXTM3U",
        "../What/What (Vocals).wav",
        "../Song (2).wav",
        "../SONG.wav",
        "/elsewhere/a.wav",
    ]
    assert paths_of((new / "_Serato_/Subcrates/A.crate").read_bytes()) == (
        "What/What (Vocals).wav",
        "SONG.wav",
        "Elsewhere/a.wav",
    )
    lists = [new / "_DJ" / "rekordbox.xml", *new.rglob("*.wav")]
    assert not any(others_fail(lists).values())
    assert snapshot(root) == before
    assert "is there already" in stem("check", "stick", "--fix", "mended", code=5).stderr


def test_a_copy_that_was_stopped_is_finished_by_the_next_run(stem: Stem) -> None:
    library(Path.cwd() / "stick")
    new = Path("mended")
    new.mkdir()
    (new / "_DJ").write_text("in the way")
    stem("check", "stick", "--fix", new, code=5)
    assert (new / "float.wav").exists()
    (new / "_DJ").unlink()
    crate = new / "_Serato_" / "Subcrates" / "A.crate"
    crate.parent.mkdir(parents=True)
    crate.write_text("mine")
    assert "A.crate: a file of that name is there already" in stem("check", "stick", "--fix", new, code=5).stderr
    Path("elsewhere").mkdir()
    wav(Path("elsewhere/float.wav"))
    assert "float.wav: a file of that name is there already" in stem("check", "elsewhere", "--fix", new, code=5).stderr
    crate.unlink()
    stem("check", "stick", "--fix", new)
    stem("check", "stick", "--fix", "at once")
    assert list(snapshot(new)) == list(snapshot(Path("at once")))
    assert "a file of that name is there already" in stem("check", "stick", "--fix", new, code=5).stderr


def test_the_copy_of_a_good_folder_is_the_same(stem: Stem) -> None:
    Path("good").mkdir()
    wav(Path("good/a.wav"))
    (Path("good/a.crate")).write_bytes(made_crate(["Music/x.wav"]))
    (Path("good/a.m3u8")).write_text("#EXTM3U\na.wav\n")
    stem("check", "good", "--fix", "copy", "--strict")
    assert [path.read_bytes() for path in sorted(Path("copy").iterdir())] == [
        path.read_bytes() for path in sorted(Path("good").iterdir())
    ]


def test_what_cannot_be_mended_is_copied_and_told(stem: Stem) -> None:
    Path("bad").mkdir()
    extensible(Path("bad/cut.wav"))
    Path("bad/cut.wav").write_bytes(Path("bad/cut.wav").read_bytes()[:-100])
    Path("bad/two.crate").write_bytes(made_crate(["C:/a.wav", "D:/b.wav"]))
    soundfile.write("bad/high.wav", music(0.2, 96000), 96000)
    done = stem("check", "bad", "--for", "cdj", "--fix", "copy", "--json", code=9)
    found = json.loads(done.stdout)
    assert {row["file"].split("/")[-1]: row["kept"] for row in found["mended"] if row["kept"]} == {
        "cut.wav": "it ends too soon",
        "two.crate": "its songs lie on several drives (C:, D:)",
    }
    left = {row["rule"]: row["hint"] for row in found["left"] if row["severity"] == "fault"}
    assert set(left) == {"wav.extensible", "wav.truncated", "crate.path", "wav.rate"}
    assert all(left.values())
    assert "stem organize" in left["wav.rate"]


def test_lists_for_another_machine_follow_names_too(stem: Stem) -> None:
    root = Path("stick")
    (root / "So: ng").mkdir(parents=True)
    wav(root / "So: ng" / "a?.wav")
    track = XmlTrack(PurePosixPath("/Volumes/USB/So: ng/a?.wav"))
    (root / "rekordbox.xml").write_bytes(b"".join(document([track], 1, ())))
    (root / "a.crate").write_bytes(made_crate(["Stems/So\uf022 ng/a?.wav"]))
    stem("check", root, "--fix", "mended")
    (one,) = ElementTree.parse("mended/rekordbox.xml").iter("TRACK")
    assert one.get("Location") == "file://localhost/Volumes/USB/So%20-%20ng/a.wav"
    assert paths_of(Path("mended/a.crate").read_bytes()) == ("Stems/So - ng/a.wav",)


def test_playlists_of_windows_become_m3u8(stem: Stem) -> None:
    Path("lists").mkdir()
    wav(Path("lists/ä.wav"))
    Path("lists/old.m3u").write_bytes("#EXTM3U\nä.wav\n".encode("cp1252"))
    stem("check", "lists", "--fix", "mended", "--strict")
    assert Path("mended/old.m3u8").read_text("utf-8") == "#EXTM3U\nä.wav\n"


def test_where_a_copy_cannot_lie(stem: Stem) -> None:
    Path("a/b").mkdir(parents=True)
    wav(Path("a/b/x?.wav"))
    assert "copy would lie in" in stem("check", "a", "--fix", "a/mended", code=2).stderr
    assert not Path("a/mended").exists()
    Path("c").mkdir()
    wav(Path("c/y?.wav"))
    stem("check", "a", "c", "a/b/x?.wav", "--fix", "mended")
    assert sorted(str(path) for path in Path("mended").rglob("*.wav")) == [
        "mended/a/b/x.wav",
        "mended/c/y.wav",
        "mended/x.wav",
    ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Ärtist - Söng (Vocals).wav", "Ärtist - Söng (Vocals).wav"),
        ("a.wav. ", "a.wav"),
        ("?.wav", "untitled.wav"),
        ("So\u0308ng.wav", "Söng.wav"),
        ("CON", "_CON"),
        ("x\udce4.wav", "x_.wav"),
        ("a%%b.wav", "a%b.wav"),
        ("A%%B?.crate", "A%%B.crate"),
        ("a?.stem.mp4", "a.stem.mp4"),
        ("Mr. Feat. B?", "Mr. Feat. B"),
        ("x" * 300 + " (Vocals).wav", "x" * 111 + " (Vocals).wav"),
        ("x" * 300 + "_Vocals.wav", "x" * 113 + "_Vocals.wav"),
    ],
)
def test_names_that_are_refused_get_others(name: str, wanted: str) -> None:
    assert mended(name) == wanted


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=270), unique=True, max_size=9))
def test_any_names_of_a_folder_become_good_ones_that_differ(names: list[str]) -> None:
    given_names = mended_names(names)
    assert set(given_names) == set(names)
    assert len({same(name) for name in given_names.values()}) == len(names)
    wrong = [one.rule for name in given_names.values() for one in judge_name(name) if one.fixable]
    assert wrong == []
    good = [name for name in names if mended(name) == name]
    if len({same(name) for name in good}) == len(good):
        assert all(given_names[name] == name for name in good)
