"""Playlists, crates and collections of DJ programs, as they are found on real machines and as they should not be."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st

from stem_cli import library
from stem_cli.errors import InputError
from stem_cli.library import m3u, rekordbox, serato, traktor

FILES = SHARED / "data" / "dj"
shared = pytest.mark.shared
FUZZED = 10_000


@pytest.fixture
def files() -> Path:
    if not FILES.is_dir():
        pytest.skip("the project's shared material is absent")
    return FILES


def crate(*paths: str, version: str = "1.0/Serato ScratchLive Crate") -> bytes:
    """A crate as Serato writes it."""

    def field(tag: bytes, body: bytes) -> bytes:
        return tag + struct.pack(">I", len(body)) + body

    tracks = b"".join(field(b"otrk", field(b"ptrk", path.encode("utf-16-be"))) for path in paths)
    return field(b"vrsn", version.encode("utf-16-be")) + tracks


def names(path: Path) -> list[tuple[str, int]]:
    return [(one.name, len(one.entries)) for one in library.read(path)]


# ----------------------------------------------------------------------------------------------------- real files


@shared
@pytest.mark.parametrize(
    ("file", "crates"),
    [
        ("serato/seratotools_TestCrate.crate", [("seratotools_TestCrate", 3)]),
        ("serato/seratotools_TestSmartCrate.scrate", [("seratotools_TestSmartCrate", 8)]),
        ("serato/triseratops_80s Mashup.crate", [("triseratops_80s Mashup", 1)]),
        ("serato/triseratops_French House.crate", [("triseratops_French House", 2)]),
        ("own/stem-cli%%Stems.crate", [("stem-cli/Stems", 3)]),
        ("own/playlist.m3u8", [("playlist", 3)]),
        ("m3u/whatsnowplaying_2021-01-09.m3u", [("whatsnowplaying_2021-01-09", 47)]),
        ("m3u/whatsnowplaying_virtualdj_testplaylist.m3u", [("whatsnowplaying_virtualdj_testplaylist", 3)]),
        ("own/collection_with_playlist.nml", [("", 2), ("Gigs/To stem", 1)]),
        ("traktor/djdataconverter_collection.nml", [("", 2)]),
        ("own/rekordbox_mac.xml", [("", 3), ("stem-cli/Stems", 3)]),
        ("rekordbox/djdataconverter_rekordbox.xml", [("", 2)]),
        (
            "rekordbox/pyrekordbox_rb5_database.xml",
            [("", 6), ("Folder/Sub Playlist", 2), ("Playlist1", 2)],
        ),
        ("rekordbox/pyrekordbox_rb6_database.xml", [("", 6), ("Trial playlist - Cloud Library Sync", 0)]),
    ],
)
def test_real_files_are_read(files: Path, file: str, crates: list[tuple[str, int]]) -> None:
    found = names(files / file)
    assert found[: len(crates)] == crates


@shared
def test_what_rekordbox_knows_of_a_song(files: Path) -> None:
    song = library.read(files / "rekordbox" / "pyrekordbox_rb6_database.xml")[0].entries[0]
    assert (song.title, song.artist, song.bpm, song.key, song.rating) == ("Demo Track 1", "Loopmasters", 128.0, "Fm", 0)
    assert str(song.path) == "C:/Music/PioneerDJ/Demo Tracks/Demo Track 1.mp3"
    assert song.added == "2022-04-09"


@shared
def test_what_traktor_knows_of_a_song(files: Path) -> None:
    song = library.read(files / "own" / "collection_with_playlist.nml")[0].entries[0]
    assert (song.title, song.genre, song.bpm, song.key) == ("Söng", "House", 124.0, "Am")
    assert song.path == PurePosixPath("/Users/dj/Music/Ärtist - Söng.mp3")


@shared
@pytest.mark.parametrize("file", ["seratotools_database_v2_test.bin", "triseratops_database V2"])
def test_the_database_of_serato_is_read(files: Path, file: str) -> None:
    songs = serato.read_database(files / "serato" / file)
    assert len(songs) == 4
    assert all(song.title for song in songs.values())
    assert any(song.bpm for song in songs.values())


@shared
@pytest.mark.parametrize("file", ["truncated.crate", "utf16le.crate"])
def test_damaged_crates_are_told(files: Path, file: str) -> None:
    with pytest.raises(InputError):
        library.read(files / "damaged" / file)


@shared
def test_a_key_that_is_not_in_the_collection_is_left_out_and_told(files: Path) -> None:
    found = library.read(files / "damaged" / "rekordbox_key.xml")[1]
    assert len(found.entries) == 2
    assert found.left_out[0].endswith("not in the collection")


# ---------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("place", "text", "path"),
    [
        ("Volumes/USB/_Serato_/Subcrates/a.crate", "Contents/a.mp3", "{root}/Volumes/USB/Contents/a.mp3"),
        ("Users/dj/Music/_Serato_/Subcrates/a.crate", "Users/dj/Music/a.mp3", "/Users/dj/Music/a.mp3"),
        ("a.crate", "Music/x\uf022y.mp3", "/Music/x:y.mp3"),
        ("a.crate", "C:/Music/x.wav", "C:/Music/x.wav"),
        ("a.crate", "日本/曲 🎧.mp3", "/日本/曲 🎧.mp3"),
    ],
)
def test_paths_in_crates_start_at_the_root_of_their_drive(tmp_path: Path, place: str, text: str, path: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(crate(text))
    assert str(library.read(file)[0].entries[0].path) == path.format(root=tmp_path)


@pytest.mark.parametrize(("name", "told"), [("Gigs%%Played%%Sat.crate", "Gigs/Played/Sat"), ("A≫≫B.scrate", "A/B")])
def test_the_folders_of_a_crate_stand_in_its_files_name(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_bytes(crate())
    assert names(tmp_path / name) == [(told, 0)]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("a.mp3", "{here}/a.mp3"),
        ("sub\\b.mp3", "{here}/sub/b.mp3"),
        ("../c.mp3", "{here}/../c.mp3"),
        ("/abs/d.mp3", "/abs/d.mp3"),
        ("C:\\Music\\e.mp3", "C:/Music/e.mp3"),
        ("file:///Users/dj/M%C3%BC/f.mp3", "/Users/dj/Mü/f.mp3"),
        ("file://localhost/C:/g.mp3", "C:/g.mp3"),
        ("\\\\nas\\music\\h.mp3", "//nas/music/h.mp3"),
    ],
)
def test_lines_of_playlists_name_files(tmp_path: Path, line: str, path: str) -> None:
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:12,Artist - Title\n{line}\n", "utf-8")
    (entry,) = library.read(tmp_path / "list.m3u8")[0].entries
    assert str(entry.path) == path.format(here=tmp_path)
    assert (entry.artist, entry.title, entry.seconds) == ("Artist", "Title", 12.0)


def test_streams_in_playlists_are_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "list.m3u").write_text("http://radio/live\na.mp3\n")
    (found,) = library.read(tmp_path / "list.m3u")
    assert len(found.entries) == 1
    assert found.left_out == ("http://radio/live: a stream, no file",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_playlists_of_old_and_new_programs(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "list.m3u").write_bytes("Mädchen.mp3\r\n".encode(encoding))
    assert library.read(tmp_path / "list.m3u")[0].entries[0].path.name == "Mädchen.mp3"


@pytest.mark.parametrize(
    ("volume", "folder", "path"),
    [
        ("C:", "/:Music/:", "C:/Music/a.mp3"),
        ("Macintosh HD", "/:Users/:dj/:", "/Users/dj/a.mp3"),
        ("USB", "/:Music/:", "/Volumes/USB/Music/a.mp3"),
        ("", "/:home/:dj/:", "/home/dj/a.mp3"),
    ],
)
def test_places_of_traktor(volume: str, folder: str, path: str) -> None:
    assert str(traktor.path_of({"VOLUME": volume, "DIR": folder, "FILE": "a.mp3"})) == path


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.xml", ""),
        ("a.xml", "<html></html>"),
        ("a.xml", "<DJ_PLAYLISTS><COLLECTION>"),
        ("a.xml", '<!DOCTYPE x [<!ENTITY a "b">]><DJ_PLAYLISTS></DJ_PLAYLISTS>'),
        ("a.nml", "<DJ_PLAYLISTS></DJ_PLAYLISTS>"),
        ("a.crate", ""),
        ("a.crate", "no crate"),
        ("a.m3u", "a\0b"),
        ("a.txt", "a.mp3"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as told:
        library.read(tmp_path / name)
    assert told.value.hint
    with pytest.raises(InputError):
        library.read(tmp_path / "gone" / name)


def test_a_large_collection_is_read_element_by_element(tmp_path: Path) -> None:
    import tracemalloc

    track = '<TRACK TrackID="{0}" Name="T{0}" Location="file://localhost/Music/{0}.mp3" AverageBpm="124,5">{1}</TRACK>'
    cue = '<POSITION_MARK Name="x" Type="0" Start="1.0" Num="0"/>'

    def peak_of(name: str, cues: int) -> int:
        with (tmp_path / name).open("w") as file:
            file.write('<?xml version="1.0"?><DJ_PLAYLISTS><COLLECTION>')
            file.writelines(track.format(number, cue * cues) for number in range(4000))
            file.write('</COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT"/></PLAYLISTS></DJ_PLAYLISTS>')
        tracemalloc.start()
        (found,) = library.read(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found.entries) == 4000
        assert found.entries[7].bpm == 124.5
        return peak

    peak_of("warm.xml", 0)  # what is imported on first use counts for no file
    plain, with_cues = peak_of("plain.xml", 0), peak_of("cues.xml", 40)
    assert with_cues - plain < (tmp_path / "cues.xml").stat().st_size / 10


SEEDS = {
    "database V2": crate("Music/a.mp3", version="2.0/Serato Scratch LIVE Database").replace(b"ptrk", b"pfil"),
    "a.crate": crate("Music/a.mp3", "Music/ä🎧.mp3"),
    "a.m3u8": b"#EXTM3U\n#EXTINF:12,A - B\na.mp3\nfile:///x%20y.mp3\n",
    "a.xml": b'<?xml version="1.0"?><DJ_PLAYLISTS><COLLECTION><TRACK TrackID="1" Location="file://localhost/a.mp3"'
    b' Rating="51" AverageBpm="1"/></COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT"><NODE Name="p" Type="1"'
    b' KeyType="0"><TRACK Key="1"/></NODE></NODE></PLAYLISTS></DJ_PLAYLISTS>',
    "a.nml": b'<NML><COLLECTION><ENTRY TITLE="t"><LOCATION DIR="/:a/:" FILE="b.mp3" VOLUME="C:"/>'
    b'<MUSICAL_KEY VALUE="3"/></ENTRY></COLLECTION><PLAYLISTS><NODE TYPE="FOLDER" NAME="$ROOT"><SUBNODES>'
    b'<NODE TYPE="PLAYLIST" NAME="p">'
    b'<PLAYLIST><ENTRY><PRIMARYKEY KEY="C:/:a/:b.mp3"/></ENTRY></PLAYLIST></NODE></SUBNODES></NODE></PLAYLISTS></NML>',
}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.xml", b'Rating="51"', b'Rating="' + b"9" * 5000 + b'"'),
        ("a.xml", b'Rating="51"', 'Rating="\u00b2"'.encode()),
        ("a.nml", b'VALUE="3"', b'VALUE="' + b"9" * 5000 + b'"'),
        ("a.nml", b'VALUE="3"', b'VALUE="-1"'),
    ],
)
def test_numbers_that_make_no_sense_are_none(tmp_path: Path, name: str, old: bytes, new: bytes) -> None:
    (tmp_path / name).write_bytes(SEEDS[name].replace(old, new))
    (song,) = library.read(tmp_path / name)[0].entries
    assert (song.rating, song.key) == (None, "")


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("a.xml", b'<NODE Type="0" Name="x">', b"</NODE>"),
        ("a.nml", b'<NODE TYPE="FOLDER" NAME="x"><SUBNODES>', b"</SUBNODES></NODE>"),
    ],
)
@pytest.mark.parametrize("depth", [80, 2000])
def test_folders_in_folders_are_read_or_refused(
    tmp_path: Path, name: str, start: bytes, end: bytes, depth: int
) -> None:
    whole = SEEDS[name]
    whole = whole.replace(b"<PLAYLISTS>", b"<PLAYLISTS>" + start * depth)
    (tmp_path / name).write_bytes(whole.replace(b"</PLAYLISTS>", end * depth + b"</PLAYLISTS>"))
    if depth < 100:
        assert library.read(tmp_path / name)[1].name.count("x/") == depth
        return
    with pytest.raises(InputError, match="deep"):
        library.read(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "day"), [("2019/4/16", "2019-04-16"), ("2019-04-16", "2019-04-16"), ("", ""), ("0/0/0", ""), ("x", "")]
)
def test_days_are_written_in_one_way(tmp_path: Path, text: str, day: str) -> None:
    info = f'<INFO IMPORT_DATE="{text}"/><MUSICAL_KEY'.encode()
    (tmp_path / "a.nml").write_bytes(SEEDS["a.nml"].replace(b"<MUSICAL_KEY", info))
    (tmp_path / "a.xml").write_bytes(SEEDS["a.xml"].replace(b'Rating="51"', f'DateAdded="{text}"'.encode()))
    assert [library.read(tmp_path / name)[0].entries[0].added for name in ("a.nml", "a.xml")] == [day, day]


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_ten_thousand_damaged_files_give_a_list_or_a_clear_error(quick_folder: Path, name: str) -> None:
    """Of each kind."""
    chance, whole = random.Random(name), SEEDS[name]
    path = quick_folder / name
    for _ in range(FUZZED):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(raw) or 1)
            match chance.randrange(5):
                case 0:
                    raw[at : at + 1] = chance.randbytes(1)
                case 1:
                    del raw[at : at + chance.randint(1, 9)]
                case 2:
                    raw[at:at] = chance.randbytes(chance.randint(1, 9))
                case 3:
                    raw[at:at] = raw[at : at + chance.randint(1, 40)] * chance.choice((2, 9, 300))
                case _:
                    del raw[at + 1 :]
        path.write_bytes(raw)
        with suppress(InputError):
            library.read(path)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=60))
@settings(max_examples=200)
def test_any_name_in_a_crate_comes_back(text: str) -> None:
    raw = crate(text)
    fields = [
        inner
        for tag, body in serato._known(raw, Path("a"))
        if tag == "otrk"
        for _, inner in serato._texts(body, Path("a"))
    ]
    assert fields == [text.rstrip("\0")]


@given(st.text(max_size=80))
def test_any_line_is_a_path_or_none(text: str) -> None:
    assert m3u.path_of(text, Path("/music")) is None or m3u.path_of(text, Path("/music")).parts is not None
    assert rekordbox.path_of(text) is not None
