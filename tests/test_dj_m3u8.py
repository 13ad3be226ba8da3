"""M3U8 playlists: written, read back, whatever the files are called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import library
from stem_cli.dj.m3u8 import Item, playlist, relative, write_m3u8
from stem_cli.errors import UsageError

NAMES = ("Ärtist - Söng (Vocals).wav", "日本 - 曲.wav", "🎧 50%.wav", "#1 hit.wav", "a, b - c.wav")


def test_a_playlist_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "Stems" / "Song"
    folder.mkdir(parents=True)
    (tmp_path / "_DJ").mkdir()
    items = []
    for name in NAMES:
        (folder / name).touch()
        items.append(Item(folder / name, "Ärtist\n", "Söng - a (Vocals)", 180.6))
    (tmp_path / "_DJ" / "#top.wav").touch()
    items.append(Item(tmp_path / "_DJ" / "#top.wav"))
    file = tmp_path / "_DJ" / "Stems.m3u8"
    write_m3u8(file, items)
    (crate,) = library.read(file)
    assert [os.path.normpath(entry.path) for entry in crate.entries] == [str(item.path) for item in items]
    assert {(one.artist, one.title, one.seconds) for one in crate.entries[:-1]} == {
        ("Ärtist", "Söng - a (Vocals)", 181)
    }
    assert (crate.entries[-1].artist, crate.entries[-1].title, crate.entries[-1].seconds) == ("", "#top", None)
    assert file.read_bytes().startswith(
        b"#EXTM3U\n#EXTINF:181,\xc3\x84rtist - S\xc3\xb6ng - a (Vocals)\n../Stems/Song/"
    )
    tool = SHARED / "tools" / "dj_check.py"
    if tool.exists():
        done = subprocess.run([sys.executable, tool, "m3u", "--strict", file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        (PureWindowsPath("E:/Stems/a.wav"), PureWindowsPath("E:/_DJ"), "../Stems/a.wav"),
        (PureWindowsPath("D:/Stems/a.wav"), PureWindowsPath("E:/_DJ"), "D:/Stems/a.wav"),
        (PurePosixPath("/a/b/c.wav"), PurePosixPath("/a/b"), "c.wav"),
        (PurePosixPath("/a/c.wav"), PurePosixPath("/x/y"), "../../a/c.wav"),
        (PurePosixPath("Stems/c.wav"), PurePosixPath("/x/y"), "Stems/c.wav"),
    ],
)
def test_ways(path: PurePosixPath, folder: PurePosixPath, expected: str) -> None:
    assert relative(path, folder) == expected


@pytest.mark.parametrize("name", ["a\nb.wav", "a\udce4.wav", " a.wav"])
def test_names_that_a_playlist_cannot_hold(name: str) -> None:
    with pytest.raises(UsageError):
        list(playlist([Item(PurePosixPath("/a") / name)], PurePosixPath("/a")))


parts = st.lists(
    st.text(st.sampled_from("abÄ #%'"), min_size=1).map(lambda text: text.strip() or "a"), min_size=1, max_size=4
)


@given(parts, parts)
def test_any_way_leads_there(path: list[str], folder: list[str]) -> None:
    place, home = PurePosixPath("/", *path), PurePosixPath("/", *folder)
    assert os.path.normpath(home / relative(place, home)) == str(place)
