"""Demucs as a user runs it: `stem separate` and `stem engines` on real files, with tiny networks of random weights."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import soundfile
import test_faults
from click.testing import CliRunner
from conftest import Stem, music
from workshop import floats, integers, rounded, total

from stem_cli import stems, verify
from stem_cli.cli import program
from stem_cli.folder import find_folders

pytest.importorskip("demucs", reason='pip install "stem-cli[demucs]"')
pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')

small_disk, obey, mode = test_faults.small_disk, test_faults.obey, test_faults.mode
INSTALL = 'pip install "stem-cli[demucs,fast]"'
CONVERTING = "used for the first time"
Without = Callable[..., None]


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model of the machine's own caches is found by chance."""
    for name in ("TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "caches" / name))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights, segments of a second. Tests only read it."""
    from against_demucs import write_bag, write_model

    folder = tmp_path_factory.mktemp("shelf")
    write_model(folder, "tiny", segment=1.0)
    write_model(folder, "hybrid", "hdemucs", segment=2.0)
    write_model(folder, "waves", "demucs", segment=2.0)
    write_model(folder, "other_length", seed=1, segment=1.3)
    write_bag(folder, "two", ["tiny", "other_length"], [[1, 0, 1, 0.5], [0, 1, 1, 0.5]])
    save(folder, "six", sources=[*stems.SIX])
    save(folder, "duo", sources=["vocals", "drums"])
    save(folder, "kazoo", sources=["kazoo", "other"])
    save(folder, "slow", samplerate=22050)
    return folder


@pytest.fixture(scope="session")
def ready(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model `tiny`, converted for OpenVINO. Tests only read it."""
    folder = tmp_path_factory.mktemp("ready")
    copied(shelf, folder, "tiny")
    convert = [sys.executable, "-m", "stem_cli.cli", "engines", "convert", "tiny", "--models-dir", folder]
    subprocess.run(convert, check=True, capture_output=True)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The test's own folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Without:
    """Take packages away from the processes that the test starts."""

    def take(*names: str) -> None:
        site(tmp_path, monkeypatch, TAKE_AWAY.format(names=names))

    return take


TAKE_AWAY = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {names!r} else super().find_spec(name, path, target)

sys.meta_path[:] = [Finder if one is PathFinder else one for one in sys.meta_path]
"""
LIST_MODULES = """
import atexit, sys

@atexit.register
def tell():
    with open({path!r}, "a") as file:
        print(*sys.modules, sep="\\n", file=file)
"""


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """The packages that the processes of the test have imported."""
    record = tmp_path / "modules.txt"
    site(tmp_path, monkeypatch, LIST_MODULES.format(path=str(record)))
    return lambda: {name.partition(".")[0] for name in record.read_text("utf-8").splitlines()}


def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Code that every Python process of this test runs first."""
    (tmp_path / "site").mkdir(exist_ok=True)
    (tmp_path / "site" / "sitecustomize.py").write_text(code, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


def save(folder: Path, signature: str, kind: str = "htdemucs", segment: float = 1.0, **settings: Any) -> Path:
    """Write a tiny model with other settings than `write_model` gives it."""
    import torch
    from against_demucs import KINDS, RATE, SOURCES
    from demucs.states import get_state

    make, sizes = KINDS[kind]
    exact = Fraction(segment).limit_denominator(100)
    options = {"sources": SOURCES, "samplerate": RATE, "segment": exact, **sizes, **settings}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = get_state(make(**options), None, half=True)
    path = folder / f"{signature}.th"
    torch.save({"klass": make, "args": (), "kwargs": options, "state": state, "training_args": {}}, path)
    return path


def copied(shelf: Path, folder: Path, *names: str) -> Path:
    """Only these models of the shelf."""
    for path in shelf.iterdir():
        if path.is_file() and path.stem.partition("-")[0] in names:
            shutil.copy(path, folder)
    return folder


def write(name: str = "song.wav", seconds: float = 1.7, rate: int = 44100, channels: int = 2) -> Path:
    subtype = None if name.endswith(".mp3") else "PCM_16"
    soundfile.write(name, music(seconds, rate, channels), rate, subtype=subtype)
    return Path(name)


def separated(stem: Stem, song: Path, models: Path, *options: object, model: str = "tiny", **how: Any) -> Any:
    """What `stem separate --json` says."""
    done = stem("separate", song, "--models-dir", models, "--model", model, "--json", *options, **how)
    return json.loads(done.stdout)


def planned(stem: Stem, song: Path, models: Path, *options: object, **how: Any) -> Any:
    """What a dry run says that would be done elsewhere."""
    return separated(stem, song, models, "--output", "elsewhere", "--dry-run", *options, **how)


def refused(stem: Stem, song: Path, models: Path, *options: object, code: int = 4, **how: Any) -> str:
    """The last line on stderr of a separation that must fail, in our own words."""
    done = stem("separate", song, "--models-dir", models, *options, code=code, **how)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "a bug of ours" not in done.stderr
    return done.stderr.splitlines()[-1]


def separated_here(song: Path, models: Path, *options: object, model: str) -> Any:
    """The same by torch in this process, which has imported it: without OpenVINO nothing else would be different."""
    command = ["separate", song, "--models-dir", models, "--model", model, "--json", *options]
    with mock.patch.dict(sys.modules, {"openvino": None}):
        done = CliRunner().invoke(program, [str(one) for one in command])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def sound_of(result: Any) -> dict[str, np.ndarray]:
    return {name: soundfile.read(path)[0] for name, path in result["stems"].items()}


def assert_whole(song: Path, result: Any) -> None:
    """Every stem is as long as the song, their sum is the song, and the record says so."""
    paths = {name: Path(path) for name, path in result["stems"].items()}
    depth = result["record"]["depth"]
    whole = rounded(floats(song), depth) if song.suffix == ".mp3" else integers(song, depth)
    assert {integers(path, depth).shape for path in paths.values()} == {whole.shape}
    assert np.abs(total(paths, depth) - whole).max() <= (64 if song.suffix == ".mp3" else 0)  # two decoders; of 24 bits
    assert verify.verify(find_folders(Path(result["folder"]))).findings == ()


# stems


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("song.wav", 44100, 2), ("song.wav", 44100, 1), ("song.wav", 48000, 2), ("song.flac", 48000, 1),
     ("song.mp3", 44100, 2)],
)  # fmt: skip
def test_four_stems_that_add_up_to_the_song(stem: Stem, ready: Path, name: str, rate: int, channels: int) -> None:
    song = write(name, rate=rate, channels=channels)
    result = separated(stem, song, ready)
    assert tuple(result["stems"]) == stems.FOUR
    assert_whole(song, result)


@pytest.mark.parametrize("seconds", [0.001, 0.1])
def test_very_short_songs(stem: Stem, ready: Path, seconds: float) -> None:
    song = write(seconds=seconds)
    assert_whole(song, separated(stem, song, ready))


def test_the_record_says_by_what_the_stems_were_made(stem: Stem, ready: Path) -> None:
    from stem_cli.engines.demucs import bag

    made = separated(stem, write(), ready, "--overlap", 0.2, "--precision", "f32")["record"]["made"]
    assert (made["engine"], made["model"], made["device"]) == ("demucs", "tiny", "cpu")
    assert made["weights"] == bag.locate("tiny", ready, Path("digests.json")).digest
    assert made["settings"]["precision"] == "f32"
    assert made["settings"]["overlap"] == "0.2"
    assert made["settings"]["shifts"] == "0"


def test_what_changes_the_sound_is_separated_anew_and_all_else_is_not(stem: Stem, ready: Path) -> None:
    song = write()
    first = separated(stem, song, ready, "--precision", "f32")
    assert first["status"] == "made"
    assert separated(stem, song, ready, "--precision", "f32")["status"] == "there"
    cached = separated(stem, song, ready, "--precision", "f32", "--output", "two")
    assert cached["status"] == "cached"
    assert all(np.array_equal(sound, sound_of(cached)[name]) for name, sound in sound_of(first).items())
    ids = {first["engine"]}
    for changes in (
        ["--overlap", 0.3],
        ["--shifts", 1],
        ["--shifts", 2],
        ["--shifts", 1, "--seed", 5],
        ["--segment", 0.5],
        ["--precision", "bf16"],
        ["--effort", "best"],
    ):
        plan = planned(stem, song, ready, "--precision", "f32", *changes)
        assert plan["why"] == "would be separated", changes
        assert plan["engine"] not in ids, changes
        ids.add(plan["engine"])
    assert planned(stem, song, ready, "--precision", "f32", "--seed", 5)["why"] == "would be taken from the cache"


def test_other_weights_of_the_same_name_are_another_model(stem: Stem, models: Path, shelf: Path) -> None:
    from against_demucs import write_model

    song = write()
    copied(shelf, models, "tiny")
    before = planned(stem, song, models)["engine"]
    next(models.glob("tiny-*")).unlink()
    write_model(models, "tiny", seed=1, segment=1.0)
    assert planned(stem, song, models)["engine"] != before


@pytest.mark.slow
def test_shifts_are_drawn_from_the_seed(stem: Stem, ready: Path) -> None:
    song = write()
    one, two, three = (
        sound_of(separated(stem, song, ready, "--shifts", 2, "--seed", seed, "--output", name, "--cache-limit-gb", 0))
        for name, seed in (("one", 1), ("two", 1), ("three", 2))
    )
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], three[name]) for name in one)


def test_a_shorter_segment_works(stem: Stem, ready: Path) -> None:
    song = write()
    assert_whole(song, separated(stem, song, ready, "--segment", 0.4))


# models


def test_a_model_that_is_not_there_says_how_to_get_it(stem: Stem, models: Path) -> None:
    last = refused(stem, write(), models, "--model", "htdemucs")
    assert "Type `stem engines download htdemucs`." in last
    last = refused(stem, Path("song.wav"), models, "--engine", "demucs")
    assert "Type `stem engines download htdemucs`." in last


def test_the_best_that_is_there_is_chosen(stem: Stem, models: Path) -> None:
    """The embedded engine without weights, Demucs with them."""
    from against_demucs import write_model

    song = write()
    choose = ("separate", song, "--models-dir", models, "--dry-run", "--json")
    assert json.loads(stem(*choose).stdout)["engine"].startswith("builtin/")
    write_model(models, "955717e8", segment=1.0)  # htdemucs, by its signature
    assert json.loads(stem(*choose).stdout)["engine"].startswith("demucs/htdemucs/")


def test_an_engine_and_a_model_of_another_contradict_one_another(stem: Stem, models: Path) -> None:
    last = refused(stem, write(), models, "--engine", "builtin", "--model", "htdemucs")
    assert "builtin has no model 'htdemucs'" in last


def test_an_unknown_model_names_those_there_are(stem: Stem, ready: Path) -> None:
    last = refused(stem, write(), ready, "--model", "nothing")
    assert "there is no Demucs model 'nothing'" in last
    assert {"htdemucs", "mdx_extra", "tiny"} <= set(re.findall(r"\w+", last))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_says_what_to_do(stem: Stem, ready: Path, device: str) -> None:
    from stem_cli.engines.runtime import hardware

    if hardware().device == device:
        pytest.skip("only on machines without one")
    last = refused(stem, write(), ready, "--model", "tiny", "--device", device)
    assert f"there is no {device} device" in last
    assert "--device" in last or "docs/engines.md" in last


def test_a_segment_longer_than_the_model_takes_is_a_mistake(stem: Stem, ready: Path) -> None:
    last = refused(stem, write(), ready, "--model", "tiny", "--segment", 60, code=2)
    assert last == "stem: this model takes segments of 1 s at the most. Choose --segment 1 or less."


@pytest.mark.parametrize("model", ["hybrid", "waves"])
def test_networks_without_a_core_run_on_torch_and_say_nothing_of_converting(
    stem: Stem, shelf: Path, model: str
) -> None:
    song = write(seconds=2.5)
    done = stem("separate", song, "--models-dir", shelf, "--model", model, "--json")
    assert "convert" not in done.stderr
    result = json.loads(done.stdout)
    assert_whole(song, result)
    assert result["warnings"] == []
    assert result["record"]["made"]["settings"]["precision"] == "f32"


def test_a_model_with_six_stems(shelf: Path) -> None:
    song = write(seconds=1.2)
    result = separated_here(song, shelf, model="six")
    assert tuple(result["stems"]) == stems.SIX
    assert_whole(song, result)
    only = separated_here(song, shelf, "--stems", "guitar", "--output", "only", model="six")
    assert list(only["stems"]) == ["guitar"]


@pytest.mark.slow
def test_a_bag_of_networks_of_different_lengths(stem: Stem, models: Path, shelf: Path) -> None:
    """By OpenVINO what it is by torch."""
    copied(shelf, models, "two", "tiny", "other_length")
    song = write(seconds=3)
    result = separated(stem, song, models, "--precision", "f32", model="two")
    assert_whole(song, result)
    assert len(list((models / "converted").glob("*.bin"))) == 2
    again = separated_here(song, models, "--precision", "f32", "--output", "two", "--force", model="two")
    for name, sound in sound_of(result).items():
        assert np.abs(sound - sound_of(again)[name]).max() <= 2 / 32768


def test_a_model_of_another_rate_is_given_songs_at_its_own(shelf: Path) -> None:
    song = write(seconds=1.2)
    assert_whole(song, separated_here(song, shelf, model="slow"))


def test_a_model_that_makes_only_two_stems(shelf: Path) -> None:
    result = separated_here(write(seconds=1.2), shelf, model="duo")
    assert set(result["stems"]) == {"vocals", "drums"}
    assert verify.verify(find_folders(Path(result["folder"]))).findings == ()


def test_a_model_with_stems_that_we_do_not_know_is_refused(stem: Stem, shelf: Path) -> None:
    last = refused(stem, write(), shelf, "--model", "kazoo")
    assert "this model makes stems that we do not know: kazoo" in last
    assert "kazoo.th" in last


def test_a_users_own_file_by_the_name_of_one_of_the_table_makes_what_it_makes(models: Path) -> None:
    save(models, "955717e8", sources=["vocals", "drums", "bass", "guitar", "other"])
    song = write(seconds=1.2)
    result = separated_here(song, models, model="htdemucs")
    assert "guitar" in result["stems"]
    assert_whole(song, result)


def test_safetensors_need_no_pickle(models: Path, shelf: Path) -> None:
    import make_random_demucs as script
    import torch

    content = torch.load(next(shelf.glob("tiny-*.th")), weights_only=False)
    script.save_safetensors(content, "tiny", models)
    song = write(seconds=1.2)
    assert_whole(song, separated_here(song, models, model="tiny"))


# what is installed


def test_torch_runs_it_where_openvino_is_absent(stem: Stem, ready: Path, without: Without) -> None:
    song = write()
    one = separated(stem, song, ready, "--precision", "f32")
    without("openvino")
    two = separated(stem, song, ready, "--precision", "f32", "--output", "two", "--force")
    assert two["status"] == "made"
    assert two["warnings"] == []
    for name, sound in sound_of(one).items():
        assert np.abs(sound - sound_of(two)[name]).max() <= 2 / 32768


def test_a_converted_model_needs_neither_torch_nor_the_weights(
    stem: Stem, ready: Path, models: Path, without: Without
) -> None:
    shutil.copytree(ready / "converted", models / "converted")
    without("torch", "demucs", "safetensors", "yaml")
    song = write()
    assert_whole(song, separated(stem, song, models))


def test_a_second_run_does_not_import_torch(stem: Stem, ready: Path, imported: Callable[[], set[str]]) -> None:
    """Torch is installed here, and its import would take the most of the time of a short song."""
    assert separated(stem, write(), ready)["status"] == "made"
    assert "openvino" in imported()
    assert not imported() & {"torch", "demucs"}


def test_without_either_the_engine_says_what_to_type(stem: Stem, ready: Path, without: Without) -> None:
    without("torch", "openvino")
    last = refused(stem, write(), ready, "--model", "tiny")
    assert "demucs is not ready" in last
    assert INSTALL in last
    assert INSTALL in stem("engines").stdout
    auto = stem("separate", Path("song.wav"), "--models-dir", ready, "--json", "--dry-run")
    assert json.loads(auto.stdout)["engine"].startswith("builtin/")


def test_the_demo_imports_no_network(stem: Stem, imported: Callable[[], set[str]]) -> None:
    stem("demo", "--quiet")
    assert "numpy" in imported()
    assert not imported() & {"torch", "demucs", "openvino", "onnxruntime"}


# the list of engines


def test_the_list_of_engines_says_what_is_ready(
    stem: Stem, models: Path, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from against_demucs import write_model

    monkeypatch.setenv("STEM_MODELS_DIR", str(models))
    rows = {row["name"]: row for row in json.loads(stem("engines", "--json").stdout)}
    assert not rows["demucs"]["ready"]
    assert "stem engines download htdemucs" in rows["demucs"]["remedy"]
    write_model(models, "955717e8", segment=1.0)
    rows = {row["name"]: row for row in json.loads(stem("engines", "--json").stdout)}
    assert rows["builtin"]["ready"]
    assert rows["demucs"]["ready"]
    known = {model["name"]: model for model in rows["demucs"]["models"]}
    assert known["htdemucs"]["ready"]
    assert not known["hdemucs_mmi"]["ready"]
    assert known["htdemucs"]["bytes"] == 84_141_911
    assert known["htdemucs"]["licence"].startswith("research only")
    assert known["htdemucs_6s"]["stems"] == list(stems.SIX)
    text = stem("engines").stdout
    assert re.search(r"^demucs +ready$", text, re.MULTILINE)
    assert re.search(r"^  hdemucs_mmi +to fetch, 167 MB", text, re.MULTILINE)


# conversion


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
    assert "there is no Demucs model 'tiny'" in refused(stem, write(), models, "--model", "tiny")


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
    command = [*test_faults.COMMAND, "separate", "--models-dir", models, "--model", "tiny", "--json"]
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
    command = [*test_faults.COMMAND, "engines", "convert", "tiny", "--models-dir", str(models)]
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


# bad input


def test_a_half_downloaded_file_says_what_to_delete(stem: Stem, shelf: Path, models: Path) -> None:
    copied(shelf, models, "tiny")
    (path,) = models.glob("tiny-*.th")
    path.write_bytes(path.read_bytes()[:100_000])
    last = refused(stem, write(), models, "--model", "tiny")
    assert "its checksum is wrong" in last
    assert f"({path})" in last
    assert "Delete this file" in last


def test_a_half_downloaded_file_of_the_table_names_the_command(stem: Stem, models: Path) -> None:
    (models / "955717e8-8726e21a.th").write_bytes(b"PK\3\4" + bytes(1000))
    last = refused(stem, write(), models, "--model", "htdemucs")
    assert "955717e8-8726e21a.th" in last
    assert "84,141,911" in last
    assert "Delete this file and type `stem engines download htdemucs`." in last


def test_without_a_name_a_broken_model_is_passed_over_and_said(stem: Stem, models: Path) -> None:
    (models / "955717e8-8726e21a.th").write_bytes(b"PK\3\4" + bytes(1000))
    done = stem("separate", write(seconds=1), "--models-dir", models, "--json")
    result = json.loads(done.stdout)
    assert result["engine"].startswith("builtin/")
    assert any("demucs was not asked" in warning and "Delete this file" in warning for warning in result["warnings"])
    assert "demucs was not asked" in done.stderr


class Payload:
    """What a malicious file does when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.mark}",))


@pytest.mark.parametrize("form", ["zip", "bare"])
def test_a_malicious_file_is_refused_and_nothing_is_run(stem: Stem, models: Path, tmp_path: Path, form: str) -> None:
    import torch

    mark = tmp_path / "it ran"
    content = {"klass": Payload(Path(f"'{mark}'")), "args": (), "kwargs": {}, "state": {}}
    path = models / "evil.th"
    if form == "zip":
        torch.save(content, path)
        assert zipfile.is_zipfile(path)
    else:
        path.write_bytes(pickle.dumps(content))
    last = refused(stem, write(), models, "--model", "evil")
    assert not mark.exists()
    assert "evil.th" in last
    if form == "zip":
        assert "refused, nothing was run" in last
    pickle.load(io.BytesIO(pickle.dumps(content)))
    assert mark.exists()  # it would have run


def test_a_file_of_another_architecture_says_so(stem: Stem, shelf: Path, models: Path) -> None:
    import torch
    from demucs.hdemucs import HDemucs

    content = torch.load(next(shelf.glob("waves-*.th")), weights_only=False)
    torch.save({**content, "klass": HDemucs}, models / "odd.th")
    last = refused(stem, write(), models, "--model", "odd")
    assert "another architecture" in last
    assert "odd.th" in last


# memory


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux can a process's memory be limited so")
def test_not_enough_memory_is_told_before_and_the_advice_helps(stem: Stem, shelf: Path) -> None:
    """With a true limit of the system: what the process may take is 3 GB."""
    import resource

    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_DATA, (3 * 10**9, 3 * 10**9))}
    song = write(seconds=2.5)
    last = refused(stem, song, shelf, "--model", "hybrid", "--segment", 900, **limit)
    told = re.search(r"needs about ([\d.]+) GB for segments of 900 s, ([\d.]+) GB are free.*--segment (\d+)", last)
    assert told, last
    assert float(told[1]) > 3 > float(told[2]) > 2
    assert_whole(song, separated(stem, song, shelf, "--segment", told[3], model="hybrid", **limit))
