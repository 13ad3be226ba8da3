"""`stem check`: what decks would stumble over is told, and mended on a copy."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import soundfile
from conftest import SHARED, Stem, music

DAMAGED = SHARED / "data" / "dj" / "damaged"


def extensible(path: Path) -> None:
    """A WAV of 16 bits with the long header that ffmpeg and sox write, and that CDJs refuse."""
    samples = (music(0.5, 44100) * 32767).astype("<i2").tobytes()
    guid = struct.pack("<HHI", 1, 0, 0x00100000) + bytes.fromhex("800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 44100, 44100 * 4, 4, 16, 22, 16, 3) + guid
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def test_a_header_that_cdjs_refuse_is_told_and_mended_on_a_copy(stem: Stem) -> None:
    extensible(Path("long.wav"))
    before = Path("long.wav").read_bytes()
    done = stem("check", "long.wav", "--for", "cdj", "--fix", "mended")
    assert "wav.extensible" in done.stdout
    assert "1 can be mended in a copy: --fix DIR." in stem("check", "long.wav", "--for", "cdj", code=9).stderr
    assert Path("long.wav").read_bytes() == before
    assert "wav.extensible" not in stem("check", "mended/long.wav", "--for", "cdj").stdout
    assert (soundfile.read("mended/long.wav")[0] == soundfile.read("long.wav")[0]).all()
    assert "is there already" in stem("check", "long.wav", "--for", "cdj", "--fix", "mended", code=5).stderr


def test_rates_depths_and_names_are_told_by_program(stem: Stem) -> None:
    soundfile.write("high.wav", music(0.5, 96000), 96000, subtype="FLOAT")
    found = json.loads(stem("check", "high.wav", "--for", "cdj", "--json", code=9).stdout)["findings"]
    assert {row["severity"] for row in found} >= {"fault"}
    assert all(row["hint"] and row["file"] == "high.wav" for row in found if row["severity"] == "fault")


@pytest.mark.skipif(not DAMAGED.is_dir(), reason="the project's shared files are not here")
@pytest.mark.parametrize("name", sorted(path.name for path in DAMAGED.glob("*")) if DAMAGED.is_dir() else [])
def test_every_damaged_file_is_caught(stem: Stem, name: str) -> None:
    assert stem("check", DAMAGED / name, "--strict", code=9).stdout


def test_what_no_deck_reads_is_no_fault_of_a_folder(stem: Stem) -> None:
    Path("folder").mkdir()
    Path("folder/notes.txt").write_text("x")
    soundfile.write("folder/a.wav", music(0.5, 44100), 44100, subtype="PCM_16")
    assert stem("check", "folder", "--quiet").stdout == ""
    assert "do not read" in stem("check", "folder/notes.txt", code=2).stderr
