"""Serato: crates written and rewritten, its own tags carried from songs to stems, byte for byte."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import mutagen.aiff
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.wave
import numpy as np
import pytest
import soundfile
from conftest import SHARED, music
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import library, tags
from stem_cli.audio import open_sink
from stem_cli.dj.serato_crate import (
    Field,
    crate,
    crate_name,
    on_drive,
    parse,
    paths_of,
    rewritten,
    to_bytes,
    write_crate,
)
from stem_cli.dj.serato_tags import NAMES, copy_serato, envelope, opened, read_serato
from stem_cli.errors import InputError, UsageError
from stem_cli.library import serato
from stem_cli.tags import Tags, riff

PATHS = ("Stems/Ärtist - Söng/Ärtist - Söng (Vocals).wav", "Stems/日本/曲 (Drums).wav", "Stems/🎧 (Bass).wav")
DATA = {
    "Serato BeatGrid": bytes.fromhex("0100000000013d3c3e82432f000000"),
    "Serato Markers_": b"\x02\x05" + bytes(range(256)),
    "Serato Markers2": b"\x01\x01" + b"AQFDT0xPUgAAAAAEAP///0JQTUxPQ0sAAAAAAQAA" + bytes(428),
    "Serato Autotags": b"\x01\x01115.00\x00-3.257\x000.000\x00",
}
COMMENTS = {"Serato BeatGrid": "SERATO_BEATGRID", "Serato Markers2": "SERATO_MARKERS_V2",
            "Serato Autotags": "SERATO_AUTOGAIN", "Serato Overview": "SERATO_OVERVIEW"}  # fmt: skip
ATOMS = {"Serato BeatGrid": "beatgrid", "Serato Markers2": "markersv2", "Serato Autotags": "autgain",
         "Serato Markers_": "markers"}  # fmt: skip
OTHERS = {"Serato Overview": b"\x01\x05" + bytes(500), "Serato Offsets_": b"\x01\x02" + bytes(50), "Else": b"x"}


# -------------------------------------------------------------------------------------------------------------- crates


def test_a_crate_comes_back_and_the_checker_takes_it(tmp_path: Path) -> None:
    folder = tmp_path / "_Serato_" / "Subcrates"
    folder.mkdir(parents=True)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    file = folder / crate_name(["Stems", "Vocals"])
    write_crate(file, [on_drive(tmp_path / path, tmp_path) for path in PATHS])
    (found,) = library.read(file)
    assert found.name == "Stems/Vocals"
    assert [str(entry.path) for entry in found.entries] == [str(tmp_path / path) for path in PATHS]
    tool = SHARED / "tools" / "dj_check.py"
    if tool.exists():
        done = subprocess.run([sys.executable, tool, "crate", "--strict", file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.shared
def test_real_crates_are_the_same_bytes_when_read_and_written() -> None:
    folder = SHARED / "data" / "dj"
    if not folder.exists():
        pytest.skip("the project's shared material is absent")
    files = [*(folder / "serato").glob("*.*crate"), *(folder / "own").glob("*.crate")]
    assert len(files) == 5
    for file in files:
        raw = file.read_bytes()
        assert to_bytes(parse(raw)) == raw
        if file.suffix == ".crate":
            assert rewritten(raw, paths_of(raw)) == raw
    ours = next((folder / "own").glob("*.crate"))
    assert crate(paths_of(ours.read_bytes())) == ours.read_bytes()


def test_what_we_do_not_know_is_kept(tmp_path: Path) -> None:
    fields = list(parse(crate(["a.wav", "b.wav"])))
    fields[-1] = Field("otrk", fields[-1].body + to_bytes([Field("uabc", b"\0\0\0\1")]))
    raw = to_bytes([*fields[:3], Field("oxyz", b"any"), *fields[3:], Field("ozzz", b"thing")])
    file = tmp_path / "a.crate"
    file.write_bytes(raw)
    write_crate(file, ["b.wav", "c.wav", "c.wav"])
    assert paths_of(file.read_bytes()) == ("b.wav", "c.wav")
    after = parse(file.read_bytes())
    assert [field for field in after if field.tag != "otrk"] == [field for field in parse(raw) if field.tag != "otrk"]
    assert fields[-1] in after
    write_crate(file, ())
    write_crate(file, ["b.wav"])
    assert paths_of(file.read_bytes()) == ("b.wav",)


def test_a_damaged_crate_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a.crate"
    file.write_bytes(crate(["a.wav"])[:-3])
    before = file.read_bytes()
    with pytest.raises(InputError, match="damaged"):
        write_crate(file, ["b.wav"])
    assert file.read_bytes() == before
    file.write_bytes(b"")
    with pytest.raises(InputError, match="no crate"):
        write_crate(file, ["b.wav"])


@given(st.binary(max_size=100))
def test_any_bytes_are_fields_or_a_clear_error(raw: bytes) -> None:
    try:
        found = parse(raw)
    except ValueError:
        return
    assert to_bytes(found) == raw


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1)))
def test_any_paths_come_back(paths: list[str]) -> None:
    assert paths_of(crate(paths)) == tuple(dict.fromkeys(paths))


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_names_of_crates(levels: list[str]) -> None:
    name = crate_name(levels)
    assert name.removesuffix(".crate").split("%%") == [part for part in name.removesuffix(".crate").split("%%") if part]
    assert name.count("%%") == len(levels) - 1
    assert "/" not in name
    assert len(name.encode("utf-16-le")) // 2 <= 255


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (PurePosixPath("/Volumes/A/a.wav"), PurePosixPath("/Volumes/B")),
        (PureWindowsPath("D:/a.wav"), PureWindowsPath("C:/")),
        (PurePosixPath("/a/\udce4.wav"), PurePosixPath("/a")),
    ],
)
def test_paths_that_a_crate_cannot_hold(path: PurePosixPath, root: PurePosixPath) -> None:
    with pytest.raises(UsageError):
        on_drive(path, root)


def test_colons_of_macos_come_back(tmp_path: Path) -> None:
    text = on_drive(PurePosixPath("/Users/a:b.wav"), PurePosixPath("/"))
    assert serato.path_of(text, PurePosixPath("/")) == PurePosixPath("/Users/a:b.wav")
    assert not text.startswith("/")


# ---------------------------------------------------------------------------------------------------------------- tags


def file_of(folder: Path, name: str, kind: str) -> Path:
    """A short file with our own tags."""
    path = folder / f"{name}.{'m4a' if kind == 'alac' else kind}"
    sink = open_sink(path, kind, 44100, 2, "16", 22050)
    sink.write((music(0.5).T * 32767).astype(np.int32))
    sink.close()
    tags.write(path, Tags(title="Söng (Vocals)", artist="A", bpm=124.5, key="8A", comment="hello"))
    return path


def with_serato(folder: Path, kind: str) -> Path:
    """A song with Serato's tags, put there by mutagen alone."""
    path = file_of(folder, "song", kind)
    song = {"wav": mutagen.wave.WAVE, "flac": mutagen.flac.FLAC, "alac": mutagen.mp4.MP4}.get(kind, mutagen.File)(path)
    if kind in ("mp3", "wav", "aiff"):
        for name, data in (DATA | OTHERS).items():
            song.tags.add(mutagen.id3.GEOB(encoding=0, mime="application/octet-stream", desc=name, data=data))
    elif kind == "flac":
        song.update({key: envelope(name, (DATA | OTHERS)[name], wrapped=True) for name, key in COMMENTS.items()})
    else:
        for name, key in ATOMS.items():
            text = envelope(name, DATA[name], wrapped="Markers" in name)
            song[f"----:com.serato.dj:{key}"] = [mutagen.mp4.MP4FreeForm(text.encode())]
    song.save()
    return path


def geobs(path: Path) -> dict[str, bytes]:
    if path.suffix == ".wav":
        frames = mutagen.id3.ID3(io.BytesIO(riff.id3(path)))
    else:
        frames = mutagen.aiff.AIFF(path).tags if path.suffix == ".aiff" else mutagen.id3.ID3(path)
    return {frame.desc: frame.data for frame in frames.getall("GEOB")}


def sound(path: Path) -> str:
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-f", "s16le", "-"], capture_output=True, check=True
    )
    return hashlib.sha256(done.stdout).hexdigest()


@pytest.mark.parametrize("song", ["mp3", "wav", "aiff", "flac", "alac"])
@pytest.mark.parametrize("stem", ["wav", "aiff", "mp3", "flac", "alac"])
def test_stems_get_the_grid_and_cues_of_their_song(tmp_path: Path, song: str, stem: str) -> None:
    source, target = with_serato(tmp_path, song), file_of(tmp_path, "stem", stem)
    own, before, untouched = tags.read(target), sound(target), source.read_bytes()
    taken = copy_serato(source, target)
    in_id3 = ("mp3", "wav", "aiff")
    markers_too = (song in in_id3 and stem in in_id3) or song == stem == "alac"
    assert taken == tuple(name for name in NAMES if name != "Serato Markers_" or markers_too)
    found = {tag.name: tag.data for tag in read_serato(target)}
    assert found == {name: DATA[name] for name in taken}
    if stem in in_id3:
        assert geobs(target) == found
    assert tags.read(target) == own
    assert sound(target) == before
    assert source.read_bytes() == untouched
    once = target.read_bytes()
    assert copy_serato(source, target) == taken
    assert target.read_bytes() == once


@pytest.mark.parametrize("kind", ["flac", "alac"])
def test_the_same_kind_of_file_gets_the_very_text(tmp_path: Path, kind: str) -> None:
    source, target = with_serato(tmp_path, kind), file_of(tmp_path, "stem", kind)
    copy_serato(source, target)
    assert {tag.text for tag in read_serato(target)} == {tag.text for tag in read_serato(source)}


def test_files_without_any(tmp_path: Path) -> None:
    plain = file_of(tmp_path, "song", "mp3")
    soundfile.write(tmp_path / "bare.wav", music(0.1), 44100)
    soundfile.write(tmp_path / "a.ogg", music(0.1), 44100)
    for source in (plain, tmp_path / "bare.wav", tmp_path / "a.ogg"):
        target = file_of(tmp_path, "stem", "wav")
        before = target.read_bytes()
        assert copy_serato(source, target) == ()
        assert target.read_bytes() == before
    copied = copy_serato(with_serato(tmp_path, "wav"), tmp_path / "bare.wav")
    assert copied == NAMES
    assert geobs(tmp_path / "bare.wav") == DATA
    with pytest.raises(InputError):
        read_serato(tmp_path / "missing.mp3")


def test_a_damaged_tag_is_left_out_alone(tmp_path: Path) -> None:
    path = with_serato(tmp_path, "flac")
    song = mutagen.flac.FLAC(path)
    song["SERATO_MARKERS_V2"] = "###"
    song["SERATO_AUTOGAIN"] = envelope("Serato Other", b"", wrapped=False)
    song.save()
    assert [tag.name for tag in read_serato(path)] == ["Serato BeatGrid"]


@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff", "flac", "alac"])
def test_thousands_of_damaged_files_give_tags_or_none(quick_folder: Path, kind: str) -> None:
    """Two thousand of each kind: what is left of the tags, never a traceback."""
    path = with_serato(quick_folder, kind)
    whole = path.read_bytes()
    marks = [whole.find(word) for word in (b"Serato", b"SERATO", b"serato", b"moov") if word in whole]
    chance = random.Random(1)
    for _ in range(2_000):
        data = bytearray(whole[: chance.choice((len(whole), len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randrange(1, 6)):
            at = max(0, chance.choice((0, *marks)) + chance.randrange(-60, 900))
            data[at : at + chance.choice((1, 1, 4))] = chance.choice(
                (b"\0", b"\xff", bytes([chance.randrange(256)]), b"\xff\xff\xff\xff", b"\0\0\0\0", b"")
            )
        path.write_bytes(data)
        assert all(tag.name in NAMES for tag in read_serato(path))


@given(st.binary(max_size=300), st.booleans())
def test_an_envelope_gives_back_what_was_put_in(data: bytes, wrapped: bool) -> None:
    text = envelope("Serato Markers2", data, wrapped)
    assert opened(text, "Serato Markers2") == data
    assert "=" not in text
    assert max(map(len, text.split("\n"))) <= 72 or not wrapped


@given(st.text(max_size=50))
def test_any_text_is_an_envelope_or_a_clear_error(text: str) -> None:
    with pytest.raises(ValueError, match="Serato Markers2"):
        opened(text, "Serato Markers2")
