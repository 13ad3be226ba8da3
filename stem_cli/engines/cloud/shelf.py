"""The tracks on this disk: kept until the stems that were made of them lie where the user wants them.

A folder for each booking, in `cloud` of the data folder: `<label>.flac`, and `tracks.json` when all are there. What was
paid for outlives a disk that is full, a killed process and a pulled plug; it goes a while after it was handed over.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stem_cli.disk import disk_errors, write_synced

_RECORD, _DELIVERED = "tracks.json", "delivered"
_DELIVERED_SECONDS = 600.0
"""How long tracks stay after they were handed over: until then the stems are on the disk, or the user tries again."""
_FORGOTTEN_SECONDS = 7 * 24 * 3600.0
"""How long anything else stays."""


@dataclass(frozen=True)
class Tracks:
    """The tracks of a task. made_by: what the service calls the network that made them."""

    folder: Path
    labels: tuple[str, ...]
    made_by: str

    def path(self, label: str) -> Path:
        """The file of a track."""
        return path_of(self.folder, label)

    def forget(self) -> None:
        """They cannot be used: fetch them again."""
        with disk_errors(self.folder):
            (self.folder / _RECORD).unlink(missing_ok=True)
            for label in self.labels:
                self.path(label).unlink(missing_ok=True)

    def delivered(self) -> None:
        """They were handed over."""
        with disk_errors(self.folder):
            (self.folder / _DELIVERED).touch()


def path_of(folder: Path, label: str) -> Path:
    """Where the track of that label lies."""
    return folder / f"{label}.flac"


def folder_of(data_dir: Path, booking: str) -> Path:
    """The folder of a booking."""
    return data_dir / "cloud" / booking


def find(folder: Path) -> Tracks | None:
    """The tracks that lie there, if all are there."""
    try:
        record = json.loads((folder / _RECORD).read_text("utf-8"))
        tracks = Tracks(folder, tuple(map(str, record["labels"])), str(record["made_by"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return tracks if all(tracks.path(label).exists() for label in tracks.labels) else None


def keep(tracks: Tracks) -> Tracks:
    """Note that all tracks are there."""
    with disk_errors(tracks.folder):
        write_synced(tracks.folder / _RECORD, json.dumps({"labels": tracks.labels, "made_by": tracks.made_by}))
    return tracks


@contextmanager
def workshop(data_dir: Path) -> Iterator[Path]:
    """A folder for the song that is sent, gone at the end; and what others left is tidied away."""
    place = data_dir / "cloud"
    with disk_errors(place, "Choose another place with STEM_DATA_DIR"):
        place.mkdir(parents=True, exist_ok=True)
        tidy(place)
        folder = Path(tempfile.mkdtemp(prefix="song-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tidy(place: Path) -> None:
    """Remove what is not needed any more."""
    for folder in place.iterdir():
        with suppress(OSError):  # another process may do the same
            marked = folder / _DELIVERED
            age = time.time() - (marked if marked.exists() else folder).stat().st_mtime
            if age > (_DELIVERED_SECONDS if marked.exists() else _FORGOTTEN_SECONDS):
                shutil.rmtree(folder, ignore_errors=True)
