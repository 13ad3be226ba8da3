"""RoFormers and an MDX23C of random weights, tiny, in the real file formats: `NAME.ckpt` and `NAME.yaml`."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

INSTALL = 'pip install "stem-cli[uvr]"'
KINDS = ("bs", "bs6", "leap", "mel", "mel2", "mdx23c")
"""Each lies in the folder as `small_KIND`; mel2 makes two stems by itself."""


def write_uvr(folder: Path, kind: str, name: str = "", seed: int = 0, **changes: dict[str, Any]) -> Path:
    """A model; gives its weights. changes: of the sections of its yaml, which the network follows."""
    from make_random_uvr import by_yaml, sections

    found = copy.deepcopy(sections("mel" if kind == "mel2" else kind, small=True))
    if kind == "mel2":
        changes = {"model": {"num_stems": 2}, "training": {"target_instrument": None}} | changes
    for section, values in changes.items():
        found[section] |= values
    return by_yaml(folder, name or f"small_{kind}", found, seed)


@pytest.fixture(scope="session")
def uvr_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model of each kind, written by a process of its own. Tests only read it."""
    pytest.importorskip("audio_separator", reason=INSTALL)
    folder = tmp_path_factory.mktemp("uvr")
    code = "import sys, uvr_models as u; from pathlib import Path; [u.write_uvr(Path(sys.argv[1]), k) for k in u.KINDS]"
    here = Path(__file__).resolve().parent
    search = json.dumps([str(here), str(here.parent / "scripts")])
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import sys; sys.path[:0] = {search}; {code}", folder], check=True
    )
    return folder


@pytest.fixture(scope="session")
def uvr_ready(uvr_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `small_bs`, converted for OpenVINO. Tests only read it."""
    pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
    folder = tmp_path_factory.mktemp("uvr_ready")
    copied_uvr(uvr_models, folder, "small_bs")
    convert = [sys.executable, "-m", "stem_cli.cli", "engines", "convert", "small_bs", "--models-dir", folder]
    subprocess.run(convert, check=True, capture_output=True)
    return folder


def copied_uvr(source: Path, folder: Path, *names: str) -> Path:
    """Weights and yaml of these models."""
    folder.mkdir(exist_ok=True)
    for name in names:
        for ending in (".ckpt", ".yaml"):
            shutil.copy(source / f"{name}{ending}", folder)
    return folder
