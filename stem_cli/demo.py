"""The song that ships with stem-cli."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

_FILE = "demo.flac"


@contextmanager
def song_path() -> Iterator[Path]:
    """The song as a file, however the package is installed. It is ours to read and nobody's to write."""
    with as_file(files("stem_cli") / "data" / _FILE) as path:
        yield path
