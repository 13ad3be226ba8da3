"""`stem organize` with songs that cannot be done: the others are, and each is told with its reason."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile
from conftest import Stem, music

from stem_cli.folder import find_folders
from stem_cli.organize import Arrangement, How, carry, demand, plan


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs, of which each has four stems in floating point."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def stems(stem: Stem, made: Path) -> Path:
    """Stems of two songs, 44.1 kHz, 16 bits, that a test may change."""
    if not (made / "stems").exists():
        for seed, name in enumerate(("one", "two")):
            soundfile.write(made / f"{name}.wav", music(1.5, 44100, seed=seed), 44100, subtype="PCM_16")
            stem("separate", made / f"{name}.wav", "--output", made / "stems", "--engine", "builtin", "--judge", "off")
    return Path(shutil.copytree(made / "stems", "stems"))


def of(stems: Path, name: str, kind: str) -> Path:
    (path,) = stems.glob(f"{name}_*/{kind}.wav")
    return path


def listed(home: Path) -> list[str]:
    return [
        str(one.get("Name")) for one in ElementTree.parse(home / "_DJ/rekordbox.xml").iter("TRACK") if one.get("Name")
    ]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("harm", [cut, Path.unlink, lambda path: path.write_bytes(b"")], ids=["cut", "gone", "empty"])
@pytest.mark.parametrize("programs", ["rekordbox,serato", "rekordbox,mixxx"])
def test_a_song_with_a_damaged_stem_is_told_and_the_others_are_done(
    stem: Stem, stems: Path, programs: str, harm: object
) -> None:
    drums = of(stems, "one", "drums")
    whole = drums.read_bytes()
    harm(drums)  # type: ignore[operator]
    done = stem("organize", stems, "--for", programs, "--output", "dj", code=6)
    assert f"{drums}: " in done.stderr
    assert "separate the song again with --force" in done.stderr
    assert "1 of 2 songs could not be organized in full. The others are done." in done.stderr
    assert not Path("dj/one").exists()
    assert len(list(Path("dj/two").glob("*.wav"))) == 4
    assert [name.split(" ")[0] for name in listed(Path("dj"))] == ["two"] * 4
    stem("check", "dj", "--drive", "/")
    drums.write_bytes(whole)
    stem("organize", stems, "--for", programs, "--output", "dj")
    assert len(list(Path("dj/one").glob("*.wav"))) == 4
    assert len(listed(Path("dj"))) == 8


@pytest.mark.parametrize("named", ["all", "each"])
def test_a_damaged_record_stops_no_other_song(stem: Stem, stems: Path, named: str) -> None:
    record = of(stems, "one", "bass").with_name("metadata.json")
    record.write_text("{" + record.read_text("utf-8"), "utf-8")
    paths = [stems] if named == "all" else sorted(stems.iterdir())
    done = stem("organize", *paths, "--for", "serato", "--output", "dj", code=6)
    assert f"{record}: its metadata is damaged" in done.stderr.replace(f"{Path.cwd()}/", "")
    assert "1 of 2 songs could not be organized in full" in done.stderr
    assert [path.name for path in sorted(Path("dj").iterdir())] == ["_DJ", "two"]
    stem("organize", record.parent, "--for", "serato", "--output", "dj", code=3)


def test_a_stem_that_is_not_asked_for_may_be_gone(stem: Stem, stems: Path) -> None:
    of(stems, "one", "drums").unlink()
    stem("organize", stems, "--for", "serato", "--output", "dj", "--stems", "vocals")
    assert len(list(Path("dj").rglob("*.wav"))) == 2


def test_of_one_song_its_own_error_is_told(stem: Stem, stems: Path) -> None:
    cut(of(stems, "one", "bass"))
    done = stem("organize", of(stems, "one", "bass").parent, "--for", "serato", "--output", "dj", code=3)
    assert "it ends after 0.0 s of 1.5 s" in done.stderr


def test_a_song_that_was_whole_keeps_its_files_when_it_fails_later(stem: Stem, stems: Path) -> None:
    stem("organize", stems, "--for", "rekordbox", "--output", "dj")
    cut(of(stems, "one", "bass"))
    found = stem("organize", stems, "--for", "rekordbox,mixxx", "--output", "dj", "--json", code=6)
    assert list(json.loads(found.stdout)["failed"]) == ["one"]
    assert len(listed(Path("dj"))) == 8
    assert len(list(Path("dj").rglob("*.wav"))) == 8
    assert [path.name for path in Path("dj").rglob("*.stem.mp4")] == ["two.stem.mp4"]


def long_stems(home: Path) -> None:
    """Four stems of more than seven hours; on the disk they take no room."""
    home.mkdir(parents=True)
    size = 8000 * 2 * 27_500
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)
    (home / "vocals.wav").write_bytes(head)
    os.truncate(home / "vocals.wav", 44 + size)
    for kind in ("drums", "bass", "other"):
        os.link(home / "vocals.wav", home / f"{kind}.wav")


def test_a_song_too_long_for_one_file_stops_no_other(stem: Stem, stems: Path) -> None:
    long_stems(Path("long/Mix"))
    asked = ("organize", "long", stems, "--for", "mixxx", "--output", "dj", "--link")
    told = stem(*asked, "--dry-run", code=6)
    assert "1 of 3 songs cannot be organized in full" in told.stderr
    assert not Path("dj").exists()
    done = stem(*asked, code=6)
    assert "dj/Mix/Mix.stem.mp4: a .stem.mp4 of this song would be larger than 4 GiB" in done.stderr
    assert sorted(path.name for path in Path("dj").rglob("*.stem.mp4")) == ["one.stem.mp4", "two.stem.mp4"]
    assert len(list(Path("dj/Mix").glob("*.wav"))) == 4
    stem(*asked, "--no-stem-files")


def test_a_dry_run_tells_what_is_there(stem: Stem, stems: Path) -> None:
    asked = ("organize", stems, "--for", "serato,mixxx", "--output", "dj")
    assert "2 songs: 16 files would be written, 0 are there" in stem(*asked, "--dry-run").stderr
    stem(*asked)
    assert "2 songs: 6 files would be written, 10 are there" in stem(*asked, "--dry-run").stderr
    one = of(stems, "one", "bass").parent
    assert "1 song: 6 files written, 5 were there" in stem("organize", one, *asked[2:]).stderr


def test_stems_that_no_song_has_are_told(stem: Stem, stems: Path) -> None:
    done = stem("organize", stems, "--for", "serato", "--output", "dj", "--stems", "guitar,piano", code=3)
    assert "none of these songs has the stems of --stems (guitar, piano). There are vocals, drums, bass, other." in (
        done.stderr
    )
    assert not Path("dj/_DJ/README.txt").exists()


def test_a_tempo_in_a_name_has_no_empty_decimals(stem: Stem, stems: Path) -> None:
    record = of(stems, "one", "bass").with_name("metadata.json")
    told = json.loads(record.read_text("utf-8"))
    for bpm, name in ((124.0, "124"), (124.5, "124.5"), (None, "")):
        told["tags"]["bpm"] = bpm
        record.write_text(json.dumps(told), "utf-8")
        asked = ("organize", record.parent, "--for", "serato", "--output", f"dj{bpm}")
        stem(*asked, "--naming", "{bpm} {stem}", "--stems", "bass")
        assert [path.name for path in Path(f"dj{bpm}").rglob("*.wav")] == [f"{name} Bass.wav".strip()]


def test_a_long_run_tells_how_far_it_is(stems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[carry.__module__], "_TELL_SECONDS", -1.0)
    folders = list(find_folders(stems))
    decided = plan(folders, Arrangement(demand(("serato",))), Path("dj"))
    told: list[str] = []
    carry(decided, Path("dj"), How(), tell=told.append)
    assert told == ["0 of 2 songs are done", "1 of 2 songs are done"]
