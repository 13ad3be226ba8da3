"""Ten thousand damaged files for each mender: a copy that is no worse, or a clear error; never a traceback."""

from __future__ import annotations

import io
import random
from contextlib import suppress
from pathlib import Path, PurePosixPath

import soundfile
from conftest import music
from decks import FUZZED, damaged, faults, wav

from stem_cli.dj.check import rekordbox
from stem_cli.dj.ni_stem import write_stem
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, document
from stem_cli.dj.repair import repair_wav
from stem_cli.dj.repair.crate import repaired as fixed_crate
from stem_cli.dj.repair.m3u import repaired as fixed_m3u
from stem_cli.dj.repair.rekordbox import repair_rekordbox
from stem_cli.dj.repair.stem import repair_stem
from stem_cli.dj.serato_crate import crate as made_crate
from stem_cli.errors import InputError, StemError
from stem_cli.tags import Tags

LISTS = by_stem_and_crate([("Vocals", ("Gigs",))])


def test_crates_and_playlists() -> None:
    chance = random.Random(2)
    whole, listed = (
        made_crate(["C:\\Stems\\a.wav", "C:/b.wav"]),
        "#EXTM3U\n#EXTINF:1,ä\nb\\c.wav\nfile:///d%20.wav\n".encode(),
    )
    mended_crates = 0
    for _ in range(FUZZED):
        with suppress(ValueError):
            new = fixed_crate(damaged(whole, chance))
            mended_crates += 1
            assert fixed_crate(new) == new
        fixed_m3u(damaged(listed, chance)).decode()
    assert mended_crates > FUZZED // 20


def test_rekordbox_files(quick_folder: Path) -> None:
    chance, path, done = random.Random(3), quick_folder / "a.xml", 0
    short = b"".join(document([XmlTrack(PurePosixPath("/USB/a.wav"), Tags(key="8A"))], 1, LISTS))
    for _ in range(FUZZED):
        path.write_bytes(damaged(short, chance))
        out = io.BytesIO()
        with suppress(InputError):
            repair_rekordbox(path, out)
            done += 1
            found = {one.rule for one in rekordbox.judge(io.BytesIO(out.getvalue()))}
            assert not found & {"rb.xml", "rb.entries", "rb.slashes"}
    assert done > FUZZED // 100


def test_wavs(quick_folder: Path) -> None:
    chance, path, target = random.Random(4), quick_folder / "a.wav", quick_folder / "b.wav"
    soundfile.write(quick_folder / "whole.wav", music(0.001), 44100, subtype="FLOAT")
    whole, done = (quick_folder / "whole.wav").read_bytes(), 0
    for _ in range(FUZZED):
        path.write_bytes(damaged(whole[:90], chance) + whole[90:])
        with suppress(StemError):
            repair_wav(path, target)
            done += 1
            assert not faults(target, "serato") & {"wav.extensible", "wav.float", "wav.truncated", "wav.size"}
    assert done > 20


def test_stem_files(quick_folder: Path, tmp_path: Path) -> None:
    names = ("drums", "bass", "other", "vocals")
    path, target = quick_folder / "a.stem.mp4", quick_folder / "b.stem.mp4"
    write_stem(path, {name: wav(tmp_path / f"{name}.wav") for name in names}, Tags())
    whole, chance, done = path.read_bytes(), random.Random(5), 0
    start = whole.index(b"mdat")
    for _ in range(FUZZED):
        path.write_bytes(damaged(whole[:start], chance) + whole[start : start + 4000])
        with suppress(StemError):
            repair_stem(path, target)
            done += 1
    assert done >= 0
