"""Which UVR model is meant, where it lies, and that it is whole.

A model is a file of weights and a yaml. Those of our table are known by checksum; any other is found by its name in the
folder of models: NAME.ckpt (.pth, .safetensors, .th), beside it NAME.yaml or config_NAME.yaml. A .pth without a yaml is
a VR network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from stem_cli.engines import NoSuchModel, NotHere
from stem_cli.engines.uvr import models
from stem_cli.engines.uvr.models import UvrModel
from stem_cli.errors import EngineError
from stem_cli.models import ModelFile, check, find, memory_of
from stem_cli.models.files import is_there

ENDINGS = (".ckpt", ".pth", ".safetensors", ".th")
"""Of files of weights."""
_OURS_ALONE = (".ckpt", ".pth")
"""Those of ENDINGS that no other engine's models have."""
_VR = ".pth"
_CONFIGS = ("{}.yaml", "{}.yml", "config_{}.yaml", "{}_config.yaml")


@dataclass(frozen=True)
class Located:
    """A model that is on this machine, its files whole. kind: of VR networks and the table; else only the yaml says it.

    weights: None where only what it was converted to is here. config: the yaml, None of VR networks. digest: SHA-256
    over both.
    """

    name: str
    kind: str
    weights: Path | None
    config: Path | None
    digest: str

    @property
    def makes(self) -> tuple[str, ...]:
        """What the table says that the network makes, () of other models."""
        return models.TABLE[self.name].makes if self.is_ours else ()

    @property
    def is_ours(self) -> bool:
        """Whether it is one of our table: nothing else is found by such a name."""
        return self.name in models.TABLE


def locate(name: str, models_dir: Path) -> Located:
    """Find a model by its name, or by that of its file of weights, and check its files. Raises EngineError."""
    ours = of_table(name)
    if ours is not None:
        return _ours(ours, models_dir)
    weights = weights_of(name, models_dir)
    config = config_of(weights.stem, models_dir)
    if config is None and weights.suffix == _VR:
        return Located(weights.stem, models.VR, weights, None, check(weights, "", memory_of(models_dir)))
    if config is None and weights.suffix not in _OURS_ALONE:
        raise _unknown(name, models_dir)
    if config is None:
        hint = f"Put {weights.stem}.yaml, which comes with the weights, beside it."
        raise EngineError("the yaml that describes this model is missing", weights, hint)
    digests = [check(path, "", memory_of(models_dir)) for path in (weights, config)]
    return Located(weights.stem, "", weights, config, _digest(digests))


def own_names(models_dir: Path) -> tuple[str, ...]:
    """Models of the user's own: weights with a yaml beside them, or VR networks; no file of our table is one."""
    ours = {model.weights.name for model in models.TABLE.values()}
    try:
        paths = sorted(models_dir.iterdir()) if models_dir.is_dir() else []
        found = (path for path in paths if path.suffix in ENDINGS and path.name not in ours)
        own = [path.stem for path in found if path.suffix == _VR or config_of(path.stem, models_dir)]
    except (OSError, EngineError):  # who asks for a model by its name hears why
        return ()
    return tuple(dict.fromkeys(own))


def of_table(name: str) -> UvrModel | None:
    """The model of our table that has this name, or whose weights have it."""
    by_file = (model for model in models.TABLE.values() if model.weights.name == name)
    return models.TABLE.get(name) or next(by_file, None)


def _ours(model: UvrModel, models_dir: Path) -> Located:
    """A model of the table."""
    paths = tuple(_there(file, model.name, models_dir) for file in (model.weights, model.config) if file is not None)
    files = (file for file in (model.weights, model.config) if file is not None)
    digests = [
        check(path, file.sha256, memory_of(models_dir), model.name, file.bytes)
        for path, file in zip(paths, files, strict=True)
    ]
    config = paths[1] if model.config is not None else None
    return Located(model.name, model.kind, paths[0], config, _digest(digests))


def _there(file: ModelFile, name: str, models_dir: Path) -> Path:
    path = find(file, models_dir)
    if path is None:
        what = f"the model {name} is not on this machine yet"
        raise NotHere(what, models_dir / file.name, f"Type `stem engines download {name}`.")
    return path


def weights_of(name: str, models_dir: Path) -> Path:
    """The one file of weights that a name means. Raises EngineError."""
    wanted = [name] if name.endswith(ENDINGS) else [f"{name}{ending}" for ending in ENDINGS]
    if not name or Path(name).name != name or "\0" in name:
        raise _unknown(name, models_dir)
    found = [path for one in wanted if is_there(path := models_dir / one)]
    if len(found) > 1:
        both = " and ".join(path.name for path in found[:2])
        raise EngineError(f"{name} can be {both}", models_dir, "Name the file with its ending.")
    if not found:
        raise _unknown(name, models_dir)
    return found[0]


def config_of(stem: str, models_dir: Path) -> Path | None:
    """The yaml that describes weights of that name, if there is one. Raises EngineError where that cannot be seen."""
    return next((path for form in _CONFIGS if is_there(path := models_dir / form.format(stem))), None)


def _digest(digests: list[str]) -> str:
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _unknown(name: str, models_dir: Path) -> NoSuchModel:
    known = [*models.TABLE, *own_names(models_dir)]
    near = get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    choose = f"Choose one of: {', '.join(known)}." if known else "Put its weights and its yaml into the folder."
    return NoSuchModel(f"there is no UVR model {name!r}", models_dir, hint + choose)


def known_names(models_dir: Path) -> Iterator[str]:
    """All models, best first: those of the table, then the user's own."""
    yield from models.TABLE
    yield from own_names(models_dir)
