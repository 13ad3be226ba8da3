"""VirtualDJ's database and lists, told from rekordbox's XML by what is in them."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import library
from stem_cli.errors import InputError
from stem_cli.library import virtualdj

DATABASE = """<?xml version="1.0" encoding="UTF-8"?>
<VirtualDJ_Database Version="2024">
 <Song FilePath="C:\\Music\\Bäss &amp; Drum.mp3" FileSize="123">
  <Tags Author="Artist" Title="Song" Genre="House" Album="Al" Stars="4" Bpm="0.5" Key="8A" Flag="1" />
  <Infos SongLength="212.5" FirstSeen="1700000000" Bitrate="320" />
  <Comment>for stems</Comment>
  <Scan Version="801" Bpm="0.46875" AltBpm="0.380975" Volume="0.246516" Key="A#" Flag="32768" />
  <Poi Pos="3.721451" Type="beatgrid" />
 </Song>
 <Song FilePath="/Users/dj/Music/b.mp3"><Tags Bpm="124.00" /></Song>
 <Song FilePath="netsearch://td71717731"><Tags Title="Streamed" /></Song>
 <Song />
</VirtualDJ_Database>
"""
LIST = """<?xml version="1.0" encoding="UTF-8"?>
<VirtualFolder noDuplicates="no" ordered="yes">
 <song path="/Users/dj/Music/b.mp3" size="1" songlength="61.5" bpm="112.000" key="B" artist="Drake" title="P" idx="0" />
 <song path="netsearch://td1" idx="1" /><song path="C:\\Music\\Bäss &amp; Drum.mp3" idx="2" />
</VirtualFolder>
"""


def test_what_virtualdj_knows_of_a_song(tmp_path: Path) -> None:
    (tmp_path / "database.xml").write_text(DATABASE, "utf-8")
    (crate,) = library.read(tmp_path / "database.xml")
    song, other = crate.entries
    assert (crate.name, str(song.path)) == ("", "C:/Music/Bäss & Drum.mp3")
    assert (song.title, song.artist, song.album, song.genre) == ("Song", "Artist", "Al", "House")
    assert (song.bpm, song.key, song.rating, song.seconds) == (128.0, "8A", 4, 212.5)
    assert (song.added, song.comment) == ("2023-11-14", "for stems")
    assert (other.bpm, other.rating) == (124.0, None)
    assert crate.left_out == ("netsearch://td71717731: a stream, no file",)


def test_a_list_of_virtualdj(tmp_path: Path) -> None:
    (tmp_path / "Set A.vdjfolder").write_text(LIST, "utf-8")
    (crate,) = library.read(tmp_path / "Set A.vdjfolder")
    assert (crate.name, len(crate.entries), len(crate.left_out)) == ("Set A", 2, 1)
    song = crate.entries[0]
    assert (song.bpm, song.key, song.artist, song.title, song.seconds) == (112.0, "B", "Drake", "P", 61.5)


def test_a_filter_says_why_it_has_no_songs(tmp_path: Path) -> None:
    (tmp_path / "New.vdjfolder").write_text('<FilterFolder filter="Days Since First Seen &lt; 30" />')
    (crate,) = library.read(tmp_path / "New.vdjfolder")
    assert not crate.entries
    assert "only VirtualDJ knows its songs" in crate.left_out[0]


def test_another_xml_is_told(tmp_path: Path) -> None:
    (tmp_path / "settings.xml").write_text("<settings />")
    with pytest.raises(InputError, match="<settings>"):
        library.read(tmp_path / "settings.xml")
    (tmp_path / "a.vdjfolder").write_text("<DJ_PLAYLISTS />")
    with pytest.raises(InputError, match="no VirtualFolder"):
        library.read(tmp_path / "a.vdjfolder")


@given(st.floats(40, 220))
def test_a_tempo_is_the_same_in_either_way_to_write_it(tempo: float) -> None:
    assert virtualdj._tempo(f"{60 / tempo:.9f}") == pytest.approx(tempo, abs=0.01)
    assert virtualdj._tempo(f"{tempo:.3f}") == pytest.approx(tempo, abs=0.001)


@pytest.mark.parametrize(("name", "whole"), [("database.xml", DATABASE), ("a.vdjfolder", LIST)])
def test_ten_thousand_damaged_files_give_a_list_or_a_clear_error(quick_folder: Path, name: str, whole: str) -> None:
    chance = random.Random(name)
    for _ in range(10_000):
        raw = bytearray(whole.encode())
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(raw) or 1)
            raw[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        if chance.random() < 0.1:
            del raw[chance.randrange(len(raw)) :]
        (quick_folder / name).write_bytes(raw)
        with suppress(InputError):
            library.read(quick_folder / name)
