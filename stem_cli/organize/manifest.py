"""What of the files in an output folder is ours: only that is ever replaced."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from stem_cli.disk import disk_errors, replace_synced

PLACE = PurePosixPath("_DJ/stem-cli.json")


@dataclass(frozen=True)
class Ours:
    """A file that we wrote. made_from: what it depends on, in words. size, mtime_ns: as it was when written."""

    made_from: str
    size: int
    mtime_ns: int


def read(output: Path) -> dict[str, Ours]:
    """Our files by their paths below the output folder; none where nothing of ours lies there or it is damaged."""
    try:
        found = json.loads((output / PLACE).read_text("utf-8"))
        return {path: Ours(**row) for path, row in found["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(output: Path, files: dict[str, Ours]) -> None:
    """Write it down. Raises OutputError."""
    place = output / PLACE
    rows = {path: asdict(one) for path, one in sorted(files.items())}
    with disk_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(place, json.dumps({"files": rows}, ensure_ascii=False, indent=1) + "\n")


def of(path: Path, made_from: str) -> Ours:
    """A file that was written this moment."""
    stat = path.stat()
    return Ours(made_from, stat.st_size, stat.st_mtime_ns)
