"""`stem batch` by itself, every night: a systemd timer, a launchd agent or a line in the crontab.

`planned(...)` is what would run and when; `KINDS[kind]` shows it, installs it, finds and removes what was installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stem_cli.batch.schedule import cron, launchd, systemd
from stem_cli.batch.schedule.installed import Installed
from stem_cli.batch.schedule.plan import Schedule, planned
from stem_cli.errors import UsageError

__all__ = ["KINDS", "Installed", "Kind", "Schedule", "all_installed", "default_kind", "planned"]

_BOOTED = Path("/run/systemd/system")  # sd_booted(3): it is there where systemd runs the machine


@dataclass(frozen=True)
class Kind:
    """A scheduler. shown: what would be written. install gives notes for the user, remove what was taken away."""

    name: str
    shown: Callable[[Schedule], str]
    install: Callable[[Schedule], tuple[str, ...]]
    remove: Callable[[str], tuple[str, ...]]
    installed: Callable[[], tuple[Installed, ...]]


KINDS: Mapping[str, Kind] = {
    "systemd": Kind("systemd", systemd.shown, systemd.install, systemd.remove, systemd.installed),
    "launchd": Kind("launchd", launchd.shown, launchd.install, launchd.remove, launchd.installed),
    "cron": Kind("cron", cron.shown, cron.install, cron.remove, cron.installed),
}


def default_kind(plan: Schedule, platform: str = sys.platform, booted: Path = _BOOTED) -> str:
    """The scheduler of this machine. Raises UsageError on Windows, with what to give to its own."""
    if platform == "win32":
        command = subprocess.list2cmdline(plan.command)
        raise UsageError("stem-cli knows no scheduler of Windows", None, f"Give its Task Scheduler this: {command}")
    if platform == "darwin":
        return "launchd"
    return "systemd" if booted.is_dir() and shutil.which("systemctl") else "cron"


def all_installed() -> tuple[Installed, ...]:
    """What is installed, in every kind of scheduler."""
    return tuple(one for kind in KINDS.values() for one in kind.installed())
