"""`make install` chooses extras and says what it leaves out."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def installer() -> ModuleType:
    """scripts/install.py as a module."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "scripts" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_means_every_extra_of_the_project_with_the_tools_first(installer: ModuleType) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert installer.wanted("all") == ["dev", *(name for name in extras if name not in ("dev", "all"))]


def test_chosen_extras_are_installed_beside_the_tools(installer: ModuleType) -> None:
    assert installer.wanted("postgres") == ["dev", "postgres"]


def test_an_unknown_extra_is_named() -> None:
    command = [sys.executable, "scripts/install.py", "nonsense"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'nonsense'" in done.stderr


@pytest.mark.slow
def test_an_extra_that_cannot_be_built_without_a_compiler_is_left_out_and_said_so(
    installer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A project whose one extra has no wheel and a build that needs a compiler, on a machine without one."""
    package = tmp_path / "needs-c"
    package.mkdir()
    (package / "setup.py").write_text(
        "import shutil, sys\n"
        "sys.exit('no compiler') if not shutil.which('cc') else None\n"
        "from setuptools import setup\nsetup(name='needs-c', version='1')\n"
    )
    project = tmp_path / "project"
    (project / "configs").mkdir(parents=True)
    (project / "configs" / "constraints.txt").write_text("")
    (project / "setup.py").write_text(
        f"from setuptools import setup\nsetup(name='p', version='1', py_modules=[],"
        f" extras_require={{'c': ['needs-c @ {package.as_uri()}']}})\n"
    )
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    monkeypatch.setattr(installer, "ROOT", project)
    monkeypatch.setattr(installer.sys, "executable", str(home / "bin" / "python"))
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert installer.install("c") is False
    assert "[c] is left out: it needs a C compiler" in capsys.readouterr().out
