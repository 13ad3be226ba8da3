"""Files and folders that may not be read or written: an error that names them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Stem
from processes import OUTPUT, assert_whole, unix_only, write_song

pytestmark = unix_only


@pytest.mark.parametrize(("bits", "output"), [(0o555, "closed"), (0o555, "closed/below"), (0o600, "closed/below")])
def test_an_output_folder_without_permission_is_an_output_error(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None], bits: int, output: str
) -> None:
    song = write_song()
    closed = Path("closed")
    closed.mkdir()
    mode(closed, bits)
    done = stem("separate", song, "--output", output, code=5, **obey)
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("stem: closed")
    assert last.endswith("writing is not allowed there. Choose another --output or change its permissions.")
    mode(closed, 0o755)
    assert list(closed.iterdir()) == []


def test_songs_that_must_not_be_read_are_input_errors(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    Path("hidden").mkdir()
    songs = [write_song(), write_song("hidden/song.wav")]
    mode(songs[0], 0o000)
    mode(Path("hidden"), 0o600)
    done = stem("separate", *songs, "--json", code=6, **obey)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["exit_code"] for result in results] == [3, 3]
    for song, result in zip(songs, results, strict=True):
        assert result["error"].startswith(f"{song}: it cannot be read (Permission denied). ")


def test_a_read_only_source_is_separated_and_stays_as_it_is(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    Path("in").mkdir()
    song = write_song("in/song.wav")
    mode(song, 0o444)
    mode(Path("in"), 0o555)
    before = (song.read_bytes(), song.stat().st_mtime_ns, song.stat().st_mode)
    made = stem("separate", song, **obey).stdout.splitlines()
    assert before == (song.read_bytes(), song.stat().st_mtime_ns, song.stat().st_mode)
    assert_whole(OUTPUT, 1)
    assert all(os.access(path, os.W_OK) and Path(path).stat().st_mode & 0o200 for path in made)


def test_stems_next_to_a_song_in_a_read_only_folder_are_an_output_error(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    Path("in").mkdir()
    song = write_song("in/song.wav")
    mode(Path("in"), 0o555)
    assert "writing is not allowed there" in stem("separate", song, "--output", "same", code=5, **obey).stderr
    assert [path.name for path in Path("in").iterdir()] == ["song.wav"]


@pytest.mark.parametrize("bits", [0o555, 0o000])
@pytest.mark.parametrize("folder", ["cache", "data"])
def test_a_folder_of_ours_without_permission_is_an_output_error(
    stem: Stem, tmp_path: Path, obey: dict[str, Any], mode: Callable[[Path, int], None], folder: str, bits: int
) -> None:
    song = write_song()
    mode(tmp_path / folder, bits)
    done = stem("separate", song, code=5, **obey)
    assert "Traceback" not in done.stderr
    assert str(tmp_path / folder) in done.stderr.splitlines()[-1]
    assert not OUTPUT.exists()


@pytest.mark.parametrize("bits", [0o000, 0o444, 0o555])
@pytest.mark.parametrize("folder", ["locks", "stems"])
def test_a_part_of_the_cache_without_permission_is_no_bug(
    stem: Stem, tmp_path: Path, obey: dict[str, Any], mode: Callable[[Path, int], None], folder: str, bits: int
) -> None:
    song = write_song()
    stem("separate", song)
    mode(tmp_path / "cache" / folder, bits)
    for command in (("separate", song, "--output", "again", "--time", "0-0.5"), ("cache", "clear")):
        done = stem(*command, code=None, **obey)
        assert done.returncode in (0, 5), done.stderr
        assert done.returncode == 0 or "change its permissions" in done.stderr


@pytest.mark.parametrize("command", [("engines",), ("separate", "song.wav"), ("engines", "list", "--stem", "vocals")])
@pytest.mark.parametrize("place", ["TORCH_HOME", "HF_HOME"])
def test_a_cache_of_other_programs_that_must_not_be_read_is_not_there(
    stem: Stem, tmp_path: Path, obey: dict[str, Any], mode: Callable[[Path, int], None],
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], place: str,
) -> None:  # fmt: skip
    write_song()
    (tmp_path / "theirs").mkdir()
    monkeypatch.setenv(place, str(tmp_path / "theirs"))
    mode(tmp_path / "theirs", 0o000)
    stem(*command, **obey)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [0o000, 0o444])
def test_a_folder_of_models_that_must_not_be_read_is_told(
    stem: Stem, tmp_path: Path, obey: dict[str, Any], mode: Callable[[Path, int], None], bits: int
) -> None:
    song, models = write_song(), tmp_path / "models"
    models.mkdir()
    for name in ("mine.th", "mine.yaml", "mine.toml", "my.pth"):
        (models / name).write_bytes(b"")
    mode(models, bits)
    stem("engines", "--models-dir", models, **obey)
    stem("separate", song, "--models-dir", models, **obey)
    for model in ("mine", "htdemucs", "UVR-MDX-NET-Voc_FT"):
        done = stem("separate", song, "--models-dir", models, "--model", model, "--force", code=4, **obey)
        assert "this folder of models cannot be read (Permission denied)" in done.stderr
    stem("engines", "list", "--stem", "vocals", "--models-dir", models, **obey)
    assert "Traceback" not in stem("engines", "remove", "mine", "--models-dir", models, code=None, **obey).stderr
