"""AIFF, FLAC, MP3 and M4A as decks take them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import soundfile
from conftest import music
from decks import FUZZED, damaged, faults, rules, wav

from stem_cli.audio import lame
from stem_cli.dj.check import check
from stem_cli.dj.ni_stem import write_stem
from stem_cli.errors import InputError
from stem_cli.tags import Tags


@pytest.mark.parametrize(("kind", "rate", "found"), [("flac", 44100, {"sound.flac"}), ("aiff", 96000, {"sound.rate"})])
def test_other_sound(tmp_path: Path, kind: str, rate: int, found: set[str]) -> None:
    path = tmp_path / f"a.{kind}"
    soundfile.write(path, music(0.1, rate), rate)
    assert rules(path, "cdj") == found
    path.write_bytes(b"fLaC")
    assert faults(path) == {"sound.parse"}


def test_a_missing_file_is_an_error_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        list(check(tmp_path / "missing.wav"))


def test_how_an_mp3_tells_where_its_sound_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, music(1.0), 44100)
    assert lame.delay_of(path) is lame.Delay.TOLD
    assert rules(path) == set()
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"LAME", b"Lavc", 1))
    assert rules(path) == {"mp3.delay"}
    at = raw.index(b"LAME") + 9
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    assert lame.delay_of(path) is lame.Delay.DAMAGED
    path.write_bytes(raw.replace(b"Info", b"\0\0\0\0", 1).replace(b"Xing", b"\0\0\0\0", 1))
    assert rules(path) == {"mp3.length"}


def test_tags_that_some_players_do_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, music(1.0), 44100)
    path.write_bytes(b"ID3\x04\0\0\0\0\0\0" + path.read_bytes())
    assert rules(path) == {"mp3.tags"}


def test_formats_that_older_players_do_not_know(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", music(0.5), 44100, format="OGG", subtype="VORBIS")
    soundfile.write(tmp_path / "a.opus", music(0.5, 48000), 48000, format="OGG", subtype="OPUS")
    assert rules(tmp_path / "a.ogg", "cdj") == {"sound.ogg"}
    assert rules(tmp_path / "a.opus", "cdj") == {"sound.opus"}
    assert rules(tmp_path / "a.ogg", "mixxx") == set()


def test_a_song_with_stems_that_is_not_called_so(tmp_path: Path) -> None:
    names = ("drums", "bass", "other", "vocals")
    files = {name: wav(tmp_path / f"{name}.wav") for name in names}
    write_stem(tmp_path / "a.stem.mp4", files, Tags())
    (tmp_path / "a.stem.mp4").rename(tmp_path / "a.m4a")
    assert rules(tmp_path / "a.m4a") == {"sound.tracks"}
    raw = (tmp_path / "a.m4a").read_bytes().replace(b"edts", b"free")
    (tmp_path / "a.m4a").write_bytes(raw)
    assert rules(tmp_path / "a.m4a") == {"sound.tracks", "sound.priming"}


def test_any_bytes_have_a_delay_or_none(quick_folder: Path) -> None:
    soundfile.write(quick_folder / "whole.mp3", music(0.3), 44100)
    raw, path, chance = (quick_folder / "whole.mp3").read_bytes()[:700], quick_folder / "a.mp3", random.Random(1)
    for _ in range(FUZZED):
        path.write_bytes(damaged(raw, chance))
        assert lame.delay_of(path) in lame.Delay
        assert 0 <= lame.id3_version(path) < 256
