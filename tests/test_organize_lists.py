"""The lists of `stem organize` over several runs: nothing is dropped, nothing is listed twice, names stay apart."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from conftest import SHARED, Stem, music
from mutagen.id3 import TIT2, TPE1
from mutagen.wave import WAVE

from stem_cli import library
from stem_cli.disk import drive_of
from stem_cli.dj.serato_crate import paths_of

RATE = 22050
CHECKER = SHARED / "tools" / "dj_check.py"
LISTS = "rekordbox,serato"
Separated = Callable[..., Path]


@pytest.fixture
def separated(stem: Stem) -> Separated:
    """Separate songs that are made for it into a folder. Each is a path, or a path and its (artist, title)."""

    def separate(output: str, *songs: str, tags: tuple[str, str] | None = None) -> Path:
        for name in songs:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(name, music(0.6, RATE, seed=sum(name.encode())), RATE, subtype="PCM_16")
            if tags:
                tagged = WAVE(name)
                tagged.add_tags()
                tagged.tags.add(TPE1(encoding=3, text=[tags[0]]))
                tagged.tags.add(TIT2(encoding=3, text=[tags[1]]))
                tagged.save()
        stem("separate", *songs, "--output", output, "--engine", "builtin", "--judge", "off")
        return Path(output)

    return separate


def xml(songs: dict[str, str], lists: dict[str, list[str]]) -> str:
    """A user's rekordbox.xml. songs: by path what is in its TRACK. lists: by name the paths in them."""
    keys = {path: number for number, path in enumerate(songs, 1)}
    tracks = "".join(
        f'<TRACK TrackID="{keys[path]}" Location="file://localhost{Path(path).resolve()}" Tonality="8A" Rating="204"'
        f' Colour="0xFF0000">{inner}</TRACK>'
        for path, inner in songs.items()
    )
    nodes = "".join(
        f'<NODE Name="{name}" Type="1" KeyType="0" Entries="{len(paths)}">'
        + "".join(f'<TRACK Key="{keys[path]}"/>' for path in paths)
        + "</NODE>"
        for name, paths in lists.items()
    )
    return (
        f'<?xml version="1.0"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="{len(songs)}">{tracks}</COLLECTION>'
        f'<PLAYLISTS><NODE Type="0" Name="ROOT" Count="{len(lists)}">{nodes}</NODE></PLAYLISTS></DJ_PLAYLISTS>'
    )


GRID = (
    '<TEMPO Inizio="0.125" Bpm="124.00" Metro="4/4" Battito="1"/>'
    '<POSITION_MARK Name="Drop" Type="0" Start="0.25" Num="0"/>'
)


def checked(home: Path) -> None:
    """The independent checker finds no fault in the lists."""
    if not CHECKER.exists():
        pytest.skip("the project's shared tools are not here (only on the developers' machines)")
    lists = {"rekordbox": "_DJ/rekordbox.xml", "m3u": "_DJ/Stems.m3u8", "crate": "_DJ/Serato/Subcrates/*.crate"}
    for kind, pattern in lists.items():
        there = sorted(home.absolute().glob(pattern))
        command = [sys.executable, CHECKER, "--strict", "--root", drive_of(home), kind, *there]
        if there:
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def listed(home: Path) -> dict[str, set[str]]:
    """By list the names of its files; all lists of all programs."""
    found = {
        crate.name: {Path(entry.path).name for entry in crate.entries}
        for crate in library.read(home / "_DJ/rekordbox.xml")[1:]
    }
    (playlist,) = library.read(home / "_DJ/Stems.m3u8")
    found["m3u8"] = {Path(entry.path).name for entry in playlist.entries}
    for path in home.glob("_DJ/Serato/Subcrates/*.crate"):
        found[path.stem] = {Path(one).name for one in paths_of(path.read_bytes())}
    return found


def test_a_run_with_other_songs_drops_nothing_of_the_first(stem: Stem, separated: Separated) -> None:
    first, second = separated("a", "one.wav", "two.wav"), separated("b", "three.wav")
    Path("mine.xml").write_text(xml({"one.wav": GRID, "two.wav": ""}, {"Stem Me": ["one.wav"], "Nobody": []}))
    known = ("--rekordbox-xml", "mine.xml", "--library", "mine.xml")
    stem("organize", first, "--for", LISTS, "--output", "dj", *known)
    Path("other.xml").write_text(xml({"three.wav": ""}, {"Friday": ["three.wav"]}))
    known = ("--rekordbox-xml", "other.xml", "--library", "other.xml")
    stem("organize", second, "--for", "rekordbox", "--output", "dj", *known)
    home, found = Path("dj"), listed(Path("dj"))
    vocals = {f"{name} (Vocals).wav" for name in ("one", "two", "three")}
    assert found["Stems/Vocals"] == found["Stems%%Vocals"] == vocals
    assert len(found["m3u8"]) == 12
    assert found["Stems/Crates/Stem Me/Vocals"] == found["Stems%%Stem Me%%Vocals"] == {"one (Vocals).wav"}
    assert found["Stems/Crates/Friday/Vocals"] == found["Stems%%Friday%%Vocals"] == {"three (Vocals).wav"}
    assert not any("Nobody" in name for name in found)  # an empty crate is left out
    text = (home / "_DJ/rekordbox.xml").read_text("utf-8")
    assert text.count('Inizio="0.125" Bpm="124.00"') == text.count('Name="Drop"') == 4
    assert text.count('Tonality="8A"') == text.count('Rating="204"') == text.count('Colour="0xFF0000"') == 12
    readme = (home / "_DJ/README.txt").read_text("utf-8")
    assert "Serato DJ" in readme
    assert "rekordbox" in readme
    checked(home)


def test_what_is_gone_leaves_the_lists_and_its_empty_crates_go(stem: Stem, separated: Separated) -> None:
    stems = separated("a", "one.wav", "two.wav")
    Path("mine.xml").write_text(xml({"one.wav": ""}, {"Stem Me": ["one.wav"]}))
    stem("organize", stems, "--for", LISTS, "--output", "dj", "--library", "mine.xml")
    shutil.rmtree("dj/one")
    Path("dj/two/two (Bass).wav").unlink()
    stem("organize", separated("b", "three.wav"), "--for", LISTS, "--output", "dj")
    found = listed(Path("dj"))
    assert found["Stems/Vocals"] == found["Stems%%Vocals"] == {"two (Vocals).wav", "three (Vocals).wav"}
    assert found["Stems/Bass"] == {"three (Bass).wav"}
    assert not [name for name in found if "Stem Me" in name]
    checked(Path("dj"))


def test_a_song_leaves_the_crate_that_its_library_has_taken_it_out_of(stem: Stem, separated: Separated) -> None:
    stems = separated("a", "one.wav", "two.wav")
    Path("mine.xml").write_text(xml({"one.wav": "", "two.wav": ""}, {"Stem Me": ["one.wav", "two.wav"]}))
    stem("organize", stems, "--for", LISTS, "--output", "dj", "--library", "mine.xml")
    Path("mine.xml").write_text(xml({"one.wav": "", "two.wav": ""}, {"Stem Me": ["two.wav"]}))
    stem("organize", stems, "--for", LISTS, "--output", "dj")
    assert listed(Path("dj"))["Stems%%Stem Me%%Bass"] == {"one (Bass).wav", "two (Bass).wav"}
    stem("organize", stems, "--for", LISTS, "--output", "dj", "--library", "mine.xml")
    assert listed(Path("dj"))["Stems%%Stem Me%%Bass"] == {"two (Bass).wav"}


def test_crates_that_a_stick_takes_for_one_are_one(stem: Stem, separated: Separated) -> None:
    stems = separated("a", "one.wav", "two.wav")
    lists = {"Gigs": ["one.wav"], "GIGS": ["two.wav"]}
    Path("mine.xml").write_text(xml({"one.wav": "", "two.wav": ""}, lists))
    stem("organize", stems, "--for", LISTS, "--output", "dj", "--library", "mine.xml")
    found = listed(Path("dj"))
    assert [names for crate, names in found.items() if crate.casefold() == "stems%%gigs%%bass"] == [
        {"one (Bass).wav", "two (Bass).wav"}
    ]
    assert len([crate for crate in found if crate.casefold() == "stems/crates/gigs/bass"]) == 2


def test_a_stick_without_case_knows_our_files_by_any(stem: Stem, separated: Separated) -> None:
    stem("organize", separated("a", "one.wav", tags=("", "One")), "--for", LISTS, "--output", "dj")
    Path("dj/ONE").symlink_to("One")  # a name in another case that leads to the same file, as on FAT32
    for old in list(Path("dj/One").iterdir()):
        Path("dj/One", old.name.replace("One", "ONE")).symlink_to(old.name)
    shutil.rmtree("a")
    again = separated("a", "one.wav", tags=("", "ONE"))
    stem("organize", again, "--for", LISTS, "--output", "dj")
    assert listed(Path("dj"))["Stems/Vocals"] == {"ONE (Vocals).wav"}
    assert len(listed(Path("dj"))["m3u8"]) == 4


def test_a_record_of_an_older_version_is_read_and_its_songs_stay_listed(stem: Stem, separated: Separated) -> None:
    stems = separated("a", "one.wav")
    Path("mine.xml").write_text(xml({"one.wav": GRID}, {"Gigs &amp; Co": ["one.wav"]}))
    known = ("--rekordbox-xml", "mine.xml", "--library", "mine.xml")
    stem("organize", stems, "--for", LISTS + ",mixxx", "--output", "dj", *known)
    record = Path("dj/_DJ/stem-cli.json")
    rows = json.loads(record.read_text("utf-8"))["files"]
    old = {path: {name: row[name] for name in ("made_from", "size", "mtime_ns")} for path, row in rows.items()}
    record.write_text(json.dumps({"files": old}))
    before = listed(Path("dj"))
    stem("organize", separated("b", "three.wav"), "--for", LISTS, "--output", "dj")
    found = listed(Path("dj"))
    assert found.keys() == before.keys()
    assert found["Stems/Vocals"] == {"one (Vocals).wav", "three (Vocals).wav"}
    assert found["Stems/Crates/Gigs & Co/Vocals"] == {"one (Vocals).wav"}
    assert Path("dj/_DJ/rekordbox.xml").read_text("utf-8").count('Name="Drop"') == 4
    assert "#EXTINF:1,one (Vocals)" in Path("dj/_DJ/Stems.m3u8").read_text("utf-8")
    again = json.loads(stem("organize", stems, "--for", LISTS, "--output", "dj", "--json").stdout)
    assert len(again["there"]) == 4
    assert len(listed(Path("dj"))["m3u8"]) == 8


def test_two_runs_at_once_lose_nothing(separated: Separated) -> None:
    folders = [separated(f"s{number}", f"song {number}.wav") for number in range(3)]
    command = [sys.executable, "-m", "stem_cli.cli", "organize", "--for", "rekordbox", "--output", "dj"]
    running = [subprocess.Popen([*command, folder], stderr=subprocess.PIPE, text=True) for folder in folders]
    errors = [one.communicate(timeout=120)[1] for one in running]
    assert [one.returncode for one in running] == [0, 0, 0], errors
    assert listed(Path("dj"))["Stems/Bass"] == {f"song {number} (Bass).wav" for number in range(3)}
    assert len(json.loads(Path("dj/_DJ/stem-cli.json").read_text("utf-8"))["songs"]) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Song", "Song"),
        ("Song", "SONG"),
        (unicodedata.normalize("NFC", "Mañana"), unicodedata.normalize("NFD", "Mañana")),
    ],
)
def test_names_that_meet_across_runs_keep_apart_and_stay(
    stem: Stem, separated: Separated, first: str, second: str
) -> None:
    one = separated("a", "x/1.wav", tags=("", first))
    two = separated("b", "y/2.wav", tags=("", second))
    stem("organize", one, "--for", LISTS, "--output", "dj")
    before = {path: path.read_bytes() for path in Path("dj").rglob("*.wav")}
    stem("organize", two, "--for", LISTS, "--output", "dj")
    assert {path: path.read_bytes() for path in before} == before
    (numbered,) = {path.parent.name for path in Path("dj").rglob("*.wav")} - {path.parent.name for path in before}
    assert numbered == f"{unicodedata.normalize('NFC', second)} (2)"
    for folders in ((two, one), (two,), (one,)):
        again = json.loads(stem("organize", *folders, "--for", LISTS, "--output", "dj", "--json").stdout)
        assert len(again["there"]) == 4 * len(folders)
    assert len(listed(Path("dj"))["m3u8"]) == 8
    checked(Path("dj"))


def test_a_song_is_listed_once_whatever_became_of_its_layout_name_or_folder(stem: Stem, separated: Separated) -> None:
    stems = separated("a", "one.wav", tags=("Ann", "One"))
    stem("organize", stems, "--for", LISTS, "--output", "dj")
    stem("organize", stems, "--for", LISTS, "--output", "dj", "--layout", "by-stem", "--naming", "classic")
    assert listed(Path("dj"))["Stems/Vocals"] == {"one_Vocals.wav"}
    stems.rename("moved")
    again = json.loads(stem("organize", "moved", "--for", LISTS, "--output", "dj", "--json").stdout)
    assert len(again["there"]) == 4
    assert listed(Path("dj"))["Stems/Vocals"] == {"Ann - One (Vocals).wav"}
    assert len(listed(Path("dj"))["m3u8"]) == 4


def test_stems_of_a_stretch_take_over_what_lies_in_it(stem: Stem) -> None:
    soundfile.write("one.wav", music(3.0, RATE), RATE, subtype="PCM_16")
    stem("separate", "one.wav", "--time", "1-2.5", "--output", "a", "--engine", "builtin", "--judge", "off")
    marks = "".join(f'<POSITION_MARK Name="{at}" Type="0" Start="{at}" Num="-1"/>' for at in ("0.5", "1.25", "2.75"))
    grid = '<TEMPO Inizio="0.100" Bpm="120.00" Metro="4/4" Battito="1"/>'
    Path("mine.xml").write_text(xml({"one.wav": grid + marks}, {}))
    stem("organize", "a", "--for", "rekordbox", "--output", "dj", "--rekordbox-xml", "mine.xml")
    text = Path("dj/_DJ/rekordbox.xml").read_text("utf-8")
    assert text.count('<TEMPO Inizio="0.100" Bpm="120.00" Metro="4/4" Battito="3"/>') == 4
    assert text.count("<POSITION_MARK") == text.count('Name="1.25" Type="0" Start="0.250"') == 4


def test_a_broken_grid_is_kept_out_and_said_once(stem: Stem, separated: Separated) -> None:
    stems = separated("a", "one.wav", "two.wav")
    broken = GRID.replace("124.00", "0.00")
    Path("mine.xml").write_text(xml({"one.wav": broken, "two.wav": GRID}, {}))
    done = stem("organize", stems, "--for", "rekordbox,mixxx", "--output", "dj", "--rekordbox-xml", "mine.xml")
    (line,) = [line for line in done.stderr.splitlines() if "grid" in line]
    assert line.startswith("stem: one (")
    assert "its grid is left out: '0.00' BPM" in line
    text = Path("dj/_DJ/rekordbox.xml").read_text("utf-8")
    assert text.count("<TEMPO") == 4
    assert text.count('Name="Drop"') == 8
    checked(Path("dj"))
