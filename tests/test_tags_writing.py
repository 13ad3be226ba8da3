"""Tags written into our files: all of them, as others read them, without touching the sound."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import mutagen
import pytest
from mutagen.id3 import ID3
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.wave import WAVE
from tagged import JPEG, PNG, PUTTERS, SONG, WRITTEN, sound_of
from tinytag import TinyTag

from stem_cli import tags
from stem_cli.errors import OutputError
from stem_cli.tags import Cover, Tags


@pytest.mark.parametrize("kind", WRITTEN)
def test_all_fields_come_back(written, kind):
    assert tags.read(written[kind]) == SONG


@pytest.mark.parametrize("kind", WRITTEN)
def test_tagging_leaves_the_sound_alone(blanks, written, kind):
    assert sound_of(written[kind]) == sound_of(blanks[kind])


@pytest.mark.parametrize("kind", ["alac", "aac", "mp4"])
def test_tagging_leaves_the_mdat_alone(blanks, written, kind):
    def mdat(path: Path) -> bytes:
        data, at = path.read_bytes(), 0
        while data[at + 4 : at + 8] != b"mdat":
            at += struct.unpack_from(">I", data, at)[0]
        return data[at : at + struct.unpack_from(">I", data, at)[0]]

    assert mdat(written[kind]) == mdat(blanks[kind])


@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff"])
def test_id3_is_version_2_3(written, kind):
    data = written[kind].read_bytes()
    at = data.index(b"ID3\x03\x00")
    frames = ID3(written[kind], translate=False) if kind == "mp3" else mutagen.File(written[kind]).tags
    assert data.count(b"ID3\x04") == 0
    assert b"TYER" in data[at:]
    assert b"TDAT" in data[at:]
    assert b"TDRC" not in data[at:]
    assert frames.getall("COMM")[0].lang == "eng"
    assert frames.getall("COMM")[0].desc == ""


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_same_tags_give_the_same_bytes_whatever_was_there_before(blanks, written, tmp_path, kind):
    path = Path(shutil.copy(blanks[kind], tmp_path / blanks[kind].name))
    tags.write(path, Tags(title="Something longer " * 200, cover=Cover(JPEG * 30, "image/jpeg")))
    tags.write(path, SONG)
    assert path.read_bytes() == written[kind].read_bytes()
    tags.write(path, SONG)
    assert path.read_bytes() == written[kind].read_bytes()


@pytest.mark.parametrize("kind", WRITTEN)
def test_writing_replaces_all_tags(written, tmp_path, kind):
    path = Path(shutil.copy(written[kind], tmp_path / written[kind].name))
    tags.write(path, Tags(title="Only this"))
    assert tags.read(path) == Tags(title="Only this")


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_in_the_making_is_known_by_its_content(blank, kind):
    path = blank(kind, f".Song (Vocals).{kind}.partial")
    tags.write(path, SONG)
    assert tags.read(path) == SONG


@pytest.mark.parametrize("kind", ["wav", "wav24", "aiff", "flac", "alac", "aac", "mp3", "mp4"])
def test_another_reader_sees_the_same(written, kind):
    seen = TinyTag.get(written[kind], image=True)
    other = {name: "; ".join(map(str, texts)) for name, texts in seen.other.items()}
    assert (seen.title, seen.artist, seen.album) == (SONG.title, SONG.artist, SONG.album)
    assert (seen.albumartist, seen.genre, seen.composer) == (SONG.album_artist, SONG.genre, SONG.composer)
    assert str(seen.year)[:4] == "2019"
    assert SONG.comment in seen.comment
    assert (seen.track, seen.track_total, seen.disc, seen.disc_total) == (3, 12, 1, 2)
    assert other["isrc"] == SONG.isrc
    assert float(other["bpm"].split(";")[0]) == pytest.approx(124.5, abs=0.5)
    assert other["initial_key"] == "8A"
    assert seen.images.any.data == PNG


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not here")
@pytest.mark.parametrize("kind", WRITTEN)
def test_ffprobe_sees_the_same(written, kind):
    asked = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "default=nw=1", written[kind]]
    seen = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    for text in (SONG.title, SONG.artist, SONG.album, SONG.comment, SONG.key, SONG.stem_engine):
        assert f"={text}\n" in seen
    assert "=3/12\n" in seen or "=3\n" in seen
    assert "=124.5\n" in seen or kind in ("alac", "aac", "mp4")


def test_mp4_keeps_the_box_of_a_stem_file(blank):
    path = blank("alac")
    data = path.read_bytes()
    at = data.index(b"moov") - 4
    size = struct.unpack_from(">I", data, at)[0]
    assert at + size == len(data)  # nothing behind it moves
    stem = b'{"version":1}'
    box = struct.pack(">I4sI4s", 16 + len(stem), b"udta", 8 + len(stem), b"stem") + stem
    path.write_bytes(data[:at] + struct.pack(">I", size + len(box)) + data[at + 4 :] + box)
    sound = sound_of(path)
    tags.write(path, SONG)
    assert struct.pack(">I4s", 8 + len(stem), b"stem") + stem in path.read_bytes()
    assert tags.read(path) == SONG
    assert sound_of(path) == sound


def test_mp4_keeps_where_the_sound_begins(blank):
    path = blank("aac")
    song = MP4(path)
    song["----:com.apple.iTunes:iTunSMPB"] = [MP4FreeForm(b" 00000000 00000840")]
    song["©too"] = ["Somebody"]
    song.save()
    tags.write(path, SONG)
    assert MP4(path)["----:com.apple.iTunes:iTunSMPB"] == [b" 00000000 00000840"]
    assert "©too" not in MP4(path)
    assert MP4(path)["tmpo"] == [125]


def test_a_year_and_a_number_that_a_format_cannot_hold_are_left_out(blank):
    odd = Tags(title="T", year="late 1978?", track_number="A1")
    mp3, m4a, flac = blank("mp3"), blank("aac"), blank("flac")
    for path in (mp3, m4a, flac):
        tags.write(path, odd)
    assert tags.read(mp3) == replace(odd, year="1978")
    assert tags.read(m4a) == replace(odd, track_number=None)
    assert tags.read(flac) == odd


def test_a_file_of_another_kind_is_refused_untouched(blanks, tmp_path):
    path = Path(shutil.copy(blanks["mkv"], tmp_path / "a.mkv"))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="takes no tags from us"):
        tags.write(path, SONG)
    assert path.read_bytes() == before


def test_a_damaged_file_is_an_output_error(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC\x84\xff\xff\xff")
    with pytest.raises(OutputError, match="cannot be written"):
        tags.write(path, SONG)


def test_tagging_a_file_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be opened"):
        tags.write(tmp_path / "none.wav", SONG)


def _held(path: Path) -> dict[str, str]:
    """All that the tags hold, as mutagen reads them without a translation, but for tempo and key."""
    kind = tags.kind_of(path)
    song = WAVE(path) if kind == "wav" else mutagen.File(path)
    ours = (
        "TBPM",
        "TKEY",
        "bpm",
        "initialkey",
        "tmpo",
        "----:com.apple.iTunes:BPM",
        "----:com.apple.iTunes:initialkey",
    )
    found = {name: repr(song.tags[name]) for name in song.tags.keys() if name not in ours}  # noqa: SIM118 - not a dict
    return found | {"pictures": repr([one.data for one in getattr(song, "pictures", [])])}


@pytest.mark.parametrize("name", [name for name, (kind, _) in PUTTERS.items() if kind not in ("ogg", "opus", "mkv")])
def test_tempo_and_key_are_added_beside_all_else(blank, name):
    kind, put = PUTTERS[name]
    path = blank(kind)
    put(path)
    before, held, sound = tags.read(path), _held(path), sound_of(path)
    tags.add(path, Tags(bpm=99.25, key="Bbm"))
    assert tags.read(path) == replace(before, bpm=99.25, key="Bbm")
    assert _held(path) == held
    assert sound_of(path) == sound


def test_the_old_tag_at_the_end_of_an_mp3_stays(blank):
    path = blank("mp3")
    old = b"TAG" + b"An old title".ljust(30, b"\0") + b"Somebody".ljust(30, b"\0") + bytes(64) + b"\xff"
    path.write_bytes(path.read_bytes() + old)
    tags.add(path, Tags(key="Am"))
    assert path.read_bytes().endswith(old)
    assert tags.read(path) == Tags(title="An old title", artist="Somebody", key="Am")


def test_the_info_list_of_a_wav_stays(blank):
    path = blank("wav")
    info = b"INFOINAM\x06\0\0\0Title\0"
    data = path.read_bytes() + b"LIST" + struct.pack("<I", len(info)) + info
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    tags.add(path, Tags(bpm=120))
    assert info in path.read_bytes()
    assert tags.read(path) == Tags(title="Title", bpm=120)
