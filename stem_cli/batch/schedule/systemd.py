"""A schedule as a timer of systemd's user manager: two files and three commands.

Quoting: systemd.service(5), "Command lines", and systemd.syntax(7); times: systemd.time(7).
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stem_cli.batch.schedule import files
from stem_cli.batch.schedule.installed import Installed
from stem_cli.batch.schedule.plan import ALL, NICE, Schedule, When
from stem_cli.batch.schedule.run import ask, run
from stem_cli.errors import OutputError

_MARK = "# Written by `stem schedule install`; `stem schedule remove"
_PREFIX = "stem-cli-"
_LINGER = Path("/var/lib/systemd/linger")  # loginctl(1): one file a user whose timers run without a login
_BUS = "Log in as yourself, not by sudo or su; `systemctl --user status` must work. Or use --kind cron."
_ASKED = {
    "NextElapseUSecRealtime": "next",
    "LastTriggerUSec": "last",
    "Result": "result",
    "ExecMainStatus": "exit code",
}


def folder() -> Path:
    """Where a user's units lie."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".config") / "systemd" / "user"  # noqa: PTH117


def units(schedule: Schedule) -> dict[Path, str]:
    """The service and its timer, by their paths."""
    head = f"{_MARK} {schedule.name}` takes it away.\n[Unit]\nDescription=stem batch: {schedule.name}\n\n"
    variables = " ".join(quoted(f"{name}={value}") for name, value in schedule.environment)
    first, *rest = schedule.command
    service = [
        "[Service]",
        "Type=oneshot",
        f"Nice={NICE}",
        "IOSchedulingClass=best-effort",
        "IOSchedulingPriority=7",
        *([f"Environment={variables}"] if variables else []),
        f"ExecStart={' '.join([quoted(first), *(quoted(word.replace('$', '$$')) for word in rest)])}",
    ]
    timer = ["[Timer]", f"OnCalendar={calendar(schedule.when)}", "Persistent=true", "", "[Install]",
             "WantedBy=timers.target"]  # fmt: skip
    base = folder() / f"{_PREFIX}{schedule.name}"
    return {
        base.with_name(f"{base.name}.service"): head + "\n".join(service) + "\n",
        base.with_name(f"{base.name}.timer"): head + "\n".join(timer) + "\n",
    }


def quoted(word: str) -> str:
    """A word that systemd reads as itself: in quotes, with its own signs escaped."""
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(sign, escaped)
    return f'"{word}"'


def words(line: str) -> tuple[str, ...]:
    """The words in a line that `quoted` wrote."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    return tuple(re.sub(r"\\(.)", r"\1", word).replace("%%", "%").replace("$$", "$") for word in found)


def calendar(when: When) -> str:
    """A time as systemd writes it."""
    if not when.every:
        return f"*-*-* {when.hour:02}:{when.minute:02}:00"
    return f"*-*-* *:00/{when.every}:00" if when.every < 60 else f"*-*-* 00/{when.every // 60}:00:00"


def shown(schedule: Schedule) -> str:
    """What would be written."""
    return "\n".join(f"{path}:\n{text}" for path, text in units(schedule).items())


def install(schedule: Schedule) -> tuple[str, ...]:
    """Write the units and start the timer. Raises OutputError where systemd refuses; the files are then as before."""
    timer = _timer(schedule.name)
    new = files.read(folder() / timer) is None
    with _reloaded(timer, new), files.placed(units(schedule), lambda text: text.startswith(_MARK)):
        try:
            for command in (["daemon-reload"], ["enable", timer], ["restart", timer]):
                ask("systemctl", "--user", *command, hint=_BUS)
        except BaseException:
            if new:
                _try("disable", "--now", timer)  # while its file is still there
            raise
    if not (_LINGER / getpass.getuser()).exists():
        return ("it runs while you are logged in; `loginctl enable-linger` makes it run always",)
    return ()


@contextmanager
def _reloaded(timer: str, new: bool) -> Iterator[None]:
    """Where it fails, systemd goes on with the files as they were before."""
    try:
        yield
    except BaseException:
        _try("daemon-reload")
        if not new:
            _try("restart", timer)
        raise


def _try(*command: str) -> str:
    """What systemctl answers, "" where it cannot."""
    try:
        done = run("systemctl", "--user", *command)
    except OutputError:
        return ""
    return done.stdout.decode("utf-8", "replace") if not done.returncode else ""


def remove(name: str) -> tuple[str, ...]:
    """Stop the timer and remove its files. Raises OutputError where systemd refuses; the files are then left."""
    ask("systemctl", "--user", "disable", "--now", _timer(name), hint=_BUS)
    paths = tuple(folder() / f"{_PREFIX}{name}.{ending}" for ending in ("timer", "service"))
    files.delete(paths)
    _try("daemon-reload")
    return tuple(str(path) for path in paths)


def installed() -> tuple[Installed, ...]:
    """The timers of ours, and what systemd says of them."""
    paths = sorted(folder().glob(f"{_PREFIX}*.timer"))
    return tuple(_installed(path) for path in paths if (files.read(path) or "").startswith(_MARK))


def _installed(path: Path) -> Installed:
    service = path.with_suffix(".service")
    told = _value(files.read(path) or "", "OnCalendar")
    when = next((one.words for one in ALL if calendar(one) == told), told)
    command = words(_value(files.read(service) or "", "ExecStart"))
    state = dict(line.split("=", 1) for line in _state(path.name, service.name).splitlines() if "=" in line)
    active = state["ActiveState"] == "active" if "ActiveState" in state else None
    facts = {name: state[key] for key, name in _ASKED.items() if state.get(key)}
    return Installed(path.stem.removeprefix(_PREFIX), "systemd", when, command, str(path), active, facts)


def _state(timer: str, service: str) -> str:
    first = _try("show", timer, "--property=ActiveState,NextElapseUSecRealtime,LastTriggerUSec")
    return first + "\n" + _try("show", service, "--property=Result,ExecMainStatus")


def _value(text: str, key: str) -> str:
    return next((line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")), "")


def _timer(name: str) -> str:
    return f"{_PREFIX}{name}.timer"
