"""Every error that reaches a user, and the exit code each one ends with.

::

    StemError                      1   a bug of ours (anything that is not one of the below)
    ├── UsageError                 2   options that contradict one another, a bad setting
    ├── InputError                 3   a file we cannot read as a song
    │   └── DamagedError           3   a file that ends too soon or holds garbage
    ├── EngineError                4   an engine, a model or a device that is not there
    ├── OutputError                5   no space, no permission, a file in the way
    │   ├── FullError              5   no space: nothing else could be written there either
    │   └── TooLargeError          5   a file that its format or the disk cannot hold: others can be written
    ├── SomeFailed                 6   some tracks of several failed
    ├── BusyError                  7   locked by another process
    ├── CloudError                 8   a cloud service or the network
    ├── FaultsFound                9   verify or check found faults
    └── Interrupted              130   Ctrl-C

A message says what happened, to which file, and what to do now.
"""

from __future__ import annotations

from pathlib import Path


class StemError(Exception):
    """Base of all errors shown to a user: ``what`` happened, to which ``path``, and a ``hint`` what to do now."""

    exit_code = 1

    def __init__(self, what: str, path: Path | str | None = None, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.path = None if path is None else Path(path)
        self.hint = hint

    def __str__(self) -> str:
        place = "" if self.path is None else f"{self.path}: "
        advice = f" {self.hint}" if self.hint else ""
        return f"{place}{self.what}.{advice}"


class UsageError(StemError):
    """Options that contradict one another, or a setting that makes no sense."""

    exit_code = 2


class InputError(StemError):
    """A file that cannot be read as a song."""

    exit_code = 3


class DamagedError(InputError):
    """A song that ends too soon or holds garbage in the middle; ``--damaged take`` accepts it."""


class EngineError(StemError):
    """An engine, a model or a device that is not available."""

    exit_code = 4


class OutputError(StemError):
    """Stems that cannot be written: no space, no permission, somebody else's file in the way."""

    exit_code = 5


class FullError(OutputError):
    """A disk without room."""


class TooLargeError(OutputError):
    """A file that would be larger than its format, or the file system of its disk, can hold."""


class SomeFailed(StemError):
    """Some tracks of several failed; the others are done."""

    exit_code = 6


class BusyError(StemError):
    """Another process holds what this one needs."""

    exit_code = 7


class CloudError(StemError):
    """A cloud service or the network failed."""

    exit_code = 8


class FaultsFound(StemError):
    """A verification found faults."""

    exit_code = 9


class Interrupted(StemError):
    """The user pressed Ctrl-C."""

    exit_code = 130


def counted(count: int, what: str) -> str:
    """So many of them, in a message: "1 song", "2 songs"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
