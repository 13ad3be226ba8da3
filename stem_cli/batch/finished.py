"""Whether the stems of a finished song still lie where they were written, told by sizes and times."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from stem_cli import verify
from stem_cli.batch import queue
from stem_cli.batch.queue import Job
from stem_cli.database import Database, text_of
from stem_cli.errors import OutputError, StemError, counted
from stem_cli.folder import StemFolder, open_folder

_HOME = "."


def require_home(database: Database, output: Path) -> None:
    """Raises OutputError where songs are done and their folder is gone or empty, as that of a disk not plugged in is.

    All of them would be made again, on the disk below it.
    """
    count = queue.finished(database, text_of(output))
    if count and not _has_something(output):
        hint = "Is its disk plugged in? If you deleted them, `stem batch ... --verify` makes them again."
        raise OutputError(f"the stems of {counted(count, 'song')} are not there any more", output, hint)


def _has_something(folder: Path) -> bool:
    try:
        return any(not name.startswith(".") for name in os.listdir(folder))  # noqa: PTH208 - names are enough
    except OSError:
        return False


def files_text(folder: StemFolder) -> str:
    """Sizes and times of a folder's files, and of the folder itself, to be kept until the next run."""
    home = folder.place.home
    there = [name for name in folder.names() if os.path.exists(home / name)]  # noqa: PTH110 - somebody was quick
    stats = {name: (home / name).stat() for name in there}
    found = {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
    if not folder.place.flat:
        found[_HOME] = [0, home.stat().st_mtime_ns]  # changes when a file comes or goes
    return json.dumps(found)


def metadata_of(folder: StemFolder) -> str:
    """How a folder is found again."""
    return str(folder.place.metadata)


@dataclass(frozen=True)
class Stand:
    """How a finished song stands. fault: what is wrong with its stems, "" where they are whole.

    files: sizes and times as they are now, where the stems are whole although those have changed; else "".
    """

    fault: str = ""
    files: str = ""


def stand_of(job: Job, with_sound: bool = False) -> Stand:
    """Whether the stems of a finished song are whole.

    Sizes and times that are as they were are enough, unless `with_sound`; where they differ, the sound is compared with
    its record: DJ programs write tags into files.
    """
    known: dict[str, list[int]] = json.loads(job.files or "{}")
    home, name = os.path.split(job.folder)  # of 20,000 songs: pathlib would take a second
    if not with_sound and _as_they_were(home, name, known):
        return Stand()
    metadata = Path(job.folder)
    if not os.path.exists(metadata):  # noqa: PTH110 - pathlib raises for an error of the disk
        return Stand("its stems are gone")
    try:
        folder = open_folder(metadata)
        files = files_text(folder)  # before the sound is read: what changes meanwhile is read again
    except StemError as error:
        return Stand(error.what)
    except OSError as error:
        return Stand(f"its stems cannot be read ({error.strerror})")
    fresh = Stand(files="" if files == job.files else files)
    if not with_sound and not any(_differs(f"{home}/{one}", known.get(one)) for one in folder.names()):
        return fresh  # somebody put another file beside them
    faults = [finding for finding in verify.check(folder) if finding.fault]
    return Stand(f"{faults[0].path.name}: {faults[0].what}") if faults else fresh


def _as_they_were(home: str, metadata: str, known: dict[str, list[int]]) -> bool:
    if _HOME not in known:  # songs side by side: the folder changes with each of them
        return bool(known) and not any(_differs(f"{home}/{name}", mark) for name, mark in known.items())
    mark = known.get(metadata)
    return not _differs(home, known[_HOME], time_only=True) and not _differs(f"{home}/{metadata}", mark)


def _differs(path: str, known: list[int] | None, time_only: bool = False) -> bool:
    try:
        stat = os.stat(path)  # noqa: PTH116
    except OSError:
        return True
    return known is None or known[1] != stat.st_mtime_ns or (known[0] != stat.st_size and not time_only)
