"""Crates and playlists, and real files of all kinds."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from conftest import SHARED
from decks import faults

from stem_cli.dj.check import check, crate, m3u
from stem_cli.dj.serato_crate import crate as made_crate


@pytest.mark.shared
def test_damaged_files_are_found_and_real_ones_pass() -> None:
    folder = SHARED / "data" / "dj"
    if not folder.exists():
        pytest.skip("the project's shared material is absent")
    damaged = sorted((folder / "damaged").iterdir())
    assert len(damaged) == 9
    assert {path.name: faults(path) for path in damaged} == {
        "absolute_path.crate": {"crate.path"},
        "drive_letter.crate": {"crate.path"},
        "rekordbox_comma_bpm.xml": {"rb.value"},
        "rekordbox_doubleslash.xml": {"rb.slashes"},
        "rekordbox_entries.xml": {"rb.entries"},
        "rekordbox_key.xml": {"rb.keys"},
        "rekordbox_space.xml": {"rb.encoding"},
        "truncated.crate": {"crate.parse"},
        "utf16le.crate": {"crate.bytes"},
    }
    whole = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in damaged]
    assert {path.name: faults(path, "serato", "mixxx") for path in whole if faults(path, "serato", "mixxx")} == {}


@pytest.mark.parametrize(
    ("name", "raw", "found"),
    [
        ("a.crate", made_crate(["a.wav"]), set()),
        ("a.crate", made_crate([]), set()),
        ("a.crate", made_crate(["/a.wav"]), {"crate.path"}),
        ("a.crate", made_crate(["C:/a.wav"]), {"crate.path"}),
        ("a.crate", made_crate(["a\\b.wav"]), {"crate.path"}),
        ("a.crate", made_crate(["a\0"]), {"crate.path"}),
        ("a.crate", made_crate([""]), {"crate.path"}),
        ("a.crate", made_crate(["a.wav"])[:-1], {"crate.parse"}),
        ("a.crate", b"", {"crate.version"}),
        ("a%%%%b.crate", made_crate([]), {"crate.name"}),
        ("_Serato_/SubCrates/a.crate", made_crate([]), {"crate.folder"}),
        ("_Serato_/Subcrates/a.crate", made_crate([]), set()),
        ("a.crate", made_crate([]).replace(b"otrk", b"oXXX") + b"oXYZ\0\0\0\0", {"crate.unknown"}),
        ("a.crate", made_crate(["a.wav"]) + made_crate(["a.wav"])[-26:], {"crate.twice"}),
    ],
)
def test_crates(name: str, raw: bytes, found: set[str]) -> None:
    assert {finding.rule for finding in crate.judge(raw, PurePosixPath("/usb", name))} == found


def test_songs_of_lists_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "x.crate").write_bytes(made_crate(["a.wav", "b.wav"]))
    (tmp_path / "x.m3u8").write_text("#EXTM3U\na.wav\nb.wav\nhttp://c/d.mp3\n")
    assert [one.what for one in check(tmp_path / "x.crate", drive=tmp_path)] == ["'b.wav' is not on its drive"]
    assert [one.what for one in check(tmp_path / "x.m3u8", drive=tmp_path)] == ["there is no 'b.wav'"]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"#EXTM3U\na.wav\n", set()),
        (b"\xef\xbb\xbf#EXTM3U\na.wav\n", {"m3u.bom"}),
        (b"a\\b.wav\n", {"m3u.header", "m3u.backslash"}),
        (b"#EXTM3U\n\xff.wav\n", {"m3u.encoding"}),
        (b"#EXTM3U\n", {"m3u.empty"}),
        (b"#EXTM3U\n/Users/dj/a.wav\n", {"m3u.absolute"}),
        (b"#EXTM3U\nfile:///Users/dj/a.wav\n", {"m3u.absolute"}),
        (b"#EXTM3U\nC:\\a.wav\n", {"m3u.absolute", "m3u.backslash"}),
        (b"#EXTM3U\nhttp://a/b.mp3\n", set()),
        ("#EXTM3U\na.wav\n".encode("utf-16"), {"m3u.encoding"}),
    ],
)
def test_playlists(raw: bytes, found: set[str]) -> None:
    assert {finding.rule for finding in m3u.judge(raw, ".m3u8")} == found
