"""The folder `converted` beside the models: networks that were converted for OpenVINO, once.

For each network DIGEST-FRAMES.xml and .bin, for each model a record in JSON that says what it is. The record comes
last: without it nothing is there. One process at a time writes; what one left that was killed is removed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stem_cli.engines.runtime import openvino
from stem_cli.errors import OutputError
from stem_cli.models import digest, memory_of

_FOLDER, _COMPILED = "converted", "compiled"


def folder(models_dir: Path) -> Path:
    """Where converted models lie."""
    return models_dir / _FOLDER


def compiled(models_dir: Path) -> Path:
    """Where OpenVINO keeps what it compiled from them for this machine."""
    return folder(models_dir) / _COMPILED


def core_path(weights: str, frames: int, models_dir: Path) -> Path:
    """The core of one network, by the digest of its weights and the length of its input."""
    return folder(models_dir) / f"{weights[:16]}-{frames}.xml"


def read_record(file: str, schema: int, models_dir: Path) -> dict[str, Any] | None:
    """What a record says, None where there is none of this schema or a file of the model is missing.

    Lists come as tuples. `sums` is always there: the SHA-256 of every file, by name.
    """
    path = folder(models_dir) / file
    try:
        found = {key: _tuples(value) for key, value in json.loads(path.read_text("utf-8")).items()}
        whole = found["schema"] == schema and bool(found["sums"])
        there = all((path.parent / name).is_file() for name in found["sums"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if whole and there else None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def write_record(file: str, facts: Mapping[str, Any], models_dir: Path) -> None:
    """Write a record, whole or not at all."""
    partial = folder(models_dir) / f".{file}.partial"
    partial.write_text(json.dumps(facts, indent=1), "utf-8")
    partial.replace(folder(models_dir) / file)


def sums_of(paths: Iterable[Path], models_dir: Path) -> dict[str, str]:
    """The SHA-256 of each network's two files, by name. paths: those of the .xml."""
    both = [file for path in paths for file in (path, path.with_suffix(".bin"))]
    return {path.name: digest(path, memory_of(models_dir)) for path in both}


def damaged(sums: Mapping[str, str], models_dir: Path) -> Path | None:
    """The first file that is not as it was written. Raises EngineError where one cannot be read."""
    for name, known in sums.items():
        path = folder(models_dir) / name
        if digest(path, memory_of(models_dir)) != known:
            return path
    return None


def due(name: str, sums: Mapping[str, str] | None, models_dir: Path, takes: str, note: Callable[[str], None]) -> bool:
    """Whether a model is to be converted now; `note` is told why, or why it cannot be.

    sums: of what was converted of it, None where nothing was. takes: how long it takes, in words.
    """
    broken = sums is not None and damaged(sums, models_dir) is not None
    if sums is not None and not broken:
        return False
    if not openvino.writable(folder(models_dir)):
        note(f"{name} cannot be converted for OpenVINO, torch runs it: {models_dir} may not be written to")
        return False
    first = f"used for the first time: converting it, once, which takes {takes}"
    note(f"{name}: {'what OpenVINO runs is damaged: making it anew' if broken else first}")
    return True


def sizes(file: str, sums: Mapping[str, str], models_dir: Path) -> dict[str, int]:
    """Bytes of each file of a converted model, its record among them."""
    return {name: (folder(models_dir) / name).stat().st_size for name in (file, *sums)}


def files_of(file: str, models_dir: Path) -> tuple[Path, ...]:
    """A record and the files of its model, but for those that another record names too. None of it has to be whole."""
    record = folder(models_dir) / file
    others = {name for path in folder(models_dir).glob("*.json") if path != record for name in _named(path)}
    found = (record, *(record.with_name(name) for name in _named(record) if name not in others))
    return tuple(path for path in found if path.is_file())


def _named(record: Path) -> list[str]:
    """The files that a record names: none in another folder is one."""
    try:
        names = list(json.loads(record.read_text("utf-8"))["sums"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [name for name in names if name not in ("", "..") and Path(name).name == name and "\0" not in name]


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One process at a time writes there. What one left that was killed is removed. Raises OutputError."""
    from filelock import FileLock

    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            for left in home.glob(".*.partial*"):
                left.unlink()
            yield
    except OSError as error:
        hint = "Free some space there, or choose another --models-dir."
        raise OutputError(f"a converted model cannot be written ({error.strerror})", home, hint) from error


def by_itself(engine: str, name: str, models_dir: Path, force: bool) -> str:
    """Let an engine convert a model in a process of its own, which takes the memory of torch with it.

    It runs the engine's `convert_here(name, models_dir, force)`. Gives why that failed, "" where it did not.
    """
    code = f"import sys; from stem_cli.engines.{engine} import convert_here; convert_here(*sys.argv[1:])"
    command = [sys.executable, "-P", "-c", code, name, str(models_dir), *(["force"] if force else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
