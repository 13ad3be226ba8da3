"""Where the files of a Demucs model lie, and that they are whole. No torch is needed to find a converted model.

A folder of models means what it means to `demucs --repo`: a network is `NAME.th` or `NAME-digits.th`, whose SHA-256
begins with the digits, or the hub's `NAME.safetensors`; a bag of several is `NAME.yaml`. What the folder does not have
comes from our own table, from the places of `stem_cli.models` or from the hub's cache, which is only read.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stem_cli.engines import NoSuchModel, NotHere
from stem_cli.engines.demucs import models
from stem_cli.errors import EngineError
from stem_cli.models.files import check, find, is_there

SAFE = ".safetensors"
_OTHERS = (".ckpt", ".pth")
"""Weights that are not Demucs': a yaml of their name describes those, and is no bag."""
_LARGEST_YAML_BYTES = 100_000
_FAULTS = (ValueError, RecursionError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What pyyaml lets through of a value that is not of the type that it claims."""
_LARGEST_NUMBER = 1e9
_DIGITS = 64


@dataclass(frozen=True)
class Located:
    """A model that is on this machine, its files whole. files, digests: one a network, SHA-256.

    weights: one row a network, one column a stem; () is all equal. segment: seconds, None keeps the networks' own.
    """

    name: str
    files: tuple[Path, ...]
    digests: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...] = ()
    segment: float | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of all that the sound depends on: the files' digests, the weights, the segment."""
        facts = json.dumps([self.digests, self.weights, self.segment])
        return hashlib.sha256(facts.encode()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """What a bag is mixed from; of a single network, itself."""

    signatures: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...] = ()
    segment: float | None = None


@dataclass(frozen=True)
class Shelf:
    """What a folder of models holds: networks by signature, bags by name."""

    folder: Path
    networks: dict[str, Path] = field(default_factory=dict)
    bags: dict[str, Path] = field(default_factory=dict)


def locate(name: str, models_dir: Path, remembered: Path) -> Located:
    """Find a model by its name, that of a user's own bag, or a network's signature, and check its files.

    remembered: where digests are kept, see `stem_cli.models.digest`. Raises EngineError where there is no such model,
    where a file is missing or broken, and where a bag makes no sense.
    """
    shelf = open_shelf(models_dir)
    recipe = recipe_of(name, shelf)
    found = [_network(signature, name, shelf, remembered) for signature in recipe.signatures]
    files, digests = tuple(path for path, _ in found), tuple(digest for _, digest in found)
    return Located(name, files, digests, recipe.weights, recipe.segment)


def own_names(models_dir: Path) -> tuple[str, ...]:
    """Models and bags of the user's own in a folder; networks that only our own table's bags use are none."""
    try:
        shelf = open_shelf(models_dir)
    except EngineError:
        return ()
    ours = {signature for model in models.TABLE.values() for signature in (model.name, *model.signatures)}
    return tuple(sorted({*shelf.networks, *shelf.bags} - ours))


def open_shelf(folder: Path) -> Shelf:
    """What a folder holds. Raises EngineError where it cannot be read, or holds a network twice."""
    shelf = Shelf(folder)
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise EngineError(f"this folder of models cannot be read ({error.strerror})", folder) from error
    for path in paths:
        if path.suffix == ".yaml" and not any(is_there(path.with_suffix(ending)) for ending in _OTHERS):
            shelf.bags[path.stem] = path
        elif path.suffix == ".th":
            name = path.stem.rpartition("-")[0] or path.stem
            if name in shelf.networks:
                both = f"{shelf.networks[name].name} and {path.name}"
                raise EngineError(f"two files hold the network {name}: {both}", folder, "Delete all but one of them.")
            shelf.networks[name] = path
    safe = {path.stem: path for path in paths if path.suffix == SAFE}
    shelf.networks.update(safe)  # no pickle: the better one where both are there
    return shelf


def recipe_of(name: str, shelf: Shelf) -> Recipe:
    """What a model is mixed from. Raises EngineError where there is none of that name, or its bag makes no sense."""
    if name in shelf.networks:
        return Recipe((name,))
    if name in shelf.bags:
        return _read_bag(shelf.bags[name])
    if name in models.TABLE:
        model = models.TABLE[name]
        return Recipe(model.signatures, model.weights, model.segment)
    if models.by_signature(name):
        return Recipe((name,))
    names = [*models.TABLE, *own_names(shelf.folder)]
    near = get_close_matches(name, names, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise NoSuchModel(f"there is no Demucs model {name!r}", None, f"{hint}Choose one of: {', '.join(names)}.")


def _network(signature: str, name: str, shelf: Shelf, remembered: Path) -> tuple[Path, str]:
    """The file of one network and its digest."""
    ours = models.by_signature(signature)
    path = shelf.networks.get(signature) or (find(ours, shelf.folder) if ours else None)
    if ours and path and path.name == ours.name:
        download = name if name in models.TABLE else ""
        return path, check(path, ours.sha256, remembered, download, ours.bytes)
    if path:
        digits = path.stem.rpartition("-") if path.suffix == ".th" else ("", "", "")
        return path, check(path, digits[2] if digits[0] else "", remembered)
    if ours and (path := _in_hub(signature)):
        blob = path.resolve().name  # the hub's cache names its files by their SHA-256
        return path, check(path, blob if len(blob) == _DIGITS else "", remembered)
    if name in models.TABLE:
        what, hint = f"the model {name} is not on this machine yet", f"Type `stem engines download {name}`."
    else:
        what, hint = f"{name} wants a network {signature!r} that is not there", "Put its file into this folder."
    raise NotHere(what, shelf.folder, hint)


def _in_hub(signature: str) -> Path | None:
    """A network of the table that package demucs has fetched from Hugging Face, None where there is none."""
    model = next(model for model in models.TABLE.values() if signature in model.signatures)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    snapshots = hub / f"models--{model.hub.replace('/', '--')}" / "snapshots"
    with suppress(OSError):  # what others forbid to read is not there for us
        return next((path for path in sorted(snapshots.glob(f"*/{signature}{SAFE}")) if path.is_file()), None)
    return None


def _read_bag(path: Path) -> Recipe:
    """The networks that a bag's YAML names, their weights and the segment."""
    found = _read_yaml(path)
    signatures = found.get("models") if isinstance(found, dict) else None
    if not isinstance(signatures, list) or not signatures or not all(isinstance(one, str) for one in signatures):
        raise _senseless(path, "it names no list of models in quotes")
    weights, segment = found.get("weights"), found.get("segment")
    if not (segment is None or (_is_number(segment) and segment > 0)):
        huge = isinstance(segment, int) and abs(segment) >= _LARGEST_NUMBER  # Python may refuse to write it
        told = "far too large" if huge else f"{segment!r} instead of a number of seconds"
        raise _senseless(path, f"its segment is {told}")
    return Recipe(tuple(signatures), _weights(path, weights, len(signatures)), segment)


def _read_yaml(path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise EngineError("a bag of models needs the package pyyaml", path, "Type `pip install pyyaml`.") from error
    try:
        if path.stat().st_size > _LARGEST_YAML_BYTES:
            raise _senseless(path, "it is far too long for one")
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise EngineError(f"this bag of models cannot be read ({error.strerror})", path) from error
    except (yaml.YAMLError, *_FAULTS) as error:
        first = (str(getattr(error, "problem", None) or error) or "it is no YAML").splitlines()[0]
        raise _senseless(path, first) from error


def _weights(path: Path, rows: object, networks: int) -> tuple[tuple[float, ...], ...]:
    """Weights as they have to be: one row a network, rows of one length, and every stem made by somebody."""
    if rows is None:
        return ()
    if not isinstance(rows, list) or len(rows) != networks:
        raise _senseless(path, f"it has {networks} models, so its weights need {networks} rows")
    if not all(isinstance(row, list) and row and all(_is_number(one) for one in row) for row in rows):
        raise _senseless(path, "its weights are not rows of numbers")
    if len({len(row) for row in rows}) > 1:
        raise _senseless(path, "the rows of its weights differ in length")
    for column, stem in enumerate(zip(*rows, strict=True), start=1):
        if sum(stem) == 0:  # each stem is divided by it
            raise _senseless(path, f"the weights of its stem {column} add up to 0")
    return tuple(tuple(float(one) for one in row) for row in rows)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER


def _senseless(path: Path, why: str) -> EngineError:
    example = "A bag looks like this: models: ['955717e8', '5c90dfd2'], and if need be weights and segment."
    return EngineError(f"this is not a bag of models: {why}", path, example)
