"""Which files are a Demucs model's alone: what `stem engines remove` deletes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stem_cli.engines.demucs import bag, models
from stem_cli.engines.demucs.bag import Shelf
from stem_cli.engines.runtime import converted as shared
from stem_cli.errors import EngineError
from stem_cli.models.files import is_there


def files_of(name: str, models_dir: Path) -> tuple[Path, ...]:
    """The files of a model in the folder, and what it was converted to, but for those that another one there needs.

    Raises EngineError where the folder cannot be read.
    """
    shelf = bag.open_shelf(models_dir)
    needed = set(_needed_by_others(name, shelf))
    found = [path for signature in _signatures(name, shelf) if (path := _path(signature, shelf)) not in needed]
    recipe = [shelf.bags[name]] if name in shelf.bags and name not in shelf.networks else []
    return (*recipe, *(path for path in found if path), *shared.files_of(f"{name}.json", models_dir))


def _signatures(name: str, shelf: Shelf) -> tuple[str, ...]:
    """Of the networks of a model; of a bag that makes no sense none."""
    with suppress(EngineError):
        return bag.recipe_of(name, shelf).signatures
    return ()


def _path(signature: str, shelf: Shelf) -> Path | None:
    ours = models.by_signature(signature)
    path = shelf.folder / ours.name if ours else None
    return shelf.networks.get(signature) or (path if path and is_there(path) else None)


def _needed_by_others(name: str, shelf: Shelf) -> Iterator[Path]:
    """Networks of other bags of the folder, and of those models of our table that are there as a whole."""
    for other in {*shelf.bags, *models.TABLE} - {name}:
        paths = [_path(signature, shelf) for signature in _signatures(other, shelf)]
        if other in shelf.bags or all(paths):
            yield from (path for path in paths if path)
