"""Tags: what is read out of every kind of song, how it is cleaned, and what a stem gets of it."""

from __future__ import annotations

import logging
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.flac import FLAC
from mutagen.id3 import APIC, ID3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus
from tagged import FIELDS, JPEG, MAKERS, PUTTERS, SONG, encode

from stem_cli import tags
from stem_cli.errors import InputError
from stem_cli.tags import Cover, Tags, fields

# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", PUTTERS)
def test_a_field_is_read_from_every_container(filled, name, field):
    assert getattr(filled[name], field) == getattr(SONG, field)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_file_without_tags_has_none_and_no_warning(blanks, caplog, kind):
    assert tags.read(blanks[kind]) == Tags()
    assert caplog.text == ""


def test_an_id3v1_tag_is_the_last_resort(blank):
    path = blank("mp3")
    old = b"TAG" + b"Song".ljust(30, b"\0") + b"Somebody".ljust(30, b"\0") + bytes(30) + b"1999" + bytes(30) + b"\x11"
    path.write_bytes(path.read_bytes() + old)
    assert tags.read(path) == Tags(title="Song", artist="Somebody", year="1999", genre="Rock")


def test_mp4_without_a_free_tempo_gives_the_whole_one(blank):
    path = blank("aac")
    song = MP4(path)
    song["tmpo"] = [124]
    song.save()
    assert tags.read(path).bpm == 124.0


def test_the_gain_of_opus_becomes_replaygain(blank):
    path = blank("opus")
    song = OggOpus(path)
    song["R128_TRACK_GAIN"] = "-2944"  # -11.5 dB to -23 LUFS
    song["R128_ALBUM_GAIN"] = "nonsense"
    song.save()
    assert tags.read(path) == Tags(replaygain_track_gain="-6.50 dB")


def test_a_kind_without_a_table_is_left_to_ffmpeg(tmp_path):
    path = tmp_path / "song.wv"
    encode(path, "wavpack", "wv", metadata={"title": SONG.title, "artist": SONG.artist, "BPM": "124.5"})
    assert tags.read(path) == Tags(title=SONG.title, artist=SONG.artist, bpm=124.5)


def test_a_song_with_a_wrong_suffix_is_read(blanks, tmp_path):
    for kind, (_, put) in (("flac", PUTTERS["flac"]), ("aac", PUTTERS["m4a aac"])):
        path = Path(shutil.copy(blanks[kind], tmp_path / f"{kind}.mp3"))
        put(path)
        assert tags.read(path).title == SONG.title


def test_a_path_in_a_tag_stays_text_and_control_characters_go(blank):
    path = blank("flac")
    song = FLAC(path)
    song.update(
        {"TITLE": "../../etc/passwd", "ARTIST": "A\0B\x1b[31m\u0085C", "ALBUM": " \0\x07 ", "COMMENT": "a\r\nb\0"}
    )
    song["GENRE"] = "x" * 1_000_000
    song.save()
    found = tags.read(path)
    assert found == Tags(title="../../etc/passwd", artist="A B [31m C", comment="a\nb", genre="x" * fields.LONGEST)


def test_a_picture_that_decks_cannot_show_is_left_out(blank):
    path = blank("mp3")
    frames = ID3()
    frames.add(APIC(encoding=0, mime="image/webp", type=3, desc="", data=b"RIFF\0\0\0\0WEBPVP8 "))
    frames.add(APIC(encoding=0, mime="image/jpeg", type=4, desc="back", data=JPEG))
    frames.save(path)
    assert tags.read(path).cover == Cover(JPEG, "image/jpeg")


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        tags.read(tmp_path / "none.mp3")


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"fLaC\x84\xff\xff\xff", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"text"]
)
def test_garbage_gives_no_tags_and_a_warning(tmp_path, caplog, data):
    path = tmp_path / "song.wav"
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING, logger="stem_cli.tags"):
        assert tags.read(path) == Tags()
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("name", PUTTERS)
def test_damage_never_raises(blanks, tmp_path, name):
    kind, put = PUTTERS[name]
    path = Path(shutil.copy(blanks[kind], tmp_path / blanks[kind].name))
    put(path)
    whole = path.read_bytes()
    chance = random.Random(5)
    for turn in range(25):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(min(len(damaged), 3000) if turn % 2 else len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(len(damaged))] if turn % 5 == 0 else damaged)
        assert isinstance(tags.read(path), Tags)


# --- stems --------------------------------------------------------------------------------------------------------


def test_a_stem_carries_the_tags_of_its_song():
    made = tags.of_stem(SONG, "backing_vocals", "sha256:aa", "uvr/x@2")
    changed = {"title", "comment", "stem", "stem_source", "stem_engine"}
    assert made.title == "Über den Wölfen 🎧 (Backing Vocals)"
    assert made.comment == "8A - Energy 7 - Backing Vocals stem"
    assert (made.stem, made.stem_source, made.stem_engine) == ("backing_vocals", "sha256:aa", "uvr/x@2")
    assert all(getattr(made, field) == getattr(SONG, field) for field in FIELDS if field not in changed)


def test_a_stem_of_a_song_without_tags_has_no_title_of_its_own():
    made = tags.of_stem(Tags(), "instrumental", "d", "e")
    assert made == Tags(comment="Instrumental stem", stem="instrumental", stem_source="d", stem_engine="e")


# --- cleaning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("124.50", 124.5), ("124,5", 124.5), ("128 BPM", 128.0), ("128bpm", 128.0), (" 90 ", 90.0), ("128.", 128.0)]
    + [
        (text, None)
        for text in ("abc", "", "0", "-1", "nan", "inf", "1e9", "1000000000", "0.2", "124-128", "１２８", "1_0")
    ],
)
def test_a_tempo_is_read_as_people_write_it(text, value):
    assert fields.bpm(text) == value


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_tempo_survives_as_text(value):
    text = fields.bpm_text(value)
    assert fields.bpm(text) == (pytest.approx(value, abs=0.0051) if text else None)
    assert bool(text) == (1 <= value <= 999)


@given(st.text())
def test_any_text_as_a_tempo_is_a_sane_number_or_none(text):
    value = fields.bpm(text)
    assert value is None or 1 <= value <= 999


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_a_cleaned_text_can_be_written_and_stays_as_it_is(text):
    for clean in (fields.line, fields.lines):
        cleaned = clean(text)
        assert clean(cleaned) == cleaned
        assert cleaned.encode("utf-16").decode("utf-16") == cleaned
        assert not any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in cleaned)


@pytest.mark.parametrize("kind", ["wav", "flac", "aac", "mp3"])
def test_any_text_comes_back(blanks, kind):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(blanks[kind], folder))

        @settings(max_examples=40, deadline=None)
        @given(st.text(), st.text(), st.text())
        def check(title, comment, stem):
            tags.write(path, Tags(title=title, comment=comment, stem=stem))
            found = tags.read(path)
            assert found.title == (fields.line(title) or None)
            assert found.comment == (fields.lines(comment) or None)
            assert found.stem == (fields.line(stem) or None)

        check()


def test_importing_tags_loads_no_library():
    code = "import sys, stem_cli.tags; assert not {'mutagen', 'music_tag', 'av', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
