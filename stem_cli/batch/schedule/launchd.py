"""A schedule as an agent of macOS' launchd: one property list. Its keys: launchd.plist(5)."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from stem_cli import settings as settings_of
from stem_cli.batch.schedule import files
from stem_cli.batch.schedule.installed import Installed
from stem_cli.batch.schedule.plan import ALL, NICE, Schedule, When
from stem_cli.batch.schedule.run import ask, run
from stem_cli.errors import OutputError

_PREFIX = "stem-cli."
_HINT = "Log in at the screen of this Mac as yourself, and try again."


def folder() -> Path:
    """Where a user's agents lie."""
    return Path.home() / "Library" / "LaunchAgents"


def agent(schedule: Schedule) -> dict[Path, str]:
    """The property list, by its path."""
    log = settings_of.data_dir(settings_of.load().settings) / f"schedule-{schedule.name}.log"
    values: dict[str, Any] = {
        "Label": f"{_PREFIX}{schedule.name}",
        "ProgramArguments": list(schedule.command),
        "EnvironmentVariables": dict(schedule.environment),
        "StartCalendarInterval": intervals(schedule.when),
        "Nice": NICE,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "StandardErrorPath": os.path.abspath(log),  # noqa: PTH100 - without `..`
    }
    return {_path(schedule.name): plistlib.dumps(values, sort_keys=False).decode("utf-8")}


def intervals(when: When) -> list[dict[str, int]]:
    """Every time of a day. A list of times, not an interval: only those are made up for after the Mac slept."""
    if not when.every:
        return [{"Hour": when.hour, "Minute": when.minute}]
    if when.every < 60:
        return [{"Minute": minute} for minute in range(0, 60, when.every)]
    return [{"Hour": hour, "Minute": 0} for hour in range(0, 24, when.every // 60)]


def shown(schedule: Schedule) -> str:
    """What would be written."""
    return "\n".join(f"{path}:\n{text}" for path, text in agent(schedule).items())


def install(schedule: Schedule) -> tuple[str, ...]:
    """Write the agent and load it. Raises OutputError where launchd refuses; the file is then as it was."""
    path = _path(schedule.name)
    before = files.read(path)
    try:
        with files.placed(agent(schedule), lambda text: _values(text).get("Label") == f"{_PREFIX}{schedule.name}"):
            if before is not None:
                run("launchctl", "bootout", _target(schedule.name))  # fails where it was not loaded, which is as good
            ask("launchctl", "bootstrap", _domain(), str(path), hint=_HINT)
    except OutputError:
        if before is not None and files.read(path) == before:
            _load_again(path)
        raise
    return ()


def _load_again(path: Path) -> None:
    try:
        run("launchctl", "bootstrap", _domain(), str(path))
    except OutputError:
        return  # launchctl itself is not there, which the first error says


def remove(name: str) -> tuple[str, ...]:
    """Unload the agent and remove its file. Raises OutputError where launchd still holds it; the file is then left."""
    run("launchctl", "bootout", _target(name))
    if _loaded(name):
        raise OutputError("launchd does not let go of it", _path(name), f"Type: launchctl bootout {_target(name)}.")
    files.delete((_path(name),))
    return (str(_path(name)),)


def installed() -> tuple[Installed, ...]:
    """The agents of ours, and whether they are loaded."""
    return tuple(_installed(path) for path in sorted(folder().glob(f"{_PREFIX}*.plist")))


def _installed(path: Path) -> Installed:
    values = _values(files.read(path) or "")
    times = values.get("StartCalendarInterval")
    when = next((one.words for one in ALL if intervals(one) == times), str(times))
    command = tuple(str(word) for word in values.get("ProgramArguments", ()))
    name = path.stem.removeprefix(_PREFIX)
    try:
        active = _loaded(name)
    except OutputError:
        active = None
    return Installed(name, "launchd", when, command, str(path), active)


def _values(text: str) -> dict[str, Any]:
    try:
        values = plistlib.loads(text.encode("utf-8", "surrogateescape"))
    except (plistlib.InvalidFileException, ExpatError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _loaded(name: str) -> bool:
    return run("launchctl", "print", _target(name)).returncode == 0


def _path(name: str) -> Path:
    return folder() / f"{_PREFIX}{name}.plist"


def _domain() -> str:
    user = getattr(os, "getuid", None)  # Windows has none, and no launchd
    return f"gui/{user()}" if user else "gui"


def _target(name: str) -> str:
    return f"{_domain()}/{_PREFIX}{name}"
