"""Files for decks, checked: everything that is damaged is found, everything real passes, the other checker agrees."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
from conftest import SHARED, music
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import tags
from stem_cli.cues import Cue, Prepared, Tempo
from stem_cli.dj import atoms
from stem_cli.dj.check import FAULT, WARNING, check, check_folder, crate, m3u, names, rekordbox, shortened
from stem_cli.dj.check.finding import TARGETS, Finding, targets_of
from stem_cli.dj.names import NAMINGS, stem_name
from stem_cli.dj.ni_stem import BOX, metadata, write_stem
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, document
from stem_cli.dj.repair import repair_wav
from stem_cli.dj.serato_crate import crate as made_crate
from stem_cli.errors import InputError
from stem_cli.tags import Tags

FUZZED = 10_000
TOOL = SHARED / "tools" / "dj_check.py"


def faults(path: Path, *programs: str) -> set[str]:
    return {finding.rule for finding in check(path, programs) if finding.severity == FAULT}


def rules(path: Path, *programs: str) -> set[str]:
    return {finding.rule for finding in check(path, programs)}


def others_fail(paths: list[Path], *options: str) -> dict[Path, bool]:
    """What the other checker says of each, in one go; {} where it is absent."""
    if not TOOL.exists():
        return {}
    command = [sys.executable, TOOL, "auto", "--json", *options, *paths]
    told = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    return {Path(one["file"]): not one["pass"] for one in told}


# ---------------------------------------------------------------------------------------------------------- real files


@pytest.mark.shared
def test_damaged_files_are_found_and_real_ones_pass() -> None:
    folder = SHARED / "data" / "dj"
    if not folder.exists():
        pytest.skip("the project's shared material is absent")
    damaged = sorted((folder / "damaged").iterdir())
    assert len(damaged) == 9
    assert not [path.name for path in damaged if not faults(path)]
    whole = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in damaged]
    assert {path.name: faults(path, "serato", "mixxx") for path in whole if faults(path, "serato", "mixxx")} == {}


# ---------------------------------------------------------------------------------------------------------------- WAVs


def wav(path: Path, rate: int = 44100, channels: int = 2, container: str = "WAV", subtype: str = "PCM_16",
        tagged: bool = True) -> Path:  # fmt: skip
    soundfile.write(path, music(0.1, rate, channels), rate, format=container, subtype=subtype)
    if tagged:
        tags.write(path, Tags(title="a"))
    return path


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


# --------------------------------------------------------------------------------------------------------- .stem.mp4


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


# ------------------------------------------------------------------------------------------------------- rekordbox.xml

XML = b"".join(
    document(
        [
            XmlTrack(
                PurePosixPath("/Volumes/USB", f"Söng {number}.wav"),
                Tags(title="Söng", bpm=124.0),
                Prepared((Tempo(0.025, 124.0), Tempo(9.0, 125.0)), (Cue(1.0, "a", pad=0, colour="#010203"),
                         Cue(2.0, "b", "loop", 4.0)), "8A", 3, "#FF007F"),
            )
            for number in range(3)
        ],
        3,
        by_stem_and_crate([("Vocals", ("Gigs",)), ("Drums", ()), ("Bass", ("Gigs/Late",))]),
    )
)  # fmt: skip
EDITS: dict[str, tuple[str, str, str]] = {
    "cut": ("</DJ_PLAYLISTS>", "", "rb.xml"),
    "root": ("DJ_PLAYLISTS", "DJ_LISTS", "rb.root"),
    "version": ('Version="1.0.0"', 'Version="2"', "rb.version"),
    "entries": ('Entries="3"', 'Entries="4"', "rb.entries"),
    "no_collection": ("COLLECTION", "COLLECTED", "rb.missing"),
    "id": ('TrackID="2"', "", "rb.id"),
    "twice": ('TrackID="2"', 'TrackID="1"', "rb.twice"),
    "place_twice": ("%20%31", "%20%31", ""),
    "comma": ('AverageBpm="124.00"', 'AverageBpm="124,00"', "rb.value"),
    "bpm": ('AverageBpm="124.00"', 'AverageBpm="1240.00"', "rb.bpm"),
    "rating": ('Rating="153"', 'Rating="3"', "rb.value"),
    "colour": ('Colour="0xFF007F"', 'Colour="#FF007F"', "rb.value"),
    "place": ("file://localhost/", "file:///", "rb.location"),
    "slashes": ("file://localhost/", "file://localhost//", "rb.slashes"),
    "space": ("S%C3%B6ng%20", "S%C3%B6ng ", "rb.encoding"),
    "latin": ("%C3%B6", "%F6", "rb.encoding"),
    "umlaut": ("%C3%B6", "ö", "rb.encoding"),
    "no_place": ("Location=", "Remixer=", "rb.location"),
    "tempo": ('Bpm="124.00" Metro', 'Bpm="0.00" Metro', "rb.tempo"),
    "nan": ('Bpm="124.00" Metro', 'Bpm="NaN" Metro', "rb.tempo"),
    "backwards": ('Inizio="0.025"', 'Inizio="10.000"', "rb.tempo"),
    "beat": ('Battito="1"', 'Battito="5"', "rb.tempo"),
    "no_beat": ('Battito="1"', "", "rb.tempo"),
    "cue": ('Type="0" Start="1.000"', 'Type="7" Start="1.000"', "rb.cue"),
    "cue_start": ('Start="1.000"', 'Start="-1.000"', "rb.cue"),
    "pad": ('Num="0"', 'Num="8"', "rb.cue"),
    "loop": ('End="4.000"', 'End="1.000"', "rb.cue"),
    "red": ('Red="1"', 'Red="256"', "rb.cue"),
    "key": ('Key="1"', 'Key="33"', "rb.keys"),
    "key_type": ('KeyType="0"', 'KeyType="2"', "rb.keys"),
    "count": ('Name="Stems" Count="4"', 'Name="Stems" Count="5"', "rb.count"),
    "list": ('Entries="1"', 'Entries="2"', "rb.count"),
    "node": ('Name="Vocals" Type="1"', 'Name="Vocals" Type="5"', "rb.node"),
    "nameless": ('Name="Vocals" Type="1"', 'Name="" Type="1"', "rb.node"),
    "playlists": ('Name="ROOT"', 'Name="TOP"', "rb.playlists"),
    "entities": ("<DJ_PLAYLISTS", '<!DOCTYPE a [<!ENTITY b "c">]><DJ_PLAYLISTS', "rb.doctype"),
}


def test_every_damage_to_a_rekordbox_xml_is_found(tmp_path: Path) -> None:
    expected = {}
    for name, (old, new, rule) in EDITS.items():
        text = XML.decode()
        assert not rule or old in text, name
        (tmp_path / f"{name}.xml").write_text(text.replace(old, new), "utf-8")
        expected[tmp_path / f"{name}.xml"] = rule
    found = {path.name: faults(path) for path in expected}
    wrong = {path.name: found[path.name] for path, rule in expected.items() if bool(rule) != bool(found[path.name])
             or (rule and rule not in found[path.name])}  # fmt: skip
    assert wrong == {}
    for path, failed in others_fail(list(expected), "--no-files").items():
        assert not failed or expected[path], f"the other checker refuses {path.name}"


def test_files_of_a_rekordbox_xml_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(XML)
    assert faults(path) == set()
    findings = list(check(path, drive=tmp_path))
    assert [one.rule for one in findings] == ["rb.file"] * 3
    assert [one.what for one in shortened(findings, 1)][-1] == "and the same 2 more times"


def test_playlists_that_stand_before_the_collection(tmp_path: Path) -> None:
    text = XML.decode()
    collection = text[text.index("  <COLLECTION") : text.index("  <PLAYLISTS")]
    turned = text.replace(collection, "").replace("</DJ_PLAYLISTS>", f"{collection}</DJ_PLAYLISTS>")
    (tmp_path / "a.xml").write_text(turned, "utf-8")
    assert rules(tmp_path / "a.xml") == {"rb.order"}
    (tmp_path / "a.xml").write_text(turned.replace('Key="3"', 'Key="9"'), "utf-8")
    assert faults(tmp_path / "a.xml") == {"rb.keys"}


# ------------------------------------------------------------------------------------------------ crates and playlists


@pytest.mark.parametrize(
    ("name", "raw", "found"),
    [
        ("a.crate", made_crate(["a.wav"]), set()),
        ("a.crate", made_crate([]), set()),
        ("a.crate", made_crate(["/a.wav"]), {"crate.path"}),
        ("a.crate", made_crate(["C:/a.wav"]), {"crate.path"}),
        ("a.crate", made_crate(["a\\b.wav"]), {"crate.path"}),
        ("a.crate", made_crate(["a\0"]), {"crate.path"}),
        ("a.crate", made_crate([""]), {"crate.path"}),
        ("a.crate", made_crate(["a.wav"])[:-1], {"crate.parse"}),
        ("a.crate", b"", {"crate.version"}),
        ("a%%%%b.crate", made_crate([]), {"crate.name"}),
        ("_Serato_/SubCrates/a.crate", made_crate([]), {"crate.folder"}),
        ("_Serato_/Subcrates/a.crate", made_crate([]), set()),
        ("a.crate", made_crate([]).replace(b"otrk", b"oXXX") + b"oXYZ\0\0\0\0", {"crate.unknown"}),
        ("a.crate", made_crate(["a.wav"]) + made_crate(["a.wav"])[-26:], {"crate.twice"}),
    ],
)
def test_crates(name: str, raw: bytes, found: set[str]) -> None:
    assert {finding.rule for finding in crate.judge(raw, PurePosixPath("/usb", name))} == found


def test_songs_of_lists_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "x.crate").write_bytes(made_crate(["a.wav", "b.wav"]))
    (tmp_path / "x.m3u8").write_text("#EXTM3U\na.wav\nb.wav\nhttp://c/d.mp3\n")
    assert [one.what for one in check(tmp_path / "x.crate", drive=tmp_path)] == ["'b.wav' is not on its drive"]
    assert [one.what for one in check(tmp_path / "x.m3u8", drive=tmp_path)] == ["there is no 'b.wav'"]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"#EXTM3U\na.wav\n", set()),
        (b"\xef\xbb\xbf#EXTM3U\na.wav\n", {"m3u.bom"}),
        (b"a\\b.wav\n", {"m3u.header", "m3u.backslash"}),
        (b"#EXTM3U\n\xff.wav\n", {"m3u.encoding"}),
        (b"#EXTM3U\n", {"m3u.empty"}),
    ],
)
def test_playlists(raw: bytes, found: set[str]) -> None:
    assert {finding.rule for finding in m3u.judge(raw, ".m3u8")} == found


# --------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Ärtist - Söng (Vocals).wav", set()),
        ("a?.wav", {"name.letters"}),
        ("a\n.wav", {"name.letters"}),
        ("a.wav.", {"name.end"}),
        ("CON.wav", {"name.device"}),
        ("con", {"name.device"}),
        ("console.wav", set()),
        ("a%%b.wav", {"name.percent"}),
        ("a%%b.crate", set()),
        (".a.wav", {"name.hidden"}),
        ("So\u0308ng.wav", {"name.nfc"}),
        ("a" * 256, {"name.length"}),
        ("🎧" * 128, {"name.length"}),
        ("a\udce4.wav", {"name.unicode"}),
    ],
)
def test_names(name: str, found: set[str]) -> None:
    assert {finding.rule for finding in names.judge_name(name)} == found


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(sorted(NAMINGS)))
def test_our_own_names_pass(artist: str, title: str, naming: str) -> None:
    fields = {"artist": artist, "title": title, "name": title or "track", "stem": "backing_vocals"}
    assert list(names.judge_name(stem_name(naming, fields, ".stem.mp4"))) == []


def test_a_folder_with_names_that_clash(tmp_path: Path) -> None:
    (tmp_path / "Songs").mkdir()
    for name in ("Song.wav", "SONG.WAV", "._Song.wav", "note.txt"):
        wav(tmp_path / "Songs" / name)
    (tmp_path / "other.xml").write_text("<NML/>")
    (tmp_path / "rekordbox.xml").write_bytes(XML.replace(b'Entries="3"', b'Entries="4"'))
    found = [(path.name, finding.rule) for path, finding in check_folder(tmp_path)]
    assert found == [("rekordbox.xml", "rb.entries"), ("Songs", "name.twice")]


def test_large_files_and_long_paths(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    with path.open("r+b") as file:
        file.truncate(2**32)
    assert "file.size" in faults(path, "cdj")
    assert "file.size" in rules(path, "serato") - faults(path, "serato")
    assert {one.rule for one in names.judge_path(PurePosixPath("/", "a" * 250))} == {"path.length"}
    assert targets_of(()) == tuple(TARGETS.values())


def test_a_long_row_of_the_same_is_cut_short() -> None:
    told = list(shortened([Finding(FAULT, "a", str(number)) for number in range(9)], 2))
    assert [one.what for one in told] == ["0", "1", "and the same 7 more times"]


# ----------------------------------------------------------------------------------------------------------- any bytes


def damaged(raw: bytes, chance: random.Random) -> bytes:
    data = bytearray(raw[: chance.choice((len(raw), chance.randrange(len(raw))))])
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) or 1)
        data[at : at + chance.choice((1, 1, 4))] = chance.choice(
            (b"\0", b"\xff", bytes([chance.randrange(256)]), b"\xff\xff\xff\xff", b"", b"<", b'"', b"&", b"9")
        )
    return bytes(data)


def test_ten_thousand_damaged_files_give_findings(quick_folder: Path) -> None:
    chance = random.Random(1)
    one = made_crate(["Stems/a.wav", "Stems/b.wav"])
    header = wav(quick_folder / "a.wav").read_bytes()
    target = quick_folder / "b.wav"
    for round_ in range(FUZZED):
        list(rekordbox.judge(io.BytesIO(damaged(XML, chance))))
        list(crate.judge(damaged(one, chance), PurePosixPath("a.crate")))
        list(m3u.judge(damaged(b"#EXTM3U\n#EXTINF:1,a\nb.wav\n", chance), ".m3u8"))
        if round_ % 4 == 0:
            target.write_bytes(damaged(header[:60], chance) + header[-300:])
            list(check(target))
