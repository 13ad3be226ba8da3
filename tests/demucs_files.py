"""Files of Demucs models with random weights, whole ones and altered ones, and what opens them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import make_random_demucs
import pytest
from hypothesis import HealthCheck, settings

from stem_cli.engines.demucs.bag import Located, locate

INSTALL = 'needs demucs and torch: pip install "stem-cli[demucs]"'
KINDS = {"tiny": 1, "tiny_6s": 1, "tiny_ft": 4, "tiny_hdemucs": 1, "tiny_mdx": 2}
quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def torch_on_one_thread() -> ModuleType:
    pytest.importorskip("demucs", reason=INSTALL)
    module: ModuleType = pytest.importorskip("torch", reason=INSTALL)
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return torch_on_one_thread()


@pytest.fixture(scope="session")
def tinies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every tiny model, in the real format. Tests only read it."""
    torch_on_one_thread()
    folder = tmp_path_factory.mktemp("tinies")
    for name in KINDS:
        make_random_demucs.make(name, folder)
    return folder


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., Located]:
    """`locate` in a folder, by default that of this test."""

    def find(name: str, folder: Path = tmp_path / "models") -> Located:
        return locate(name, folder, tmp_path / "digests.json")

    return find


@pytest.fixture
def altered(torch: ModuleType, tinies: Path, tmp_path: Path) -> Callable[..., Path]:
    """Save a tiny model with other contents as `altered.th` in the models folder of this test."""

    def save(kind: str = "tiny", **changes: Any) -> Path:
        (file,) = tinies.glob(f"{kind}-*.th")
        content = torch.load(file, weights_only=False)
        content["kwargs"] = {**content["kwargs"], **changes.pop("kwargs", {})}
        path = tmp_path / "models" / "altered.th"
        path.parent.mkdir(exist_ok=True)
        torch.save({**content, **changes}, path)
        return path

    return save


def opened(located: Located) -> Any:
    from stem_cli.engines.demucs import checkpoint

    return checkpoint.load(located)


def described(located: Located) -> Any:
    from stem_cli.engines.demucs import checkpoint

    return checkpoint.describe(located)


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """The same zip with another pickle in it."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            archive.writestr(name, change(data) if name.endswith("/data.pkl") else data)
