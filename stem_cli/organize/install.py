"""Crates put into Serato's own folder: only new files, after a backup, and only while Serato does not run."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import psutil

from stem_cli.database import text_of
from stem_cli.disk import disk_errors, drive_of
from stem_cli.dj.serato_crate import FOLDER, paths_of, write_crate
from stem_cli.errors import BusyError, InputError, OutputError
from stem_cli.organize import manifest
from stem_cli.organize.manifest import INSTALLED, Manifest

_HOME = "_Serato_"
_PROGRAM = "serato"
"""How the names of all of its programs begin, in lower case."""


def serato_home(output: Path) -> Path:
    """Serato's folder for songs on the drive of the output. Raises InputError where there is none."""
    drive = drive_of(output)
    music = Path.home() / "Music"
    home = (music if drive == drive_of(music) else drive) / _HOME
    if not home.is_dir():
        raise InputError("Serato has no library there", home, "Start Serato once with this drive, or leave --install.")
    return home


def refuse_install(output: Path) -> None:
    """Before anything is written. Raises InputError where Serato has no library there, BusyError while it runs."""
    serato_home(output)
    _refuse_running()


def install(
    output: Path, crates: Sequence[str], data_dir: Path, ours: Manifest, tell: Callable[[str], None]
) -> list[str]:
    """Put crates of the output folder into Serato's. Returns what was written there. tell: hears of the backup.

    Raises BusyError while Serato runs, OutputError where a crate of that name is not ours or was changed since. Columns
    that Serato has added to one of ours stay.
    """
    home = serato_home(output)
    _refuse_running()
    wanted = {home / FOLDER / Path(crate).name: paths_of((output / crate).read_bytes()) for crate in crates}
    todo = {target: songs for target, songs in wanted.items() if _songs_in(target) != songs}
    for target in todo:
        _refuse_others(target, ours)
    if todo:
        _back_up(home, data_dir, tell)
    for target, songs in todo.items():
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        write_crate(target, songs)
        ours.files[_key(target)] = manifest.of(target, _print(songs))
    if todo:
        manifest.write(output, ours)
    return [str(target) for target in todo]


def _key(target: Path) -> str:
    return f"{INSTALLED}{text_of(target)}"


def _songs_in(target: Path) -> tuple[str, ...] | None:
    """None where there is no crate, or a damaged one."""
    try:
        return paths_of(target.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _print(songs: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(songs).encode()).hexdigest()


def _refuse_running() -> None:
    for process in psutil.process_iter(["name"]):
        if str(process.info["name"] or "").lower().startswith(_PROGRAM):
            raise BusyError(f"{process.info['name']} is running", None, "Close it first: it would not see the crates.")


def _refuse_others(target: Path, ours: Manifest) -> None:
    if not target.exists():
        return
    mark, songs = ours.files.get(_key(target)), _songs_in(target)
    known = (_print(songs or ()), hashlib.sha256(target.read_bytes()).hexdigest())  # the latter by older versions
    if mark is None or songs is None or mark.made_from not in known:
        what = "a crate of that name is there, and it is not as stem-cli wrote it"
        raise OutputError(what, target, "Rename it in Serato, or put the crate of _DJ/Serato there yourself.")


def _back_up(home: Path, data_dir: Path, tell: Callable[[str], None]) -> None:
    """All crates as they are, in our own folder of data."""
    folder = data_dir / "backups"
    with disk_errors(folder, "Set STEM_DATA_DIR"):
        folder.mkdir(parents=True, exist_ok=True)
        name = f"serato-{datetime.now():%Y%m%d-%H%M%S-%f}"
        if (home / FOLDER).is_dir():
            made = shutil.make_archive(str(folder / name), "zip", home, FOLDER)
            tell(f"Serato's crates as they were: {made}")
