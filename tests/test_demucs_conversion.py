"""Demucs models converted for OpenVINO: once, whole or not at all, and without a word to the network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Stem
from demucs_shelf import assert_whole, copied, refused, separated, site, write
from processes import COMMAND

pytest.importorskip("demucs", reason='pip install "stem-cli[demucs]"')
pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
pytestmark = [pytest.mark.usefixtures("own_caches", "one_thread"), pytest.mark.slow]
CONVERTING = "used for the first time"
SPY = """
import socket
from pathlib import Path

def spied(name):
    real = getattr(socket.socket, name)

    def call(self, address, *more):
        if self.family != getattr(socket, "AF_UNIX", None):
            with open({record!r}, "a") as file:
                print(name, address, file=file)
            raise OSError("this test allows no connection")
        return real(self, address, *more)

    setattr(socket.socket, name, call)

for name in ("connect", "connect_ex"):
    spied(name)

def looked_up(*what, **more):
    with open({record!r}, "a") as file:
        print("looked up", what, file=file)
    raise OSError("this test allows no connection")

socket.getaddrinfo = socket.gethostbyname = looked_up
"""


def test_a_first_run_converts_and_says_nothing_to_the_network(
    stem: Stem, models: Path, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO's makers would be told of each import and each conversion."""
    record = tmp_path / "calls.txt"
    site(tmp_path, monkeypatch, SPY.format(record=str(record)))
    spied = subprocess.run([sys.executable, "-c", "import socket; socket.getaddrinfo('stem.invalid', 80)"], check=False)
    assert spied.returncode == 1
    assert "stem.invalid" in record.read_text("utf-8")
    record.unlink()
    copied(shelf, models, "tiny")
    song = write()
    result = separated(stem, song, models)
    assert any(CONVERTING in warning for warning in result["warnings"]) or result["status"] == "made"
    assert_whole(song, result)
    assert not record.exists(), record.read_text("utf-8")
    next(models.glob("tiny-*.th")).unlink()
    assert separated(stem, song, models, "--output", "two")["status"] == "cached"
    assert separated(stem, song, models, "--output", "three", "--force")["status"] == "made"


def test_a_converted_model_is_not_converted_again_unless_forced(stem: Stem, ready: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ready / "converted").glob("*.*")}
    done = stem("engines", "convert", "tiny", "--models-dir", ready, "--json")
    files = json.loads(done.stdout)["files"]
    assert {Path(name).name: size for name, size in files.items()} == {
        path.name: path.stat().st_size for path in before if path.suffix in (".json", ".xml", ".bin")
    }
    assert {path: path.stat().st_mtime_ns for path in (ready / "converted").glob("*.*")} == before


def damage(models: Path) -> Path:
    """Change one byte in the middle of the network that OpenVINO runs."""
    (path,) = (models / "converted").glob("*.bin")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    return path


def test_a_damaged_conversion_is_made_anew_where_the_weights_are(stem: Stem, ready: Path, models: Path) -> None:
    shutil.copytree(ready, models, dirs_exist_ok=True)
    whole = next((ready / "converted").glob("*.bin")).read_bytes()
    damaged = damage(models)
    song = write()
    assert_whole(song, separated(stem, song, models))
    assert damaged.read_bytes() == whole


def test_a_damaged_conversion_without_the_weights_says_what_to_delete(stem: Stem, ready: Path, models: Path) -> None:
    shutil.copytree(ready / "converted", models / "converted")
    damaged = damage(models)
    last = refused(stem, write(), models, "--model", "tiny")
    assert "this converted model is damaged" in last
    assert str(damaged) in last
    assert "Delete it" in last


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": 99}', b"\xff\xfe"])
def test_a_conversion_whose_description_is_damaged_does_not_exist(
    stem: Stem, ready: Path, models: Path, damage: bytes
) -> None:
    shutil.copytree(ready / "converted", models / "converted")
    (models / "converted" / "tiny.json").write_bytes(damage)
    assert "there is no model 'tiny'" in refused(stem, write(), models, "--model", "tiny")


def test_what_openvino_compiled_may_be_damaged(stem: Stem, ready: Path, models: Path) -> None:
    shutil.copytree(ready, models, dirs_exist_ok=True)
    song = write()
    separated(stem, song, models)
    blobs = [path for path in (models / "converted" / "compiled").iterdir() if path.is_file()]
    assert blobs
    for blob in blobs:
        blob.chmod(0o644)
        blob.write_bytes(os.urandom(5000))
    assert_whole(song, separated(stem, song, models, "--output", "two", "--force"))


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_a_converted_model_in_a_folder_that_must_not_be_written_is_used(
    stem: Stem, ready: Path, models: Path, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    shutil.copytree(ready, models, dirs_exist_ok=True)
    shutil.rmtree(models / "converted" / "compiled", ignore_errors=True)
    mode(models / "converted", 0o555)
    mode(models, 0o555)
    song = write()
    result = separated(stem, song, models, **obey)
    assert_whole(song, result)
    assert result["warnings"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_weights_in_a_folder_that_must_not_be_written_run_on_torch(
    stem: Stem, shelf: Path, models: Path, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    copied(shelf, models, "tiny")
    mode(models, 0o555)
    song = write()
    done = stem("separate", song, "--models-dir", models, "--model", "tiny", "--json", **obey)
    assert "torch runs it" in done.stderr
    assert "may not be written to" in done.stderr
    assert_whole(song, json.loads(done.stdout))
    assert [path.suffix for path in models.iterdir()] == [".th"]


@pytest.mark.slow
def test_a_full_disk_while_it_converts_leaves_nothing_and_torch_runs_it(
    stem: Stem, shelf: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = copied(shelf, small_disk(1), "tiny")
    done = stem("separate", write(), "--models-dir", disk, "--model", "tiny", "--json")
    assert "a converted model cannot be written" in done.stderr
    assert "torch runs it" in done.stderr
    assert_whole(Path("song.wav"), json.loads(done.stdout))
    assert [path.name for path in (disk / "converted").rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.slow
def test_two_processes_convert_the_same_model_at_once(stem: Stem, shelf: Path, models: Path) -> None:
    copied(shelf, models, "tiny")
    songs = [write("one.wav"), write("two.wav", seconds=2)]
    command = [*COMMAND, "separate", "--models-dir", models, "--model", "tiny", "--json"]
    running = [subprocess.Popen([*map(str, command), str(song)], stdout=-1, stderr=-1, text=True) for song in songs]
    for process, song in zip(running, songs, strict=True):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert "torch runs it" not in err
        assert_whole(song, json.loads(out))
    stem("engines", "convert", "tiny", "--models-dir", models)
    assert not list((models / "converted").glob(".*partial*"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("share", [0.5, 0.75, 0.85, 0.95])
def test_killed_while_it_converts_nothing_looks_whole_and_the_next_run_makes_it(
    stem: Stem, shelf: Path, models: Path, share: float
) -> None:
    copied(shelf, models, "tiny")
    began = time.monotonic()
    stem("engines", "convert", "tiny", "--models-dir", models)
    duration = time.monotonic() - began
    shutil.rmtree(models / "converted")
    command = [*COMMAND, "engines", "convert", "tiny", "--models-dir", str(models)]
    process = subprocess.Popen(command, start_new_session=True, stdout=-1, stderr=-1)
    time.sleep(duration * share)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    song = write()
    whole = (models / "converted" / "tiny.json").exists()
    assert_whole(song, separated(stem, song, models))
    assert whole or (models / "converted" / "tiny.json").exists()
    assert not list((models / "converted").glob(".*partial*"))


@pytest.mark.parametrize("model", ["hybrid", "kazoo", "nothing", "htdemucs"])
def test_what_cannot_be_converted_says_why(stem: Stem, shelf: Path, model: str) -> None:
    done = stem("engines", "convert", model, "--models-dir", shelf, code=4)
    why = {
        "hybrid": "only HTDemucs can",
        "kazoo": "stems that we do not know: kazoo",
        "nothing": "there is no Demucs model",
        "htdemucs": "stem engines download htdemucs",
    }
    assert why[model] in done.stderr
    assert "Traceback" not in done.stderr
    assert not (shelf / "converted" / f"{model}.json").exists()
