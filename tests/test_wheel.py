"""The wheel works by itself, in an empty environment and with the network off."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MEBIBYTE = 1 << 20


def _run(*command: object, **options: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=900, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def _offline() -> list[str]:
    """A prefix that runs a command without any network, where this system has one that works."""
    command = ["unshare", "--net", "--map-root-user"]
    if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
        return command
    pytest.skip("needs Linux' unshare to turn the network off")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the wheel and what it needs."""
    home = tmp_path_factory.mktemp("wheel")
    source = home / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", "dist", "build", ".*_cache", "tests")
    shutil.copytree(ROOT, source, ignore=ignored)
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", home, source)
    venv.create(home / "env", with_pip=True)
    python = home / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wheel = next(home.glob("*.whl"))
    constraints = ROOT / "configs" / "constraints.txt"
    _run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, wheel)
    return python.parent


@pytest.mark.slow
def test_the_wheel_separates_its_song_and_yours_with_the_network_off(environment: Path, tmp_path: Path) -> None:
    offline = _offline()
    table = _run(*offline, environment / "stem", "demo", "--output", tmp_path / "demo")
    assert "vocals.wav" in table
    song = next((tmp_path / "demo").glob("*.flac"))
    paths = _run(*offline, environment / "stem-cli", "separate", song, "--output", tmp_path / "out").splitlines()
    assert [Path(path).name for path in paths] == ["vocals.wav", "drums.wav", "bass.wav", "other.wav"]
    _run(*offline, environment / "stem", "verify", tmp_path / "out")


@pytest.mark.slow
def test_the_base_install_is_light(environment: Path) -> None:
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(_run(environment / "python", "-c", ask).strip())
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    size = sum(
        file.stat().st_size
        for entry in packages.iterdir()
        if not entry.name.startswith(tools)
        for file in ([entry] if entry.is_file() else entry.rglob("*"))
        if file.is_file()
    )
    assert size <= 450 * MEBIBYTE
    assert not (packages / "torch").exists()
