"""`stem` in processes that a test stops, kills or sets against one another, and what they leave behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import music

from stem_cli import verify
from stem_cli.folder import find_folders

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="these faults are made with signals and modes of Unix")
COMMAND = [sys.executable, "-m", "stem_cli.cli"]
OUTPUT = Path("stems")


def write_song(path: str | Path = "song.wav", seconds: float = 1.0, seed: int = 0) -> Path:
    soundfile.write(path, music(seconds, 22050, seed=seed), 22050, subtype="PCM_16")
    return Path(path)


def started(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """`stem ...`, not waited for."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Its stdout, once it ended with that exit code."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, f"{process.args}: {process.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return out


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Return as soon as the condition holds while the process lives."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def being_made(folder: Path) -> bool:
    """Whether stems are being written into this folder this moment."""
    return any(path.stat().st_size for path in folder.glob(".*.partial/stems/*") if path.exists())


def visible(folder: Path) -> list[Path]:
    """What a user sees in a folder."""
    return [path for path in folder.glob("*") if not path.name.startswith(".")] if folder.exists() else []


def left_over(folder: Path) -> list[Path]:
    """What was left behind, but for a sibling that was not begun: that one may belong to somebody for a minute."""
    siblings = [path for path in folder.rglob("*.partial") if {one.name for one in path.iterdir()} - {"lock"}]
    return [*siblings, *([folder] if folder.exists() and not any(folder.iterdir()) else [])]


def assert_whole(folder: Path, count: int) -> None:
    """So many folders of stems, all as they were written."""
    report = verify.verify(find_folders(folder)) if folder.exists() else verify.Report(0, 0, ())
    assert (report.folders, report.findings) == (count, ())


def assert_nothing_half_made(tmp_path: Path) -> None:
    """All stems that are visible, the user's and the cache's, are whole."""
    kept = tmp_path / "cache" / "stems"
    for folder in (kept, OUTPUT):
        homes = [path for path in visible(folder) if path.is_dir()]
        flat = [path for path in visible(folder) if path.name.endswith(".stems.json")]
        assert_whole(folder, len(homes) + len(flat))
