"""Models that stay open for the next song: never closed while somebody uses them, never opened twice in a row."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Stem, music
from hypothesis import given
from hypothesis import strategies as st
from test_ensemble import Song, alone, together_by
from uvr_models import INSTALL, copied_uvr

from stem_cli import engines
from stem_cli.engines import Request, Run
from stem_cli.engines.runtime.kept import Kept, release

pytestmark = pytest.mark.usefixtures("own_caches", "one_thread")


class Shop:
    """Opens and closes models that are but names."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.open_now: set[str] = set()
        self.kept: Kept[str] = Kept(self.open_now.remove)

    def using(self, name: str) -> Any:
        def open_it() -> str:
            self.opened.append(name)
            self.open_now.add(name)
            return name

        return self.kept.using(name, open_it)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcd"))))
def test_what_is_in_use_is_open_and_what_is_not_gives_way(steps: list[tuple[bool, str]]) -> None:
    shop, running = Shop(), list[tuple[str, Any]]()
    for start, name in steps:
        if start:
            use, opened = shop.using(name), len(shop.opened)
            assert use.__enter__() == name
            running.append((name, use))
            if len(shop.opened) > opened:
                assert shop.open_now == {one for one, _ in running}
        elif running:
            running.pop(0)[1].__exit__(None, None, None)
        assert shop.open_now >= {one for one, _ in running}


def test_members_of_an_ensemble_are_open_still_for_the_next_song() -> None:
    shop = Shop()
    for _ in range(2):
        with shop.using("one"), shop.using("two"):
            pass
    assert shop.opened == ["one", "two"]


def test_a_model_that_cannot_be_opened_is_not_kept() -> None:
    kept: Kept[str] = Kept()
    with pytest.raises(ZeroDivisionError), kept.using("a", lambda: str(1 // 0)):
        pass
    with kept.using("a", lambda: "whole") as opened:
        assert opened == "whole"


# -------------------------------------------------------------------------------------------------------- real models


def opened_by_torch(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """OpenVINO is hidden; gives the runners of torch that are made from now on."""
    from stem_cli.engines.runtime import torch

    made: list[Any] = []
    monkeypatch.setitem(sys.modules, "openvino", None)

    class Counted(torch.Runner):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(torch, "Runner", Counted)
    return made


def is_open(runner: Any) -> bool:
    return runner._network is not None


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["uvr", "demucs"])
def test_two_models_of_one_engine_run_side_by_side_by_torch(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    folder, one, two, third = models_of(engine, request, tmp_path)
    release()  # what other tests left open
    made = opened_by_torch(monkeypatch)
    song = Song(music(1.5))
    first = together_by(f"{one},{two}", folder, song)
    again = together_by(f"{one},{two}", folder, song)
    assert len(made) == 2
    assert all(map(is_open, made))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    engine_of, _ = engines.find_model(third, folder)
    list(engine_of.separate(song, Request(model=third, models_dir=folder), Run(2)))
    assert [is_open(runner) for runner in made] == [False, False, True]


def models_of(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, str, str]:
    """A folder with three models of an engine, and their names."""
    if engine == "uvr":
        pytest.importorskip("audio_separator", reason=INSTALL)
        names = ("small_bs", "small_mel", "small_mdx23c")
        return copied_uvr(request.getfixturevalue("uvr_models"), tmp_path / "models", *names), *names
    pytest.importorskip("demucs", reason='pip install "stem-cli[demucs]"')
    return request.getfixturevalue("shelf"), "tiny", "other_length", "hybrid"


@pytest.mark.slow
def test_a_separation_that_is_closed_early_lets_its_model_go(uvr_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened_by_torch(monkeypatch)
    song, uvr = Song(music(3.0)), engines.load("uvr")
    running = uvr.separate(song, Request(model="small_bs", models_dir=uvr_models), Run(2))
    next(running)
    thrown_away = uvr.separate(song, Request(model="small_bs", models_dir=uvr_models, overlap=0.3), Run(2))
    next(thrown_away)
    running.close()
    del thrown_away
    gc.collect()
    list(uvr.separate(song, Request(model="small_mel", models_dir=uvr_models), Run(2)))
    assert [is_open(runner) for runner in made] == [False, False, True]


def test_onnx_models_of_an_ensemble_are_opened_once(onnx_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stem_cli.engines.onnx import opened

    made: list[Path] = []
    real = opened.open_model
    monkeypatch.setattr(opened, "open_model", lambda *given: made.append(given[1]) or real(*given))
    song = Song(music(1.0))
    folder = Path(shutil.copytree(onnx_models, "models"))  # where no test before has opened them
    for _ in range(2):
        together_by("small_mdx,small_waveform", folder, song)
    assert len(made) == 2


@pytest.mark.slow
def test_an_ensemble_of_one_engine_by_torch_on_the_command_line(
    stem: Stem, song: Path, uvr_models: Path, tmp_path: Path
) -> None:
    folder = copied_uvr(uvr_models, tmp_path / "models", "small_bs", "small_mel")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text('import sys\nsys.modules["openvino"] = None\n', "utf-8")
    search = os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])
    asked = ("--models-dir", folder, "--ensemble", "small_bs,small_mel")
    done = stem("separate", song, *asked, env={**os.environ, "PYTHONPATH": search})
    assert "Traceback" not in done.stderr
    assert not (folder / "converted").exists()


def test_two_manifests_of_one_onnx_file_are_two_models(onnx_models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(onnx_models, tmp_path / "models"))
    text = (folder / "small_mdx.toml").read_text("utf-8")
    text = text.replace('name = "small_mdx"', 'name = "loud"\nquality = { vocals = 1.0 }\ncompensation = 2.0')
    (folder / "loud.toml").write_text(text, "utf-8")
    song = Song(music(1.0))
    plain, loud = alone("small_mdx", folder, song), alone("loud", folder, song)
    assert np.abs(plain["vocals"]).max() > 0
    assert np.allclose(2 * plain["vocals"], loud["vocals"], atol=1e-6)
