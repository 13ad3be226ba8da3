"""Which file of a model is meant, where it lies, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stem_cli.errors import EngineError

_DIGITS = 64


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    sha256: all 64 digits, or as many of its first as are known (8 for most of Demucs'); "" is unknown.
    bytes: None is unknown.
    """

    name: str
    url: str
    sha256: str = ""
    bytes: int | None = None


def places(models_dir: Path) -> tuple[Path, ...]:
    """Folders that files are looked for in, best first: our own, then PyTorch's, which is only read."""
    named = os.environ.get("XDG_CACHE_HOME")
    cache = Path(named) if named else Path.home() / ".cache"
    torch = Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser()
    return (models_dir, torch / "hub" / "checkpoints")


def find(file: ModelFile, models_dir: Path) -> Path | None:
    """Where the file lies, if anywhere. `check` tells whether it is whole. Raises EngineError, see `is_there`."""
    ours, *foreign = (folder / file.name for folder in places(models_dir))
    if is_there(ours):
        return ours
    for path in foreign:
        with suppress(OSError):  # what other programs forbid to read is not there for us
            if path.is_file():
                return path
    return None


def is_there(path: Path) -> bool:
    """Whether a file lies in a folder of models of ours. Raises EngineError where that cannot be seen."""
    try:
        return path.is_file()
    except OSError as error:
        what = f"this folder of models cannot be read ({error.strerror})"
        raise EngineError(what, path.parent, "Check its permissions, or choose another --models-dir.") from error


def memory_of(models_dir: Path) -> Path:
    """The small file in which `digest` remembers, for models of this folder."""
    return models_dir / ".digests.json"


def check(path: Path, sha256: str, remembered: Path, model: str = "", size: int | None = None) -> str:
    """The whole digest of a file that has to be the one we know.

    sha256: its first digits, "" is unknown. size: in bytes, None is unknown. remembered: see `digest`. model: what
    `stem engines download` calls it, "" for a file of the user's own. Raises EngineError that says what to delete.
    """
    if size is not None and (found := _stat(path).st_size) != size:
        raise _broken(path, f"it has {found:,} bytes instead of {size:,} (half-downloaded or damaged)", model)
    known = digest(path, remembered)
    if not known.startswith(sha256.lower()):
        raise _broken(path, f"its checksum is wrong: {known[:8]}... (half-downloaded or damaged)", model)
    return known


def _broken(path: Path, what: str, model: str) -> EngineError:
    again = f" and type `stem engines download {model}`" if model else " and put a whole one there"
    return EngineError(what, path, f"Delete this file{again}.")


def digest(path: Path, remembered: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits.

    remembered: a small JSON file of digests by path, size, time of change and inode, so that a second run does not
    read the model once more; it is made where it is missing, and done without where that is not allowed.
    Raises EngineError where the file cannot be read.
    """
    key, mark, memory = str(path.absolute()), _mark(path), _read_memory(remembered)
    if memory.get(key, [])[:-1] == mark:
        return str(memory[key][-1])
    known = sha256_of(path)
    if _mark(path) == mark:  # else somebody writes it this moment
        _write_memory(remembered, {**memory, key: [*mark, known]})
    return known


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read from its start. Raises EngineError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _mark(path: Path) -> list[int]:
    """What changes when a file does."""
    stat = _stat(path)
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> EngineError:
    return EngineError(f"this model's file cannot be read ({error.strerror})", path, "Check its permissions.")


def _read_memory(path: Path) -> dict[str, list[Any]]:
    """What is remembered; whatever is not of the right shape is not."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    rows = found.items() if isinstance(found, dict) else ()
    return {key: row for key, row in rows if isinstance(row, list) and row and len(str(row[-1])) == _DIGITS}


def _write_memory(path: Path, memory: dict[str, list[Any]]) -> None:
    """Remember, as far as that is allowed; files that are gone are forgotten."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(json.dumps({key: row for key, row in memory.items() if Path(key).exists()}), "utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
