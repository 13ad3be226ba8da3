"""What a schedule runs and when: decided from what the user typed, before anything is written."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from stem_cli.errors import UsageError
from stem_cli.settings import ALIASES, Settings, variable

EVERY = (5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720)
"""Minutes that an hour or a day can be divided into, so that every scheduler runs at the same times."""
NICE = 10
"""A scheduled batch gives way to everything else: nice(1)'s own default."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_PASSWORD = re.compile(r"://[^/:@]*:[^/@]+@")
_SECRET = re.compile(r"STEM_\w*(KEY|TOKEN|PASSWORD|SECRET)")
_NO_LETTERS = ("Cc", "Cs", "Zl", "Zp")  # control, bytes that are no UTF-8, ends of lines and paragraphs
_PLACES = ("STEM_CONFIG", "STEM_OUTPUT", "STEM_MIRROR", "HF_HUB_CACHE")
_OTHERS = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TORCH_HOME", "HF_HOME", "HF_HUB_CACHE",
           "CUDA_VISIBLE_DEVICES")  # fmt: skip
"""Variables of others that say where our files and models lie, and which GPU to use."""


@dataclass(frozen=True)
class When:
    """Once a day at hour:minute, or, where `every` is not 0, every so many minutes from midnight on."""

    hour: int = 0
    minute: int = 0
    every: int = 0

    @property
    def words(self) -> str:
        """As a user types it."""
        if not self.every:
            return f"at {self.hour:02}:{self.minute:02}"
        return f"every {self.every}m" if self.every < 60 else f"every {self.every // 60}h"


ALL = (*(When(every=minutes) for minutes in EVERY), *(When(hour, minute) for hour in range(24) for minute in range(60)))
"""Every time there is, to know one again."""


@dataclass(frozen=True)
class Schedule:
    """What runs when. command: the program and its words. environment: variables that it is given."""

    name: str
    when: When
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def planned(
    name: str,
    when: When,
    paths: Sequence[str],
    output: str,
    options: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> Schedule:
    """`stem batch` with these paths and options, as it must be written for a time when nobody is there.

    Raises UsageError for names that no scheduler can hold, and for a password that others could read.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a schedule", None, "Use letters, digits, - and _, 40 at most.")
    where = output if output == "same" else _absolute(output)
    songs = tuple(_song(path) for path in paths)
    notes = [_note(path) for path in songs if not os.path.exists(path)]  # noqa: PTH110 - pathlib's own raises
    command = (*program(), "batch", *songs, "--output", where, "--exclusive", "--quiet", *options)
    kept = tuple(_variables(environment))
    notes += [f"{name} is not written down; keep it in the keyring" for name in environment if _SECRET.fullmatch(name)]
    for word in (*command, *(value for _, value in kept)):
        _refuse_odd(word)
    return Schedule(name, when, command, kept, tuple(notes))


def when_of(at: str | None, every_seconds: float | None) -> When:
    """The time in two options. Raises UsageError for both, and for what is no time."""
    if at and every_seconds is not None:
        raise UsageError("--at and --every contradict one another", None, "Give one of them.")
    if every_seconds is not None:
        if every_seconds / 60 not in EVERY:
            known = ", ".join(When(every=minutes).words.removeprefix("every ") for minutes in EVERY)
            raise UsageError("--every must divide an hour or a day", None, f"Choose one of {known}; or --at.")
        return When(every=round(every_seconds / 60))
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at or "03:00")
    if not found:
        raise UsageError(f"--at {at!r} is no time of day", None, "Write 03:00 or 23:30.")
    return When(int(found[1]), int(found[2]))


def program() -> tuple[str, ...]:
    """The program as it was started, by its whole path; where that is no `stem`, the one beside this Python."""
    started = shutil.which(sys.argv[0])
    beside = Path(sys.executable).with_name("stem")
    for path in (started if Path(sys.argv[0]).stem in ("stem", "stem-cli") else None, beside, shutil.which("stem")):
        if path and Path(path).is_file():
            return (_absolute(str(path)),)
    return (_absolute(sys.executable), "-m", "stem_cli.cli")


def _absolute(path: str) -> str:
    """Not resolved: a link that is turned elsewhere later is meant to be followed."""
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - Path.absolute leaves `..` in


def _note(song: str) -> str:
    if Path(song).is_absolute():
        return f"{song} is not there now; check its name, or plug its disk in before the time comes"
    return f"{song!r} is not here; it is taken for the name of a list"


def _song(path: str) -> str:
    """A path by its whole name; what is not there may be the name of a list, or a disk that comes back."""
    there = Path(path).expanduser()
    return _absolute(path) if there.exists() or path.startswith(("~", "./", "../")) else path


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = ["STEM_CONFIG", *(variable(field.name) for field in fields(Settings)), *ALIASES, *_OTHERS]
    for name in dict.fromkeys(known):
        value = environment.get(name, "")
        if _PASSWORD.search(value):
            hint = "Put the password into ~/.pgpass, or the address into the settings: stem config set."
            raise UsageError(f"{name} holds a password, and a schedule can be read by others", None, hint)
        is_place = name in _PLACES or name.endswith(("_DIR", "_HOME"))
        if value:
            yield name, _absolute(value) if is_place and value != "same" else value


def _refuse_odd(word: str) -> None:
    if any(unicodedata.category(letter) in _NO_LETTERS for letter in word):
        raise UsageError(f"{word!r} cannot be written into a schedule", None, "Name the folder above it, or rename it.")
