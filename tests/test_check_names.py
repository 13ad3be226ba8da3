"""Names, sizes and paths as sticks take them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from decks import XML, faults, rules, wav
from hypothesis import given, settings
from hypothesis import strategies as st

from stem_cli.dj.check import FAULT, check_folder, names, shortened
from stem_cli.dj.check.finding import TARGETS, Finding, targets_of
from stem_cli.dj.names import NAMINGS, stem_name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Ärtist - Söng (Vocals).wav", set()),
        ("a?.wav", {"name.letters"}),
        ("a\n.wav", {"name.letters"}),
        ("a.wav.", {"name.end"}),
        ("CON.wav", {"name.device"}),
        ("con", {"name.device"}),
        ("console.wav", set()),
        ("a%%b.wav", {"name.percent"}),
        ("a%%b.crate", set()),
        (".a.wav", {"name.hidden"}),
        ("So\u0308ng.wav", {"name.nfc"}),
        ("a" * 256, {"name.length"}),
        ("🎧" * 128, {"name.length"}),
        ("a\udce4.wav", {"name.unicode"}),
    ],
)
def test_names(name: str, found: set[str]) -> None:
    assert {finding.rule for finding in names.judge_name(name)} == found


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(sorted(NAMINGS)))
def test_our_own_names_pass(artist: str, title: str, naming: str) -> None:
    fields = {"artist": artist, "title": title, "name": title or "track", "stem": "backing_vocals"}
    assert list(names.judge_name(stem_name(naming, fields, ".stem.mp4"))) == []


def test_a_folder_with_names_that_clash(tmp_path: Path) -> None:
    (tmp_path / "Songs").mkdir()
    for name in ("Song.wav", "SONG.WAV", "._Song.wav", "note.txt"):
        wav(tmp_path / "Songs" / name)
    (tmp_path / "other.xml").write_text("<NML/>")
    (tmp_path / "rekordbox.xml").write_bytes(XML.replace(b'Entries="3"', b'Entries="4"'))
    found = [(path.name, finding.rule) for path, finding in check_folder(tmp_path)]
    assert found == [("rekordbox.xml", "rb.entries"), ("Songs", "name.twice")]


def test_large_files_and_long_paths(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    with path.open("r+b") as file:
        file.truncate(2**32)
    assert "file.size" in faults(path, "cdj")
    assert "file.size" in rules(path, "serato") - faults(path, "serato")
    assert {one.rule for one in names.judge_path(PurePosixPath("/", "a" * 250))} == {"path.length"}
    assert targets_of(()) == tuple(TARGETS.values())


def test_a_long_row_of_the_same_is_cut_short() -> None:
    told = list(shortened([Finding(FAULT, "a", str(number)) for number in range(9)], 2))
    assert [one.what for one in told] == ["0", "1", "and the same 7 more times"]


def test_folders_that_older_players_do_not_show(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefghi")
    deep.mkdir(parents=True)
    wav(deep / "a.wav")
    assert [one.rule for _, one in check_folder(tmp_path, ["cdj"])] == ["path.depth"]
    assert [one.rule for _, one in check_folder(tmp_path, ["serato"])] == []
    assert [one.rule for _, one in check_folder(tmp_path / "a", ["cdj"])] == []
    assert [one.rule for _, one in check_folder(tmp_path / "a", ["cdj"], tmp_path)] == ["path.depth"]
