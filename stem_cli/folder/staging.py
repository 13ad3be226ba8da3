"""Nothing half-made is ever seen: files are made in a hidden sibling and moved into place when all are whole.

The sibling `.<label>.<token>.partial/` holds `lock` (held as long as its process lives), `stems/` (the new files) and,
from the moment everything is on the disk, `plan.json`. Whoever finds a sibling whose lock is free finishes its plan, or
removes it if there is none.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stem_cli.disk import disk_errors, sync, write_synced
from stem_cli.errors import OutputError
from stem_cli.folder.place import Place

SUFFIX = ".partial"
_LOCK, _STEMS, _PLAN, _OLD = "lock", "stems", "plan.json", "old"
_LOCK_SECONDS = 5
_MAKING_SECONDS = 60
_NAME = re.compile(r"\..+\.[0-9a-f]{8}" + re.escape(SUFFIX))


@dataclass(frozen=True)
class Staging:
    """A hidden sibling held open: put files into `stems`, then `commit`."""

    root: Path
    place: Place

    @property
    def stems(self) -> Path:
        """Where the new files are made."""
        return self.root / _STEMS

    def commit(self, obsolete: tuple[str, ...] | None = ()) -> None:
        """Move all files into place; `obsolete` are files of ours there that the new ones replace, None is all of them.

        Everything is on the disk before the first file moves; interrupted or killed in between, the end of `stage` or
        the next run finishes it. Raises OutputError before anything moves where a file that is not ours is in the way.
        """
        home = "" if self.place.flat else self.place.home.name
        with disk_errors(self.place.home):
            obsolete = tuple(_names_in(self.place.home)) if obsolete is None else obsolete
            names = _names_in(self.stems)
            refuse_foreign(self.place, names, obsolete)
            plan = {"home": home, "prefix": self.place.prefix, "obsolete": sorted(set(obsolete) - names)}
            sync(self.stems)
            write_synced(self.root / _PLAN, json.dumps(plan))
            _apply(self.root)


def refuse_foreign(place: Place, names: Iterable[str], ours: Collection[str]) -> None:
    """Raises OutputError where something that is not ours is in the way of files with these names."""
    hint = "Move it, or choose another --output."
    if os.path.lexists(place.home) and not place.home.is_dir():
        raise OutputError("a file is in the way", place.home, hint)
    if not place.flat and not ours and _names_in(place.home):
        raise OutputError("this folder is not ours", place.home, hint)
    for name in sorted(names):
        if name not in ours and os.path.lexists(place.home / name):
            raise OutputError("this file is not ours", place.home / name, hint)


@contextmanager
def stage(place: Place) -> Iterator[Staging]:
    """Open a sibling of the place; it is gone when the block ends, with or without a commit. Raises OutputError."""
    from filelock import FileLock

    with ExitStack() as stack:
        with disk_errors(place.parent):
            stack.callback(_remove_empty, [one for one in (place.parent, *place.parent.parents) if not one.exists()])
            place.parent.mkdir(parents=True, exist_ok=True)
            finish_leftovers(place.parent)
            root = place.parent / f".{place.label[:80]}.{secrets.token_hex(4)}{SUFFIX}"
            stack.callback(_remove, root)
            root.mkdir(parents=True)  # parents: another process may have removed the folder, empty as it was
            stack.enter_context(FileLock(root / _LOCK, timeout=_LOCK_SECONDS))
            stack.callback(_finish, root)
            (root / _STEMS).mkdir()
        yield Staging(root, place)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, the deepest first, where nothing was put into them."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _finish(root: Path) -> None:
    """Carry out what is left of a plan that was interrupted; the next run tries again where that fails too."""
    with suppress(OSError):
        _apply(root)


def _remove(root: Path) -> None:
    """Remove a sibling; one with a plan that could not be carried out stays, it may hold the only copy of a file."""
    if _plan(root) is None:
        shutil.rmtree(root, ignore_errors=True)


def finish_leftovers(parent: Path) -> None:
    """Finish or remove what processes that died left in this folder."""
    from filelock import FileLock, Timeout

    for root in parent.glob(f".*{SUFFIX}"):
        if not _abandoned(root):
            continue
        try:
            with FileLock(root / _LOCK, timeout=0):
                _finish(root)
        except (Timeout, OSError):
            continue  # its process is alive, or another one removes it this moment
        _remove(root)


def _abandoned(root: Path) -> bool:
    """Ours, and not just being made: the lock comes first, so one without anything else may only be a moment old.

    One without a lock but with files is a removal that was killed.
    """
    try:
        names = {entry.name for entry in root.iterdir()}
        ours = _NAME.fullmatch(root.name) is not None and names <= {_LOCK, _STEMS, _PLAN, _OLD}
        begun = bool(names - {_LOCK})
        return ours and (begun or time.time() - root.stat().st_mtime > _MAKING_SECONDS)
    except OSError:
        return False


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _plan(root: Path) -> dict[str, Any] | None:
    """The plan, or None where there is none, or only the beginning of one: then nothing has moved yet."""
    try:
        plan: dict[str, Any] = json.loads((root / _PLAN).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return plan


def _apply(root: Path) -> None:
    """Carry out a plan, from wherever it was left. It is carried out when it is gone."""
    plan = _plan(root)
    if plan is None:
        return
    place = Place(root.parent / Path(plan["home"]).name, plan["prefix"])
    if place.flat:
        _apply_flat(root, place, plan["obsolete"])
    else:
        _apply_folder(root, place, plan["obsolete"])
    sync(place.parent)
    (root / _PLAN).unlink()


def _apply_flat(root: Path, place: Place, obsolete: list[str]) -> None:
    """The metadata goes first and comes last, so that it never speaks of files that are not there.

    `obsolete` holds no name of a new file: those may be there already.
    """
    staged = {path.name: path for path in (root / _STEMS).iterdir()} if (root / _STEMS).exists() else {}
    if not staged:
        return
    if place.metadata.name in staged:
        place.metadata.unlink(missing_ok=True)
    for name in _names_in(place.home) & set(obsolete):
        if not (place.home / name).is_dir():
            (place.home / name).unlink(missing_ok=True)
    for name in sorted(staged, key=lambda name: (name == place.metadata.name, name)):
        staged[name].replace(place.home / name)


def _apply_folder(root: Path, place: Place, obsolete: list[str]) -> None:
    """The old folder steps aside whole; what in it is not ours moves over into the new one.

    What has the name of a new file is ours: `commit` made sure.
    """
    new, old = root / _STEMS, root / _OLD
    if new.exists():
        _swap(root, place.home)
    if old.exists():
        for entry in old.iterdir():
            if entry.name not in obsolete and not (place.home / entry.name).exists():
                entry.rename(place.home / entry.name)


def _swap(root: Path, home: Path) -> None:
    """The new folder into its place; where that fails, the old one is there again and the plan is off."""
    old = root / _OLD
    try:
        if home.exists() and not old.exists():
            home.rename(old)
        (root / _STEMS).rename(home)
    except OSError:
        if old.exists() and not home.exists():
            old.rename(home)
        if not old.exists():
            (root / _PLAN).unlink()
        raise
