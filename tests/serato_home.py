"""A home with a library of Serato's, for one test at a time: some start a program that is called like Serato."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from stem_cli.dj.serato_crate import crate


@pytest.fixture
def serato(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder `_Serato_` of a home of its own."""
    folder = tmp_path / "home" / "Music" / "_Serato_"
    (folder / "Subcrates").mkdir(parents=True)
    (folder / "Subcrates" / "Mine.crate").write_bytes(crate(["Music/a.mp3"]))
    (folder / "database V2").write_bytes(b"not to be touched")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with filelock.FileLock(Path(tempfile.gettempdir()) / "stem-cli-tests-serato.lock"):
        yield folder
