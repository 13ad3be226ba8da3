"""Libraries to scan in tests: songs that are put into one, what a scan says of them, and what the database holds."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import pytest
import soundfile
from conftest import Stem, music
from tagged import RATE

LIBRARY = Path("Music")


@pytest.fixture
def put(blanks: dict[str, Path]) -> Any:
    """Put a song into the library, of a sound and with tags of its own; gives its path."""

    def make(name: str | bytes, seed: int = 0, **fields: str) -> Path:
        path = LIBRARY / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".flac":
            with path.open("wb") as file:  # soundfile takes no name that is no UTF-8
                soundfile.write(file, music(0.3, RATE, seed=seed), RATE, subtype="PCM_16", format="FLAC")
            song = mutagen.flac.FLAC(path)
            song.update(fields)
            song.save()
        else:
            shutil.copy(blanks[path.suffix[1:]], path)
        return path.absolute()

    return make


@pytest.fixture
def scan(stem: Stem) -> Any:
    """What `stem scan --json` prints."""

    def run(*arguments: object, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(stem("scan", *(arguments or (LIBRARY,)), "--json", **options).stdout)
        return found

    return run


def names(found: dict[str, Any]) -> list[str]:
    return [Path(song["path"]).name for song in found["songs"]]


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in ("new", "changed", "moved", "gone") if found[name]}


def rows(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The table of songs, by the name of the file."""
    with closing(sqlite3.connect(tmp_path / "data" / "stem.sqlite")) as database:
        database.row_factory = sqlite3.Row
        return {Path(row["path"]).name: dict(row) for row in database.execute("SELECT * FROM library")}


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    found = (folder, *folder.rglob("*"))
    stats = {str(path): path.lstat() for path in found}
    return {name: (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}
