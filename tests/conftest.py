"""What every test shares: folders of its own, the command in a process of its own, small real songs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from forked import Waiting

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's job in the background: Ctrl-C could not be tested
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = (
    "demucs_files",
    "demucs_shelf",
    "lalal_server",
    "engine_subjects",  # imports the one above
    "obstacles",
    "onnx_models",
    "processes",
    "batches",  # imports the one above
    "refusals",
    "schedulers",
    "serato_home",
    "tagged",
    "scans",  # imports the one above
    "uvr_models",
    "voices",
    "weights",
)
"""Modules beside this one whose fixtures every test may ask for, and whose asserts pytest explains."""
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
"""The project's shared test material; tests that use it skip where it is absent."""

FRESH = bool(os.environ.get("STEM_TEST_FRESH"))
"""Whether every process is to start from nothing."""
SECONDS = 300

Stem = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, data, cache and home of each test lie in its own folder; the working folder too."""
    for name in [name for name in os.environ if name.startswith("STEM_")]:
        monkeypatch.delenv(name)
    for name in ("data", "cache", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("STEM_CONFIG", str(tmp_path / "stem.toml"))
    monkeypatch.setenv("STEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("STEM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model of the machine's own caches is found by chance."""
    for name in ("TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "caches" / name))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


@pytest.fixture(scope="session")
def waiting() -> Iterator[Waiting | None]:
    """What runs the command without loading it each time; None where there is no fork, or STEM_TEST_FRESH is set."""
    if not hasattr(os, "fork") or FRESH:
        yield None
        return
    held = Waiting()
    yield held
    held.close()


@pytest.fixture
def stem(waiting: Waiting | None, tmp_path: Path) -> Stem:
    """Run `stem ...` as a user does: a process of its own, its output as text."""

    def run(*arguments: object, code: int | None = 0, **options: object) -> subprocess.CompletedProcess[str]:
        words = tuple(map(str, arguments))
        if waiting is not None and waiting.serves() and not options:
            done = waiting.run(words, tmp_path, SECONDS)
        else:
            command = [sys.executable, "-m", "stem_cli.cli", *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)  # type: ignore[call-overload]
        assert code is None or done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


def music(seconds: float = 4.0, rate: int = 44100, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Something like music: float64 [frames, channels], a beat, a bass line, a voice-like tone, noise; peak 0.8."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    beat = np.exp(-30 * (time % 0.5)) * np.sin(2 * np.pi * 60 * (time % 0.5))
    bass = 0.3 * np.sin(2 * np.pi * 55 * time)
    voice = 0.2 * np.sin(2 * np.pi * 440 * time + 3 * np.sin(2 * np.pi * 5 * time)) * (time % 2 > 0.5)
    hats = 0.1 * random.standard_normal(len(time)) * np.exp(-60 * ((time + 0.25) % 0.5))
    sides = [beat + bass + voice + hats + 0.05 * random.standard_normal(len(time)) for _ in range(channels)]
    sound = np.stack(sides, axis=1)
    return sound / max(1e-9, np.abs(sound).max()) * 0.8


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A song of four seconds: 16 bits, stereo, 44.1 kHz."""
    path = tmp_path / "work" / "song.wav"
    soundfile.write(path, music(), 44100, subtype="PCM_16")
    return path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where STEM_NO_SKIPS is set (CI), a skipped test fails the run: everything it needs must be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("STEM_NO_SKIPS"):
        return
    skipped = [report for report in reporter.stats.get("skipped", []) if "only on" not in str(report.longrepr)]
    for report in skipped:
        reporter.write_line(f"skipped, which CI forbids: {report.nodeid}: {report.longrepr}")
    if skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
