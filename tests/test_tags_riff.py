"""Tags in WAV, RF64 and AIFF: the chunk of ours, the INFO list of others, and every other chunk left alone."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from mutagen.id3 import Frames
from mutagen.wave import WAVE
from tagged import SONG

from stem_cli import tags
from stem_cli.errors import InputError
from stem_cli.tags import Tags


def _chunks(path: Path, order: str = "<") -> list[tuple[bytes, bytes]]:
    data, at, found = path.read_bytes(), 12, []
    while at < len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, at)
        size = min(size, len(data)) if name != b"data" or size != 0xFFFFFFFF else struct.unpack_from("<Q", data, 28)[0]
        found.append((name, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _list_info(entries: dict[bytes, bytes]) -> bytes:
    body = b"INFO" + b"".join(
        name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for name, text in entries.items()
    )
    return b"LIST" + struct.pack("<I", len(body)) + body


def _insert_list(path: Path, entries: dict[bytes, bytes], at: int | None = None) -> None:
    data = bytearray(path.read_bytes())
    where = len(data) if at is None else at
    data[where:where] = _list_info(entries)
    data[4:8] = struct.pack("<I", len(data) - 8)
    path.write_bytes(data)


INFO = {b"INAM": "Lied é".encode(), b"IART": "Sigur Rós\0".encode("cp1252"), b"ICRD": b"2001", b"ISRC": b"my tape"}


@pytest.mark.parametrize("at", [12, None])
def test_a_wav_without_id3_is_read_from_its_info_list(blank, at):
    path = blank("wav")
    _insert_list(path, INFO, at)
    assert tags.read(path) == Tags(title="Lied é", artist="Sigur Rós", year="2001")


def test_the_info_list_fills_what_id3_leaves_out(blank):
    path = blank("wav")
    song = WAVE(path)
    song.add_tags()
    song.tags.add(Frames["TIT2"](encoding=3, text="From ID3"))
    song.save()
    _insert_list(path, INFO)
    assert tags.read(path) == Tags(title="From ID3", artist="Sigur Rós", year="2001")


@pytest.mark.parametrize("kind", ["wav", "wav24", "rf64", "aiff"])
def test_tagging_leaves_all_other_chunks_alone(blanks, written, kind):
    order = ">" if kind == "aiff" else "<"
    before, after = _chunks(blanks[kind], order), _chunks(written[kind], order)
    assert [one for one in after[:-1] if one[0] != b"ds64"] == [one for one in before if one[0] != b"ds64"]
    assert after[-1][0].lower() == b"id3 "


@pytest.mark.parametrize("kind", ["wav", "wav24"])
def test_a_wav_stays_plain_and_its_sizes_are_right(written, kind):
    data = written[kind].read_bytes()
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert len(data) % 2 == 0
    assert struct.unpack_from("<4sIH", data, 12) == (b"fmt ", 16, 1)
    assert b"LIST" not in [name for name, _ in _chunks(written[kind])]


def test_an_rf64_keeps_its_large_sizes_right(written):
    data = written["rf64"].read_bytes()
    assert data[:8] == b"RF64\xff\xff\xff\xff"
    assert struct.unpack_from("<Q", data, 20)[0] == len(data) - 8


def test_old_tags_of_a_wav_go_without_moving_its_sound(blank):
    path = blank("wav")
    _insert_list(path, INFO, 36)
    _insert_list(path, INFO)
    place = path.read_bytes().index(b"data")
    tags.write(path, Tags(album="New"))
    assert path.read_bytes().index(b"data") == place
    assert tags.read(path) == Tags(album="New")
    assert [name for name, _ in _chunks(path)] == [b"fmt ", b"JUNK", b"data", b"id3 "]


def test_a_wav_that_has_no_room_left_keeps_its_sound(blank, caplog, monkeypatch):
    path = blank("wav")
    before = path.read_bytes()
    monkeypatch.setattr("stem_cli.tags.riff._LARGEST_RIFF", len(before))
    tags.write(path, SONG)
    assert path.read_bytes() == before
    assert "4 GiB" in caplog.text


def test_a_wav_that_ends_too_soon_is_refused_untouched(blank):
    path = blank("wav")
    path.write_bytes(path.read_bytes()[:-1000])
    before = path.read_bytes()
    with pytest.raises(InputError, match="ends before its audio"):
        tags.write(path, SONG)
    assert path.read_bytes() == before
