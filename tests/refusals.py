"""What a run says that must fail, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import music

from stem_cli import verify
from stem_cli.folder import find_folders

QUIET = ("--json", "--progress", "off")

Done = subprocess.CompletedProcess


def below(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, by relative path; folders count as empty."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Call it to take the working folder as it is; at the end of the test it must be the same still."""
    taken: list[dict[str, bytes]] = []
    yield lambda: taken.append(below(tmp_path / "work"))
    assert taken, "the test never took the folder"
    assert below(tmp_path / "work") == taken[-1]
    assert not [name for name in below(tmp_path / "cache") if name.startswith("stems/")]


def tells(line: str, path: object, *words: str) -> None:
    """A good error: one line that names the file, what happened and what to do."""
    assert line.startswith(f"{path}: "), line
    what, advice = line.removeprefix(f"{path}: ").rstrip(".").split(". ", 1)
    assert what
    assert advice
    assert "bug" not in line
    for word in words:
        assert word in line


def refused(done: Done[str], path: object, *words: str) -> None:
    """Nothing on stdout, no traceback on stderr, and at its end a good error."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("stem: ")
    tells(last.removeprefix("stem: "), path, *words)


def results_of(done: Done[str]) -> dict[str, dict[str, Any]]:
    """What `--json` says of each file."""
    assert "Traceback" not in done.stderr
    return {result["file"]: result for result in map(json.loads, done.stdout.splitlines())}


def all_failed(done: Done[str], paths: Iterable[object], exit_code: int, *words: str) -> None:
    """Every file failed with that code and a good error."""
    results = results_of(done)
    assert {name: result["status"] for name, result in results.items()} == {str(path): "failed" for path in paths}
    assert {result["exit_code"] for result in results.values()} == {exit_code}, results
    for name, result in results.items():
        tells(result["error"], name if exit_code == 3 else result["error"].split(": ")[0], *words)


def whole(folder: Path | str, count: int) -> None:
    """So many folders of stems lie there, all as they were written, and nothing half-made."""
    report = verify.verify(find_folders(Path(folder)))
    assert (report.folders, report.findings) == (count, ())
    assert not [path for path in Path(folder).rglob("*") if path.name.endswith(".partial")]


def small_song(path: str | Path = "song.wav", seed: int = 0, **options: Any) -> Path:
    """One second of mono, quickly separated."""
    soundfile.write(path, music(1, 22050, 1, seed=seed), 22050, **{"subtype": "PCM_16", **options})
    return Path(path)
