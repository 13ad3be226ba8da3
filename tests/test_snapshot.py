"""No command touches the songs it is given: names, sizes, times, modes and bytes stay, of folders too."""

from __future__ import annotations

import hashlib
import os
import sys
import unicodedata
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from mutagen.id3 import ID3, TIT2

from stem_cli.cli import COMMANDS

RATE = 22050
INPUT = Path("music")
SONGS = [f"music/{name}" for name in ("tagged.mp3", "tagged.flac", "deep/plain.ogg")]

LINES: dict[str, list[list[str]]] = {
    "separate": [
        ["separate", *SONGS],
        ["separate", *SONGS, "--force", "--format", "flac", "--mirror", "music"],
        ["separate", *SONGS, "--layout", "flat", "--two-stems", "vocals", "--format", "alac", "--link"],
        ["separate", "music/tagged.flac", "--dry-run", "--json"],
        ["separate", "music/cut.flac", "--damaged", "take"],
        ["separate", "music", "music/cut.flac", "music/notes.nfo", "music/nan.wav", "music/cover.jpg"],
    ],
    "split-vocals": [
        ["split-vocals", *SONGS],
        ["split-vocals", "music/tagged.flac", "--is-stem", "--keep", "--format", "flac"],
        ["split-vocals", "music", "music/cut.flac"],
    ],
    "split-drums": [["split-drums", "music/tagged.mp3"]],
    "analyze": [["analyze", *SONGS], ["analyze", "music/cut.flac"], ["analyze", "stems", "--reanalyze", "--json"]],
    "scan": [
        ["scan", "music"],
        ["scan", "music", "music/cut.flac", "--detect-vocals", "--json"],
        ["scan", "music/missing", "--library", "music"],
    ],
    "batch": [
        ["batch", "music", "--plan"],
        ["batch", "music", "--damaged", "error", "--format", "flac"],
        ["batch", "music", "--retry-failed", "--upgrade", "--two-stems", "vocals", "--limit", "2", "--json"],
        ["batch", "music", "--verify", "--quiet"],
    ],
    "queue": [
        ["queue", "list"],
        ["queue", "top", "music/tagged.mp3"],
        ["queue", "pause"],
        ["queue", "resume"],
        ["queue", "dismiss", "*"],
    ],
    "watch": [["watch", "music/missing"]],
    "judge": [["judge", "music"], ["judge", "stems", "--reference", "music"]],
    "demo": [["demo"]],
    "schedule": [["schedule", "install", "music", "--dry-run", "--kind", "cron"], ["schedule", "status"]],
    "organize": [
        ["organize", "stems", "--for", "serato,rekordbox,traktor", "--output", "dj"],
        ["organize", "music", "--for", "cdj", "--output", "dj"],
        ["organize", "music", "--for", "mixxx", "--output", "dj", "--path-map", "dj=E:/"],
    ],
    "check": [
        ["check", "music", "dj"],
        ["check", "music", "--fix", "whole"],
        ["check", "music/nan.wav", "--for", "cdj", "--fix", "mended"],
    ],
    "export-ableton": [
        ["export-ableton", "stems", "--bpm", "120", "--output", "live"],
        ["export-ableton", "stems", "--bpm", "120", "--output", "live", "--force", "--link", "--arrange", "stacked"],
        ["export-ableton", "music", "--bpm", "120", "--output", "live"],
    ],
    "verify": [["verify", "stems"], ["verify", "music"]],
    "artifacts": [["artifacts"]],
    "cache": [["cache", "list"], ["cache", "clear"]],
    "engines": [["engines"]],
    "config": [["config", "show"], ["config", "set", "format", "flac"], ["config", "path"]],
    "doctor": [["doctor", "elsewhere"]],
    "completion": [["completion", "bash"]],
}
"""For each command, lines a user may type beside songs, run in this order; some of them fail, which is no excuse."""


@pytest.fixture(autouse=True)
def songs() -> None:
    """A folder as a user has it: songs with tags and without, a damaged one, and what else lies about."""
    (INPUT / "deep").mkdir(parents=True)
    Path("elsewhere").mkdir()
    for seed, name in enumerate(SONGS):
        subtype = {".mp3": "MPEG_LAYER_III", ".ogg": "VORBIS"}.get(Path(name).suffix, "PCM_16")
        soundfile.write(name, music(1, RATE, seed=seed), RATE, subtype=subtype)
    tags = ID3()
    tags.add(TIT2(encoding=3, text=["Title"]))
    tags.save(INPUT / "tagged.mp3")
    tagged = mutagen.flac.FLAC(INPUT / "tagged.flac")
    tagged["title"], tagged["artist"] = "Title", "Artist"
    tagged.save()
    whole = (INPUT / "tagged.flac").read_bytes()
    (INPUT / "cut.flac").write_bytes(whole[: len(whole) * 3 // 4])
    soundfile.write(INPUT / "nan.wav", np.full((RATE, 1), np.nan), RATE, subtype="FLOAT")
    for name in ("notes.nfo", "cover.jpg", ".hidden", "tagged.flac.asd", "metadata.json", "deep/vocals.wav"):
        (INPUT / name).write_text(f"{name}, not ours", "utf-8")
    (INPUT / unicodedata.normalize("NFD", "é.cue")).touch()
    if sys.platform != "win32":
        (INPUT / "link.flac").symlink_to("tagged.flac")
        (INPUT / "nowhere.flac").symlink_to("missing.flac")
    (INPUT / "tagged.mp3").chmod(0o444)
    for path in (*INPUT.rglob("*"), INPUT):
        if not path.is_symlink():
            os.utime(path, (1_000_000_000, 1_000_000_000.25))


def snapshot() -> dict[str, tuple[object, ...]]:
    """Name, kind and mode, size, time and digest of everything in the input folder, the folder included."""
    return {str(path): _state(path) for path in (INPUT, *INPUT.rglob("*"))}


def _state(path: Path) -> tuple[object, ...]:
    stat = path.lstat()
    if path.is_symlink():
        return stat.st_mode, os.readlink(path)  # noqa: PTH115 - as it is written
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ino, digest


def test_every_command_is_watched() -> None:
    missing = set(COMMANDS) - set(LINES)
    assert not missing, f"add lines for {missing} to LINES above: no command may touch its input"


@pytest.mark.slow
def test_the_input_folder_is_as_it_was_after_every_command(stem: Stem) -> None:
    before = snapshot()
    for line in [line for lines in LINES.values() for line in lines]:
        done = stem(*line, code=None)
        assert snapshot() == before, f"{line}: {done.stdout}{done.stderr}"
        assert done.returncode not in (1, 2), f"{line}: {done.stderr}"
        assert "Traceback" not in done.stderr


def test_stems_next_to_a_song_add_one_folder_and_change_nothing_else(stem: Stem) -> None:
    before = snapshot()
    made = [Path(line) for line in stem("separate", "music/tagged.flac", "--output", "same").stdout.splitlines()]
    added = made[0].parent.relative_to(Path.cwd())
    after = {name: state for name, state in snapshot().items() if not Path(name).is_relative_to(added)}
    folder = str(INPUT)
    assert {**after, folder: before[folder]} == before  # the time of the folder itself changes


def test_a_look_at_the_input_folder_by_doctor_leaves_every_file(stem: Stem) -> None:
    before = snapshot()
    stem("doctor", INPUT, code=None)
    after = snapshot()
    assert {**after, str(INPUT): before[str(INPUT)]} == before
