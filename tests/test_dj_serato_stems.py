"""`.serato-stems`: what is written is read back, lines up and has the song's length; damaged files are told."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SHARED, Stem, music

from stem_cli.dj.serato_stems import SUFFIX, read_serato_stems, write_serato_stems
from stem_cli.errors import InputError, OutputError, UsageError

FRAMES = 88_123
NAMES = ("drums", "bass", "other", "vocals")
CHECKER = SHARED / "tools" / "dj_check.py"


def write_parts(rate: int = 44100, frames: int = FRAMES) -> dict[str, Path]:
    for seed, name in enumerate(NAMES):
        soundfile.write(f"{name}.wav", music(frames / rate, rate, seed=seed) * 0.3, rate, subtype="PCM_16")
    return {name: Path(f"{name}.wav") for name in NAMES}


@pytest.mark.parametrize(("rate", "frames"), [(44100, FRAMES), (48000, 96_000), (44100, 1152 * 20)])
def test_it_is_read_back_with_the_length_of_the_song(rate: int, frames: int) -> None:
    parts = write_parts(rate, frames)
    write_serato_stems(Path(f"song{SUFFIX}"), parts, frames)
    found = read_serato_stems(Path(f"song{SUFFIX}"))
    assert (found.frames, found.rate, set(found.mp3)) == (frames, rate, set(NAMES))
    for name, mp3 in found.mp3.items():
        there, _ = soundfile.read(parts[name])
        sound, _ = soundfile.read(io.BytesIO(mp3))
        assert len(sound) == frames
        assert np.corrcoef(sound.ravel(), there.ravel())[0, 1] > 0.99
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_the_layout_is_that_of_the_reference() -> None:
    write_serato_stems(Path(f"song{SUFFIX}"), write_parts(), FRAMES)
    raw = Path(f"song{SUFFIX}").read_bytes()
    assert raw[:12] == b"srtshead\0\0\0\x10"
    assert raw[12:28] == b"\0\1\0\2\0\0\0\4" + FRAMES.to_bytes(4, "big") + (44100).to_bytes(4, "big")
    order, at = [], 28
    while at < len(raw):
        assert raw[at : at + 4] == b"stem"
        order.append(raw[at + 11])
        assert raw[at + 12] ^ 0x26 == 0xFF
        at += 8 + int.from_bytes(raw[at + 4 : at + 8], "big")
    assert order == [0, 3, 2, 1]


@pytest.mark.shared
def test_the_independent_checker_agrees() -> None:
    if not CHECKER.exists():
        pytest.skip("the project's shared tools are not here (only on the developers' machines)")
    write_serato_stems(Path(f"song{SUFFIX}"), write_parts(), FRAMES)
    done = subprocess.run(
        [sys.executable, str(CHECKER), "seratostems", f"song{SUFFIX}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_cannot_be_certain_is_refused() -> None:
    with pytest.raises(UsageError):
        write_serato_stems(Path("a"), write_parts(), FRAMES - 1)
    with pytest.raises(UsageError):
        write_serato_stems(Path("a"), write_parts(32000, 32000), 32000)
    parts = write_parts()
    with pytest.raises(OutputError):
        write_serato_stems(Path("gone/a"), parts, FRAMES)
    assert not Path("a").exists()


def test_ten_thousand_damaged_files(quick_folder: Path) -> None:
    """Stems or a clear error, never a traceback."""
    path = quick_folder / "a"
    write_serato_stems(path, write_parts(frames=4000), 4000)
    whole, chance = path.read_bytes(), random.Random(1)
    for _ in range(10_000):
        data = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(min(len(data), chance.choice((60, 1 << 20))) or 1)
            data[at : at + chance.choice((1, 1, 4))] = bytes([chance.randrange(256)]) * chance.randrange(3)
        path.write_bytes(data)
        with suppress(InputError):
            read_serato_stems(path)


@pytest.mark.slow
def test_organize_writes_them_only_where_asked_and_only_for_lossless_songs(stem: Stem) -> None:
    soundfile.write("first.flac", music(1.0, 44100), 44100, subtype="PCM_16")
    soundfile.write("second.mp3", music(1.0, 44100, seed=1), 44100)
    for name in ("first.flac", "second.mp3"):
        stem("separate", name, "--output", "stems", "--engine", "builtin", "--judge", "off")
    stem("organize", "stems", "--for", "serato", "--output", "dj")
    assert not list(Path("dj").rglob(f"*{SUFFIX}"))
    done = stem("organize", "stems", "--for", "serato", "--output", "dj", "--serato-stems")
    assert "second: no file of stems for Serato of a song that is no WAV" in done.stderr
    place = Path(f"dj/_DJ/Serato/Stems/first/first{SUFFIX}")
    assert [str(path) for path in Path("dj").rglob(f"*{SUFFIX}")] == [str(place)]
    assert read_serato_stems(place).frames == 44100
    again = json.loads(
        stem("organize", "stems", "--for", "serato", "--output", "dj", "--serato-stems", "--json").stdout
    )
    assert str(place.relative_to("dj")) in again["there"]
    shutil.rmtree("dj")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    stem("organize", "stems", "--for", "serato", "--output", "dj", "--serato-stems", code=5)
    assert place.read_bytes() == b"mine"
    assert not list(Path("dj").rglob("*.wav"))
    stem("organize", "stems", "--for", "rekordbox", "--output", "dj2", "--serato-stems", code=2)
