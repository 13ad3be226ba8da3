"""rekordbox.xml: what is written comes back, the checker agrees, and what is broken in the user's own is left out."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import library
from stem_cli.cues import Cue, Prepared, Tempo
from stem_cli.dj.rekordbox_xml import Folder, Playlist, XmlTrack, by_stem_and_crate, document, location, write_xml
from stem_cli.errors import FullError, InputError, UsageError
from stem_cli.library.rekordbox import path_of
from stem_cli.library.rekordbox_grid import grid_of, read_prepared
from stem_cli.tags import Tags

NASTY = ("Ärtist & Söng (Vocals)", "日本 - 曲 <Drums>", "Emoji 🎧 50% #1 + 'a' é", 'new\nline "quoted"', "a;b,c=d?e")
PREPARED = Prepared(
    grid=(Tempo(0.025, 124.0), Tempo(60.5, 87.33, "3/4", 2)),
    cues=(
        Cue(1.5, "Drop <1>", pad=0, colour="#28E214"),
        Cue(1.5, "Drop <1>"),
        Cue(8.0, "Loop", "loop", end=16.0, pad=7),
        Cue(0.0, "", "load"),
    ),
    key="8A",
    rating=4,
    colour="#FF007F",
)


def tracks(count: int, folder: str = "/Volumes/USB/Stems") -> Iterator[XmlTrack]:
    for number in range(count):
        name = f"{NASTY[number % len(NASTY)]} {number}"
        tags = Tags(title=name, artist="A & B", bpm=123.456, key="Am", year="1999-05-03", track_number="3/12",
                    comment="8A - Energy 7\nline")  # fmt: skip
        place = PurePosixPath(folder, name.replace("\n", " ") + ".wav")
        yield XmlTrack(place, tags, PREPARED if number % 2 else Prepared(), 1_000_000, 180.9, 44100, 1411)


def checked(path: Path) -> None:
    tool = SHARED / "tools" / "dj_check.py"
    if tool.exists():
        command = [sys.executable, tool, "rekordbox", "--strict", "--no-files", path]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "rekordbox.xml"
    kinds = [("Vocals", ("Gigs/Saturday", "Gigs")), ("Drums", ()), ("Vocals", ("Gigs",)), ("Bass", ()), ("Vocals", ())]
    write_xml(path, tracks(5), 5, by_stem_and_crate(kinds))
    checked(path)
    crates = {one.name: one for one in library.read(path)}
    assert {name: len(one.entries) for name, one in crates.items()} == {
        "": 5, "Stems/Vocals": 3, "Stems/Drums": 1, "Stems/Bass": 1,
        "Stems/Crates/Gigs/Vocals": 2, "Stems/Crates/Gigs/Saturday/Vocals": 1,
    }  # fmt: skip
    for entry, track in zip(crates[""].entries, tracks(5), strict=True):
        assert str(entry.path) == str(track.path)
        assert (entry.title, entry.artist, entry.comment) == (track.tags.title, "A & B", track.tags.comment)
        assert entry.bpm == (124.0 if track.prepared.grid else 123.46)
        assert (entry.rating, entry.seconds) == (track.prepared.rating, 180)
    back = dict(read_prepared(path))
    for track in tracks(5):
        assert back[PurePosixPath(track.path)] == replace(track.prepared, key=track.prepared.key or "Am")
    assert path.read_bytes() == b"".join(document(tracks(5), 5, by_stem_and_crate(kinds)))


def test_an_empty_collection_is_whole(tmp_path: Path) -> None:
    write_xml(tmp_path / "a.xml", [], 0, by_stem_and_crate([]))
    checked(tmp_path / "a.xml")
    assert library.read(tmp_path / "a.xml")[0].entries == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PurePosixPath("/Users/dj/a b.wav"), "Users/dj/a%20b.wav"),
        (PureWindowsPath(r"C:\Music\a b.wav"), "C:/Music/a%20b.wav"),
        (PurePosixPath("/Volumes/USB/So\u0308ng (Vocals) 50% #1 & ?.wav"),
         "Volumes/USB/S%C3%B6ng%20(Vocals)%2050%25%20%231%20%26%20%3F.wav"),
    ],
)  # fmt: skip
def test_locations(path: PurePosixPath, expected: str) -> None:
    assert location(path) == f"file://localhost/{expected}"


@pytest.mark.parametrize("path", ["a.wav", "//server/share/a.wav", r"\\server\share\a.wav", "C:a.wav", "/a\udce4.wav"])
def test_paths_that_rekordbox_cannot_have(path: str) -> None:
    with pytest.raises(UsageError):
        location(path)


@given(
    st.lists(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1), min_size=1)
)
def test_any_path_comes_back(parts: list[str]) -> None:
    path = PurePosixPath("/Volumes", *(part for part in parts if part not in (".", "..")))
    import unicodedata

    assert str(path_of(location(path))) == unicodedata.normalize("NFC", str(path))


@given(st.text(), st.text())
def test_any_text_is_well_formed(title: str, name: str) -> None:
    track = XmlTrack(PurePosixPath("/a.wav"), Tags(title=title or "x"), Prepared(cues=(Cue(1.0, name),)))
    root = ElementTree.fromstring(b"".join(document([track], 1, [Playlist(name, (1,))])))
    kept = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", title or "x")
    found = root.find("COLLECTION/TRACK")
    assert found is not None
    assert found.get("Name", "") == kept


def test_lists_of_tracks_that_are_not_there() -> None:
    with pytest.raises(UsageError, match="not in the collection"):
        list(document([], 0, [Folder("a", (Playlist("b", (1,)),))]))
    with pytest.raises(UsageError, match="2 tracks came where 3"):
        list(document(tracks(2), 3, ()))


def test_twenty_thousand_tracks_in_seconds(tmp_path: Path) -> None:
    path, count = tmp_path / "many.xml", 20_000
    nodes = by_stem_and_crate((("Vocals", "Drums", "Bass", "Other")[n % 4], ("Gigs/Saturday",)) for n in range(count))
    start = time.monotonic()
    write_xml(path, tracks(count), count, nodes)
    assert sum(1 for _ in read_prepared(path)) == count
    assert time.monotonic() - start < 20  # 1.5 s on an idle machine
    checked(path)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_tracks(tmp_path: Path) -> None:
    """Four times as many take as much, both ways."""
    path = tmp_path / "many.xml"

    def peak_of(count: int) -> int:
        tracemalloc.start()
        write_xml(path, tracks(count), count, ())
        assert sum(1 for _ in read_prepared(path)) == count
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    many = min(peak_of(10_000) for _ in range(4))  # now and then Python's table of names doubles
    few = peak_of(2_500)
    assert many - few < 2_000_000


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1)
    (disk / "rekordbox.xml").write_bytes(b"older")
    with pytest.raises(FullError):
        write_xml(disk / "rekordbox.xml", tracks(5_000), 5_000, ())
    assert [path.name for path in disk.iterdir()] == ["rekordbox.xml"]
    assert (disk / "rekordbox.xml").read_bytes() == b"older"


def test_another_reader_finds_the_same(tmp_path: Path) -> None:
    """pyrekordbox, which reads paths of Windows rightly."""
    other = pytest.importorskip("pyrekordbox.rbxml", reason="extra [rekordbox] is not installed")
    names = [f"{name.replace(chr(10), ' ')} (Vocals).wav" for name in NASTY if '"' not in name and "?" not in name]
    made = [XmlTrack(PureWindowsPath("C:/Music", name), Tags(title=name, bpm=124.5), PREPARED) for name in names]
    write_xml(tmp_path / "a.xml", made, len(made), by_stem_and_crate([("Vocals", ())] * len(made)))
    read = other.RekordboxXml(tmp_path / "a.xml")
    found = list(read.get_tracks())
    assert [track.Location for track in found] == [f"C:/Music/{name}" for name in names]
    assert [track.Name for track in found] == names
    assert {(track.AverageBpm, track.Tonality, track.Rating) for track in found} == {(124.0, "8A", 4)}
    assert [(one.Inizio, one.Bpm, one.Battito) for one in found[0].tempos] == [(0.025, 124.0, 1), (60.5, 87.33, 2)]
    assert [(one.Name, one.Start, one.Num) for one in found[0].marks][:2] == [
        ("Drop <1>", 1.5, 0),
        ("Drop <1>", 1.5, -1),
    ]
    assert list(read.get_playlist("Stems", "Vocals").get_tracks()) == list(range(1, len(made) + 1))


# --------------------------------------------------------------------------------------------------- a user's own file


@pytest.mark.parametrize(
    ("tempos", "words"),
    [
        ('<TEMPO Inizio="0.1" Bpm="0.00" Metro="4/4" Battito="1"/>', "'0.00' BPM"),
        ('<TEMPO Inizio="0.1" Bpm="NaN" Metro="4/4" Battito="1"/>', "'NaN' BPM"),
        ('<TEMPO Inizio="0.1" Bpm="inf" Metro="4/4" Battito="1"/>', "'inf' BPM"),
        ('<TEMPO Inizio="0.1" Bpm="124,00" Metro="4/4" Battito="1"/>', "'124,00' BPM"),
        ('<TEMPO Inizio="0.1" Bpm="-124" Metro="4/4" Battito="1"/>', "'-124' BPM"),
        ('<TEMPO Inizio="-0.1" Bpm="124" Metro="4/4" Battito="1"/>', "'-0.1' s"),
        ('<TEMPO Inizio="nan" Bpm="124" Metro="4/4" Battito="1"/>', "'nan' s"),
        ('<TEMPO Bpm="124"/>', "None s"),
        ('<TEMPO Inizio="0" Bpm="124" Metro="4/4" Battito="5"/>', "beat '5' of '4/4'"),
        ('<TEMPO Inizio="0" Bpm="124" Metro="0/4" Battito="1"/>', "beat '1' of '0/4'"),
        ('<TEMPO Inizio="2" Bpm="124"/><TEMPO Inizio="1" Bpm="125"/>', "behind that at a later time"),
    ],
)
def test_a_broken_grid_is_left_out_and_told(tmp_path: Path, tempos: str, words: str) -> None:
    path = tmp_path / "rekordbox.xml"
    mark = '<POSITION_MARK Name="a" Type="0" Start="1.0" Num="0"/>'
    path.write_text(
        f'<DJ_PLAYLISTS><COLLECTION><TRACK Location="file://localhost/a.mp3" Tonality="8A">{tempos}{mark}</TRACK>'
        f'<TRACK Location="file://localhost/b.mp3"><TEMPO Inizio="0" Bpm="124"/></TRACK></COLLECTION></DJ_PLAYLISTS>'
    )
    (_, broken), (_, whole) = read_prepared(path)
    assert broken.grid == ()
    assert len(broken.faults) == 1
    assert words in broken.faults[0]
    assert (broken.cues, broken.key) == ((Cue(1.0, "a", pad=0),), "8A")
    assert whole == Prepared(grid=(Tempo(0.0, 124.0),))


@pytest.mark.parametrize(
    "told", ['Type="9" Start="1"', 'Type="0" Start="-1"', 'Type="0" Start="x"', 'Type="4" Start="2" End="1"']
)
def test_a_broken_cue_is_left_out_alone(tmp_path: Path, told: str) -> None:
    path = tmp_path / "rekordbox.xml"
    path.write_text(
        f'<DJ_PLAYLISTS><COLLECTION><TRACK Location="file://localhost/a.mp3"><POSITION_MARK {told}/>'
        '<POSITION_MARK Type="0" Start="3" Num="12" Red="300" Green="0" Blue="0"/></TRACK></COLLECTION></DJ_PLAYLISTS>'
    )
    ((_, found),) = read_prepared(path)
    assert found.cues == (Cue(3.0),)
    assert len(found.faults) == 1


@given(st.dictionaries(st.sampled_from(["Inizio", "Bpm", "Metro", "Battito"]), st.text(max_size=12)))
def test_any_attributes_give_a_grid_or_a_fault(attributes: dict[str, str]) -> None:
    track = ElementTree.Element("TRACK")
    ElementTree.SubElement(track, "TEMPO", attributes)
    grid, fault = grid_of(track)
    assert bool(grid) != bool(fault)


def test_what_is_no_rekordbox_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<NML/>")
    with pytest.raises(InputError):
        list(read_prepared(tmp_path / "a.xml"))
    (tmp_path / "a.xml").write_text("<DJ_PLAYLISTS><COLLECTION><TRACK")
    with pytest.raises(InputError):
        list(read_prepared(tmp_path / "a.xml"))


def test_ten_thousand_damaged_files(quick_folder: Path) -> None:
    """Songs or a clear error, never a traceback."""
    whole = b"".join(document([XmlTrack(PurePosixPath("/a.wav"), Tags(title="a", key="8A"), PREPARED)], 1, ()))
    path = quick_folder / "a.xml"
    chance = random.Random(1)
    for _ in range(10_000):
        data = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data) or 1)
            data[at : at + chance.choice((1, 1, 4))] = chance.choice(
                (b"\0", b"\xff", bytes([chance.randrange(256)]), b"", b"<", b'"', b"&", b"9", b"-", b"nan")
            )
        path.write_bytes(data)
        with suppress(InputError):
            list(read_prepared(path))


@pytest.mark.shared
def test_real_files_and_what_is_prepared_in_them() -> None:
    folder = SHARED / "data" / "dj" / "rekordbox"
    if not folder.exists():
        pytest.skip("the project's shared material is absent")
    found = {path.name: [one for _, one in read_prepared(path)] for path in sorted(folder.glob("*.xml"))}
    told = {
        name: (len(held), sum(len(one.grid) for one in held), sum(len(one.cues) for one in held))
        for name, held in found.items()
    }
    assert told == {
        "djdataconverter_rekordbox.xml": (2, 2, 24),
        "pyrekordbox_rb5_database.xml": (6, 11, 8),
        "pyrekordbox_rb6_database.xml": (6, 11, 0),
    }
    assert not [fault for held in found.values() for one in held for fault in one.faults]
