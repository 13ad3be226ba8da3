"""`.stem.mp4`: everything that is damaged is found, the other checker agrees."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from decks import faults, others_fail, rules, wav

from stem_cli.dj import atoms
from stem_cli.dj.check import WARNING, check
from stem_cli.dj.ni_stem import BOX, metadata, write_stem
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.tags import Tags


def told(**changes: object) -> bytes:
    return json.dumps(json.loads(metadata()) | changes).encode()


def dsp(block: str, **changes: object) -> bytes:
    whole = json.loads(metadata())
    whole["mastering_dsp"][block] |= changes
    return json.dumps(whole).encode()


def some(*listed: str, colour: str = "#000000") -> bytes:
    return told(stems=[{"name": name, "color": colour} for name in listed])


JSON: dict[str, tuple[bytes, set[str]]] = {
    "text_version": (told(version="1.0"), {"stem.version"}),
    "no_version": (told(version=0), {"stem.version"}),
    "true_version": (told(version=True), {"stem.version"}),
    "three": (some("Drums", "Bass", "Vocals"), {"stem.names"}),
    "nameless": (some("Drums", "", "Other", "Vocals"), {"stem.names"}),
    "no_list": (told(stems="four"), {"stem.names"}),
    "colours": (some("A", "B", "C", "D", colour="red"), {"stem.colours"}),
    "order": (some("Vocals", "Drums", "Bass", "Other"), {"stem.order"}),
    "no_dsp": (told(mastering_dsp=None), {"stem.dsp"}),
    "half_dsp": (dsp("compressor", ratio=None), {"stem.dsp"}),
    "text_dsp": (dsp("limiter", ceiling="0"), {"stem.dsp"}),
    "no_json": (b"{", {"stem.atom"}),
    "no_text": (b"\xff\xfe", {"stem.atom"}),
    "list": (b"[]", {"stem.atom"}),
    "deep": (b"[" * 100_000, {"stem.atom"}),
    "padded": (metadata() + b"\0\0\0", set()),
    "free_names": (some("Kick", "Synth", "Voice", "Choir"), set()),
}
Patch = Callable[[bytes], bytes]


def flags(track: int, value: int) -> Patch:
    def patched(raw: bytes) -> bytes:
        at = [found.start() for found in re.finditer(b"tkhd", raw)][track]
        return raw[: at + 7] + bytes([value]) + raw[at + 8 :]

    return patched


def once(old: bytes, new: bytes, which: int = 0) -> Patch:
    def patched(raw: bytes) -> bytes:
        at = [found.start() for found in re.finditer(re.escape(old), raw)][which]
        return raw[:at] + new + raw[at + len(old) :]

    return patched


def stts(raw: bytes) -> bytes:
    at = raw.rindex(b"stts") + 12
    return raw[:at] + struct.pack(">I", struct.unpack(">I", raw[at : at + 4])[0] - 1) + raw[at + 4 :]


BYTES: dict[str, tuple[Patch, set[str]]] = {
    "song_off": (flags(0, 2), {"stem.enabled.song"}),
    "stem_on": (flags(2, 3), {"stem.enabled.stems"}),
    "four_tracks": (once(b"soun", b"vide", 4), {"stem.tracks"}),
    "other_box": (once(b"stem", b"nmde"), {"stem.atom"}),
    "cut": (lambda raw: raw[:-200], {"stem.mp4"}),
    "empty": (lambda raw: b"", {"stem.mp4"}),
    "offsets": (once(b"mdat", b"free"), {"stem.offsets"}),
    "one_late": (once(b"edts", b"free", 3), {"stem.lengths", "stem.edit"}),
    "length": (stts, {"stem.lengths"}),
    "codec": (lambda raw: raw.replace(b"mp4a", b"Opus"), {"stem.codec"}),
    "one_codec": (once(b"mp4a", b"Opus", 2), {"stem.codecs", "stem.codec"}),
    "ftyp": (once(b"ftyp", b"free"), {"stem.ftyp"}),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stems")
    for name in ("drums", "bass", "other", "vocals"):
        wav(folder / f"{name}.wav", tagged=False)
    target = folder / "whole.stem.mp4"
    write_stem(target, {name: folder / f"{name}.wav" for name in ("drums", "bass", "other", "vocals")}, Tags())
    return target


def test_every_damage_to_a_stem_file_is_found(whole: Path, tmp_path: Path) -> None:
    assert rules(whole) == set()
    expected: dict[Path, set[str]] = {}
    for name, (payload, found) in JSON.items():
        atoms.front_with(whole, tmp_path / f"{name}.stem.mp4", BOX, payload)
        expected[tmp_path / f"{name}.stem.mp4"] = found
    for name, (patch, found) in BYTES.items():
        (tmp_path / f"{name}.stem.mp4").write_bytes(patch(whole.read_bytes()))
        expected[tmp_path / f"{name}.stem.mp4"] = found
    assert {path.name: faults(path) for path in expected} == {path.name: held for path, held in expected.items()}
    compared = [path for path in expected if path.name not in ("deep.stem.mp4", "empty.stem.mp4")]  # it fails on these
    for path, failed in others_fail(compared).items():
        assert failed == bool(expected[path]) or path.name == "list.stem.mp4", path.name


def test_the_kind_of_aac_is_read(whole: Path, tmp_path: Path) -> None:
    info = read_stem(whole)
    assert {(track.object_type, track.rate, track.channels) for track in info.tracks} == {(2, 44100, 2)}
    raw = whole.read_bytes()
    at = raw.index(bytes.fromhex("1210"), raw.index(b"esds"))  # LC, 44.1 kHz, two channels
    (tmp_path / "he.stem.mp4").write_bytes(raw[:at] + bytes([0x2A]) + raw[at + 1 :])  # SBR
    assert rules(tmp_path / "he.stem.mp4") == {"stem.aac"}


def test_warnings_about_stem_files(whole: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.stem.mp4"
    late.write_bytes(whole.read_bytes().replace(b"edts", b"free"))
    assert rules(late) == {"stem.priming"}
    atoms.front_with(whole, late, BOX, dsp("limiter", enabled=True))
    assert rules(late) == {"stem.dsp.enabled"}
    (tmp_path / "a.stem.m4a").write_bytes(whole.read_bytes())
    assert rules(tmp_path / "a.stem.m4a") == {"stem.name"}


def test_alac_is_for_those_who_open_it(whole: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.stem.mp4"
    files = {name: whole.parent / f"{name}.wav" for name in ("drums", "bass", "other", "vocals")}
    write_stem(target, files, Tags(), codec="alac")
    assert rules(target, "mixxx", "traktor") == set()
    assert faults(target, "traktor-win") == {"stem.alac"}
    assert [one.severity for one in check(target)] == [WARNING]
