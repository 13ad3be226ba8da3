"""Headers of WAVs that decks refuse are found and repaired on a copy."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import music
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
    with pytest.raises(InputError, match="only WAVs of integers"):
        repair_wav(wav(tmp_path / "law.wav", subtype="ULAW"), tmp_path / "b.wav")
    loud = tmp_path / "loud.wav"
    soundfile.write(loud, music(0.1) * 2, 44100, subtype="FLOAT")
    with pytest.raises(InputError, match="above full scale") as told:
        repair_wav(loud, tmp_path / "b.wav")
    assert "stem organize" in told.value.hint
    with pytest.raises(InputError, match="cannot be read"):
        repair_wav(tmp_path / "missing.wav", tmp_path / "b.wav")
    assert not (tmp_path / "b.wav").exists()


def chunk(name: bytes, content: bytes, *, filled: bool = True) -> bytes:
    return name + struct.pack("<I", len(content)) + content + (b"\0" * (len(content) % 2) if filled else b"")


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


FORM = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 44100, 176400, 4, 16))
SOUND = chunk(b"data", bytes(range(256)) * 8)
ODD: dict[str, tuple[bytes, str]] = {
    "list_first": (riff(chunk(b"LIST", b"INFOINAM\x02\0\0\0a\0"), FORM, SOUND), "wav.order"),
    "junk_first": (riff(chunk(b"JUNK", b"\0" * 28), FORM, SOUND), "wav.order"),
    "loose": (riff(FORM, chunk(b"bext", b"abc", filled=False), SOUND), "wav.padding"),
    "size": (riff(FORM, SOUND, size=77), "wav.size"),
    "piped": (riff(FORM, b"data\xff\xff\xff\xff" + bytes(400), size=0xFFFFFFFF), "wav.size"),
    "form": (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 44100, 9, 4, 16)), SOUND), "wav.form"),
    "info": (riff(FORM, SOUND, chunk(b"LIST", b"INFOINAM\x02\0\0\0a\0")), "wav.tags"),
}


@pytest.mark.parametrize("name", ODD)
def test_headers_in_disorder_are_told_and_mended(tmp_path: Path, name: str) -> None:
    raw, rule = ODD[name]
    path, target = tmp_path / f"{name}.wav", tmp_path / "mended.wav"
    path.write_bytes(raw)
    assert [one.fixable for one in check(path) if one.rule == rule] == [True]
    repair_wav(path, target)
    assert rules(target) <= {"wav.tags", "wav.tags.two"}
    assert path.read_bytes() == raw
    if name != "loose":  # libsndfile loses its way in it, as decks do
        assert np.array_equal(soundfile.read(target)[0], soundfile.read(path)[0])
    assert len(soundfile.read(target)[0]) == (100 if name == "piped" else 512)
    assert not any(others_fail([target]).values())


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_32"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_depths_that_decks_refuse_become_24_bits(tmp_path: Path, subtype: str, container: str) -> None:
    path = wav(tmp_path / "a.wav", container=container, subtype=subtype)
    assert faults(path, "cdj") & {"wav.float", "wav.bits"}
    repair_wav(path, tmp_path / "b.wav")
    assert faults(tmp_path / "b.wav", "cdj") == set()
    assert tags.read(tmp_path / "b.wav").title == "a"
    old, new = soundfile.read(path)[0], soundfile.read(tmp_path / "b.wav")[0]
    assert old.shape == new.shape
    assert np.abs(old - new).max() <= 2**-24


def test_stems_whose_depth_is_cut_one_by_one_add_up_within_a_step_each(tmp_path: Path) -> None:
    parts = [music(0.2, seed=seed) / 4 for seed in range(4)]
    for number, part in enumerate(parts):
        soundfile.write(tmp_path / f"{number}.wav", part, 44100, subtype="FLOAT")
        repair_wav(tmp_path / f"{number}.wav", tmp_path / f"{number}b.wav")
    total = sum(soundfile.read(tmp_path / f"{number}b.wav")[0] for number in range(4))
    before = sum(soundfile.read(tmp_path / f"{number}.wav")[0] for number in range(4))
    assert np.abs(total - before).max() <= 4 * 2**-24


def test_thirty_two_bits_are_a_fault_for_decks_only(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", subtype="PCM_32")
    assert faults(path, "cdj") == {"wav.bits"}
    assert faults(path, "serato") == set()
