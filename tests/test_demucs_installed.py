"""Demucs with more or less of its packages installed, and what the list of engines says is ready."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Stem
from demucs_shelf import assert_whole, refused, separated, site, sound_of, write

from stem_cli import stems

pytest.importorskip("demucs", reason='pip install "stem-cli[demucs]"')
pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
pytestmark = pytest.mark.usefixtures("own_caches", "one_thread")
INSTALL = 'pip install "stem-cli[demucs,fast]"'
Without = Callable[..., None]


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


@pytest.mark.slow
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


@pytest.mark.slow
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
