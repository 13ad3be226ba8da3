"""Headers of WAVs that decks refuse are found and repaired on a copy."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from decks import faults, others_fail, rules, wav

from stem_cli import tags
from stem_cli.dj.check import check
from stem_cli.dj.repair import repair_wav
from stem_cli.errors import InputError


def test_headers_that_decks_refuse(tmp_path: Path) -> None:
    wanted = {
        wav(tmp_path / "plain.wav"): set(),
        wav(tmp_path / "plain24.wav", 48000, subtype="PCM_24"): set(),
        wav(tmp_path / "long.wav", container="WAVEX", subtype="PCM_24"): {"wav.extensible"},
        wav(tmp_path / "float.wav", subtype="FLOAT"): {"wav.float"},
        wav(tmp_path / "long_float.wav", container="WAVEX", subtype="FLOAT"): {"wav.extensible", "wav.float"},
        wav(tmp_path / "law.wav", subtype="ULAW"): {"wav.codec"},
        wav(tmp_path / "large.wav", container="RF64"): {"wav.rf64", "wav.extensible"},
        wav(tmp_path / "96k.wav", 96000): {"wav.rate"},
        wav(tmp_path / "8k.wav", 8000): {"wav.rate"},
        wav(tmp_path / "mono.wav", channels=1): set(),
        wav(tmp_path / "8bit.wav", subtype="PCM_U8"): set(),
    }
    cut = wav(tmp_path / "cut.wav", tagged=False)
    cut.write_bytes(cut.read_bytes()[:-100])
    wanted[cut] = {"wav.truncated"}
    none = tmp_path / "none.wav"
    none.write_bytes(b"RIFF\x04\0\0\0WAVE")
    wanted[none] = {"wav.parse"}
    assert {path.name: faults(path, "cdj") for path in wanted} == {path.name: held for path, held in wanted.items()}
    for path, failed in others_fail(list(wanted)).items():
        assert not failed or faults(path), f"the other checker refuses {path.name}"


def test_what_a_program_takes_is_only_a_warning_for_it(tmp_path: Path) -> None:
    path = wav(tmp_path / "long_float.wav", 96000, container="WAVEX", subtype="FLOAT")
    assert faults(path, "serato") == set()
    assert rules(path, "serato") == {"wav.extensible", "wav.float", "wav.rate"}
    assert faults(path, "serato", "rekordbox") == {"wav.extensible", "wav.float"}


def test_warnings_about_tags_and_sizes(tmp_path: Path) -> None:
    assert rules(wav(tmp_path / "bare.wav", tagged=False)) == {"wav.tags"}
    both = wav(tmp_path / "both.wav", tagged=False)
    sound = both.read_bytes()
    info = b"INFOINAM\x02\0\0\0a\0"
    chunks = b"LIST" + struct.pack("<I", len(info)) + info + b"id3 \x04\0\0\0ID3\0"
    both.write_bytes(b"RIFF" + struct.pack("<I", len(sound) + len(chunks) - 8) + sound[8:] + chunks)
    assert rules(both) == {"wav.tags.two"}
    both.write_bytes(b"RIFF" + struct.pack("<I", 77) + sound[8:])
    assert rules(both) == {"wav.tags", "wav.size"}


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8"])
def test_a_long_header_is_repaired_on_a_copy(tmp_path: Path, subtype: str) -> None:
    path = wav(tmp_path / "a.wav", container="WAVEX", subtype=subtype)
    before = path.read_bytes()
    assert [one.fixable for one in check(path) if one.rule == "wav.extensible"] == [True]
    repair_wav(path, tmp_path / "b.wav")
    assert not faults(tmp_path / "b.wav")
    assert tags.read(tmp_path / "b.wav") == tags.read(path)
    assert np.array_equal(soundfile.read(path)[0], soundfile.read(tmp_path / "b.wav")[0])
    assert path.read_bytes() == before


def test_what_cannot_be_repaired_is_said(tmp_path: Path) -> None:
    for path in (wav(tmp_path / "float.wav", subtype="FLOAT"), wav(tmp_path / "rf64.wav", container="RF64")):
        with pytest.raises(InputError, match="only WAVs of integers"):
            repair_wav(path, tmp_path / "b.wav")
    with pytest.raises(InputError, match="cannot be read"):
        repair_wav(tmp_path / "missing.wav", tmp_path / "b.wav")
    assert not (tmp_path / "b.wav").exists()
