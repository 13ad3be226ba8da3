"""`stem organize` onto disks that are too small, full, read-only, or formatted as FAT; killed, and two at once."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from conftest import Stem, music
from obstacles import Filler
from processes import ended, started, unix_only

pytestmark = unix_only
ASKED = ("--for", "serato,rekordbox,mixxx")


FRAMES = 66150


@pytest.fixture(scope="module")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stems of two songs whose names differ in case only: four WAVs of 265 KB each."""
    home = tmp_path_factory.mktemp("separated")
    own = {"STEM_DATA_DIR": str(home / "data"), "STEM_CACHE_DIR": str(home / "cache"), "STEM_CONFIG": str(home / "x")}
    for seed, name in enumerate(("Song", "SONG")):
        song = home / str(seed) / f"{name}.wav"
        song.parent.mkdir()
        soundfile.write(song, music(FRAMES / 44100, 44100, seed=seed), 44100, subtype="PCM_16")
        asked = ("separate", song, "--output", home / "stems", "--engine", "builtin", "--judge", "off")
        ended(started(*asked, env={**os.environ, **own}))
    return home / "stems"


@pytest.fixture
def stems(separated: Path) -> Path:
    """A copy of them that a test may change."""
    return Path(shutil.copytree(separated, "stems"))


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and path.name != "filler"}


def sums(home: Path) -> dict[str, str]:
    """What lies there, by content; not our record of it, which holds times."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file() and path.name not in ("filler", "stem-cli.json")
    }


def assert_complete(home: Path) -> None:
    assert not [path for path in files(home) if Path(path).name.startswith(".")]
    wavs = sorted(home.rglob("*.wav"))
    assert len(wavs) == 8
    assert {soundfile.info(path).frames for path in wavs} == {FRAMES}
    assert len(list(home.rglob("*.stem.mp4"))) == 2
    assert len((home / "_DJ/Stems.m3u8").read_text("utf-8").splitlines()) == 17


def one_error(stderr: str) -> str:
    """The one line that a user is told."""
    assert "Traceback" not in stderr
    (line,) = stderr.splitlines()
    return line


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_stick_gets_everything_and_the_next_run_nothing_new(
    stem: Stem, stems: Path, kind: str, stick: Callable[[str], Path]
) -> None:
    home = stick(kind) / "Stems"
    stem("organize", stems, *ASKED, "--output", home)
    assert_complete(home)
    assert len({path.lower() for path in files(home)}) == len(files(home))
    again = json.loads(stem("organize", stems, *ASKED, "--output", home, "--json").stdout)
    assert len(again["there"]) == 10
    assert_complete(home)


def test_a_title_of_another_case_is_the_same_file_on_a_stick(
    stem: Stem, stems: Path, stick: Callable[[str], Path]
) -> None:
    home = stick("exfat") / "Stems"
    (one, *_) = sorted(stems.glob("*/metadata.json"))
    stem("organize", one.parent, *ASKED, "--output", home)
    record = json.loads(one.read_text("utf-8"))
    record["tags"]["title"] = "sonG"
    one.write_text(json.dumps(record), "utf-8")
    stem("organize", one.parent, *ASKED, "--output", home)
    assert len(list(home.rglob("*.wav"))) == 4
    assert len((home / "_DJ/Stems.m3u8").read_text("utf-8").splitlines()) == 9
    again = json.loads(stem("organize", one.parent, *ASKED, "--output", home, "--json").stdout)
    assert len(again["there"]) == 5


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_where_there_are_no_links_files_are_copied(
    stem: Stem, stems: Path, kind: str, stick: Callable[[str], Path]
) -> None:
    home = stick(kind) / "Stems"
    done = stem("organize", stems, *ASKED, "--output", home, "--link")
    assert "files are copied: there are no hard links" in done.stderr
    assert_complete(home)


def test_a_file_that_fat_does_not_hold_is_told_and_the_others_are_written(
    stem: Stem, stems: Path, stick: Callable[[str], Path]
) -> None:
    disk = stick("vfat")
    with next(stems.glob("*/vocals.wav")).open("r+b") as file:
        file.truncate(5 * 10**9)
    done = stem("organize", stems, "--for", "rekordbox", "--output", disk / "Stems", code=6)
    assert "5.0 GB" in done.stderr
    assert "files up to 4 GiB" in done.stderr
    assert "1 of 2 songs could not be organized in full" in done.stderr
    assert len(list(disk.rglob("*.wav"))) == 7


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def test_a_read_only_stick_is_one_clear_error(stem: Stem, stems: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(40)
    read_only(disk)
    done = stem("organize", stems, *ASKED, "--output", disk / "Stems", code=5)
    assert "writing is not allowed there" in one_error(done.stderr)
    assert str(disk / "Stems") in done.stderr
    assert done.stdout == ""
    assert list(disk.iterdir()) == []
    assert "Song" in stem("organize", stems, *ASKED, "--output", disk / "Stems", "--dry-run").stdout


def test_a_stick_that_became_read_only_keeps_what_it_has(
    stem: Stem, stems: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(40)
    (one, *_) = sorted(stems.iterdir())
    stem("organize", one, *ASKED, "--output", disk / "Stems")
    before = sums(disk)
    read_only(disk)
    done = stem("organize", stems, *ASKED, "--output", disk / "Stems", code=5)
    assert "writing is not allowed there" in one_error(done.stderr)
    assert sums(disk) == before


def test_a_disk_that_is_too_small_is_refused_with_how_much_is_missing(
    stem: Stem, stems: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1)
    for more in ((), ("--dry-run",)):
        done = stem("organize", stems, *ASKED, "--output", disk / "Stems", *more, code=5)
        assert "2 songs need about" in one_error(done.stderr)
        assert "are missing" in done.stderr
        assert list(disk.iterdir()) == []


def test_what_is_there_needs_no_room_again(stem: Stem, stems: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(3)
    stem("organize", stems, "--for", "rekordbox", "--output", disk / "Stems")
    assert len(list((disk / "Stems").rglob("*.wav"))) == 8
    stem("organize", stems, "--for", "rekordbox", "--output", disk / "Stems")


def test_a_disk_that_fills_up_leaves_nothing_half_written_and_the_next_run_completes(
    stem: Stem, stems: Path, small_disk: Callable[[int], Path]
) -> None:
    home = small_disk(40) / "Stems"
    stem("organize", stems, *ASKED, "--output", "whole")
    with Filler(home.parent, "**/*.wav"):
        done = stem("organize", stems, *ASKED, "--output", home, code=5)
        assert "the disk is full" in one_error(done.stderr)
        assert not [path for path in files(home) if Path(path).name.startswith(".")]
        expected = sums(Path("whole"))
        assert {path: digest for path, digest in sums(home).items() if expected[path] != digest} == {}
    stem("organize", stems, *ASKED, "--output", home)
    assert_complete(home)


@pytest.mark.slow
def test_killed_at_any_moment_the_next_run_completes(stem: Stem, stems: Path) -> None:
    stem("organize", stems, *ASKED, "--output", "whole")
    chance = random.Random(1)
    for _ in range(6):
        with started("organize", stems, *ASKED, "--output", "dj") as process:
            time.sleep(chance.uniform(0.3, 1.5))
            process.kill()
        for path in Path("dj").rglob("*.wav"):
            if not path.name.startswith("."):
                assert soundfile.info(path).frames == FRAMES
    stem("organize", stems, *ASKED, "--output", "dj")
    assert_complete(Path("dj"))
    stemlike = {path for path in files(Path("whole")) if not path.startswith("_DJ")}
    assert {path for path in files(Path("dj")) if not path.startswith("_DJ")} == stemlike


def test_what_a_killed_run_was_writing_is_removed(stem: Stem, stems: Path) -> None:
    stem("organize", stems, *ASKED, "--output", "dj")
    (song, *_) = Path("dj").glob("*/*.stem.mp4")
    for name in (f".{song.stem.removesuffix('.stem')} (Bass).wav.partial", f".{song.name}.sound"):
        (song.parent / name).write_bytes(b"half")
    (song.parent / ".mine.partial").write_bytes(b"mine")
    stem("organize", stems, *ASKED, "--output", "dj")
    assert [path for path in files(Path("dj")) if "/." in path] == [f"{song.parent.name}/.mine.partial"]


def test_two_at_once_write_everything_once(stems: Path) -> None:
    both = [started("organize", stems, *ASKED, "--output", "dj", "--json") for _ in range(2)]
    told = [json.loads(ended(process)) for process in both]
    assert_complete(Path("dj"))
    assert sorted(len(one["there"]) for one in told) == [0, 10]
