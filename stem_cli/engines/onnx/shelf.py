"""Which ONNX models there are: those of our own table and those that were added to the folder of models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path

from stem_cli.engines import NoSuchModel, NotHere
from stem_cli.engines.onnx.manifest import Manifest, read
from stem_cli.errors import EngineError
from stem_cli.models import check, find, memory_of
from stem_cli.models.files import is_there

ENDING = ".toml"


@cache
def table() -> tuple[Manifest, ...]:
    """The models that we know, best first."""
    folder = resources.files("stem_cli.engines.onnx") / "manifests"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(ENDING))
    found = []
    for name in names:
        with resources.as_file(folder / name) as path:
            found.append(read(path))
    return tuple(sorted(found, key=lambda one: (-sum(one.quality.values()), one.name)))  # all by one and the same board


def manifest_of(name: str, models_dir: Path) -> Manifest:
    """The manifest of a model. Raises EngineError where there is none of that name, or a broken one."""
    for manifest in table():
        if manifest.name == name:
            return manifest
    path = models_dir / f"{name}{ENDING}"
    if Path(path).name == f"{name}{ENDING}" and is_there(path):
        return read(path)
    known = ", ".join(one.name for one in (*table(), *added(models_dir)))
    hint = f"Choose one of: {known}. Or add one: `stem engines add MANIFEST`."
    raise NoSuchModel(f"there is no ONNX model {name!r}", None, hint)


def added(models_dir: Path) -> Iterator[Manifest]:
    """The models that the user has added; broken manifests are passed over."""
    paths: list[Path] = []
    with suppress(OSError):  # who asks for a model by its name hears why
        paths = sorted(models_dir.glob(f"*{ENDING}")) if models_dir.is_dir() else []
    for path in paths:
        with suppress(EngineError):
            manifest = read(path)
            if manifest.name == path.stem:
                yield manifest


def weights_of(manifest: Manifest, models_dir: Path) -> tuple[Path, str]:
    """The model's file and its digest. Raises EngineError where it is not there, or not whole."""
    path = find(manifest.file, models_dir)
    if path is None:
        what = f"the model {manifest.name} is not on this machine yet"
        hint = (
            f"Type `stem engines download {manifest.name}`." if manifest.file.url else "Put its file into the folder."
        )
        raise NotHere(what, models_dir / manifest.file.name, hint)
    download = manifest.name if manifest.file.url else ""
    return path, check(path, manifest.file.sha256, memory_of(models_dir), download, manifest.file.bytes)


def files_of(name: str, models_dir: Path) -> tuple[Path, ...]:
    """The manifest of a model in the folder and its ONNX file, unless another manifest there names that too.

    Raises EngineError where there is no such model, or the folder cannot be read.
    """
    manifest = manifest_of(name, models_dir)
    needed = {one.file.name for one in (*table(), *added(models_dir)) if one.name != manifest.name}
    own = manifest not in table()
    names = [*([] if manifest.file.name in needed else [manifest.file.name]), *([f"{name}{ENDING}"] if own else [])]
    return tuple(path for one in names if is_there(path := models_dir / one))
