"""Which files are an UVR model's alone: what `stem engines remove` deletes."""

from __future__ import annotations

from pathlib import Path

from stem_cli.engines import NotHere
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.uvr import models, shelf
from stem_cli.models.files import is_there


def files_of(name: str, models_dir: Path) -> tuple[Path, ...]:
    """The files of a model in the folder, and what it was converted to, but for those that another one there needs.

    Raises EngineError where the folder cannot be read.
    """
    ours = shelf.of_table(name)
    found = _of_table(ours, models_dir) if ours else _own(name, models_dir)
    stem = ours.name if ours else found[0].stem if found else name
    return (*found, *shared.files_of(f"{stem}.uvr.json", models_dir))


def _of_table(model: models.UvrModel, models_dir: Path) -> tuple[Path, ...]:
    others = [one for one in models.TABLE.values() if one != model and is_there(models_dir / one.weights.name)]
    needed = {one.config.name for one in others if one.config}
    names = [file.name for file in (model.weights, model.config) if file and file.name not in needed]
    return tuple(path for one in names if is_there(path := models_dir / one))


def _own(name: str, models_dir: Path) -> tuple[Path, ...]:
    """Weights, and what describes them unless it describes other weights too; () where only a conversion is there."""
    try:
        weights = shelf.weights_of(name, models_dir)
    except NotHere:
        return ()
    beside = shelf.config_of(weights.stem, models_dir) or weights.with_suffix(".toml")
    alone = not any(is_there(weights.with_suffix(one)) for one in shelf.ENDINGS if one != weights.suffix)
    return (weights, beside) if alone and is_there(beside) else (weights,)
