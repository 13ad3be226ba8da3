"""Stand-ins for the programs of schedulers: they keep what they are given, and fail when told to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Stem

_CRONTAB = """#!/bin/sh
case "$1" in
-l) [ ! -e "$SHELF/broken" ] || { echo "you may not use this program" >&2; exit 1; }
    [ -e "$SHELF/crontab" ] || { echo "no crontab for dj" >&2; exit 1; }
    exec cat "$SHELF/crontab" ;;
-)  cat >"$SHELF/new"
    [ ! -e "$SHELF/fails" ] || { echo "disk quota exceeded" >&2; exit 1; }
    [ ! -e "$SHELF/loses" ] || exit 0
    if [ -n "$REAL_CRONTAB" ]; then "$REAL_CRONTAB" -n "$SHELF/new" >&2 || exit 1; fi
    mv "$SHELF/new" "$SHELF/crontab" ;;
*)  exit 2 ;;
esac
"""
_MANAGER = """#!/bin/sh
echo "${0##*/} $*" >>"$SHELF/asked"
for word in "$@"; do
    if [ -e "$SHELF/fails-$word" ]; then echo "Failed to connect to bus." >&2; exit 1; fi
done
case "$*" in
*ActiveState*) printf 'ActiveState=active\\nNextElapseUSecRealtime=Sun 2024-03-10 03:00:00 UTC\\nLastTriggerUSec=\\n' ;;
*ExecMainStatus*) printf 'Result=exit-code\\nExecMainStatus=6\\n' ;;
esac
"""


@dataclass(frozen=True)
class Schedulers:
    """home: of the user. shelf: what the stand-ins keep, and the files that tell them to fail."""

    home: Path
    shelf: Path

    @property
    def crontab(self) -> bytes | None:
        """The user's crontab, None where there is none."""
        path = self.shelf / "crontab"
        return path.read_bytes() if path.exists() else None

    @property
    def asked(self) -> list[str]:
        """What systemctl and launchctl were asked, in order."""
        path = self.shelf / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def fail(self, *names: str) -> None:
        """From now on this fails."""
        for name in names:
            (self.shelf / name).touch()

    def units(self) -> dict[str, str]:
        """The files of systemd and launchd, by name."""
        folders = self.home / ".config/systemd/user", self.home / "Library/LaunchAgents"
        return {path.name: path.read_text("utf-8") for folder in folders for path in folder.glob("*")}


@pytest.fixture
def schedulers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schedulers:
    """No schedule of this machine is seen or touched. crontab's stand-in asks the real one whether it reads that."""
    made = Schedulers(tmp_path / "home", tmp_path / "shelf")
    programs = tmp_path / "programs"
    for folder in (made.home, made.shelf, programs):
        folder.mkdir()
    real = shutil.which("crontab")
    for name, text in (("crontab", _CRONTAB), ("systemctl", _MANAGER), ("launchctl", _MANAGER)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("SHELF", str(made.shelf))
    monkeypatch.setenv("REAL_CRONTAB", real or "")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return made


def install(stem: Stem, *words: str, kind: str = "cron", **options: object) -> subprocess.CompletedProcess[str]:
    """`stem schedule install`, without being asked."""
    return stem("schedule", "install", "--yes", "--kind", kind, *words, **options)


def status(stem: Stem) -> list[dict[str, object]]:
    """What is scheduled."""
    found: list[dict[str, object]] = json.loads(stem("schedule", "status", "--json").stdout)
    return found
