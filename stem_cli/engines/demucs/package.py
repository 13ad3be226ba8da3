"""Reads the file of one network as safely as its format allows: no code of a file is ever run.

A `.th` is a pickle. Which classes and functions it names is asked first, without running it, and one that is not in our
list ends it there. Then it is read by torch's own small unpickler, with stand-ins of ours for what it may name: a class
stays a name. A `.safetensors` holds no pickle, and its class is looked up in the same list.
"""

from __future__ import annotations

import importlib
import json
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stem_cli.engines.demucs.bag import SAFE
from stem_cli.errors import EngineError

NETWORKS = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs")
"""The only classes a model may be of."""
QUANTISERS = ("diffq.diffq.DiffQuantizer", "diffq.uniform.UniformQuantizer", "diffq.lsq.LSQ")
"""What a quantised state may name."""
_NUMPY = ("numpy.dtype", "numpy.ndarray", *(f"{core}.multiarray.{name}" for core in ("numpy.core", "numpy._core")
          for name in ("scalar", "_reconstruct")))  # fmt: skip
"""Numbers in the records of the training (`metrics`), which nothing here reads."""
_HTDEMUCS = (b"demucs.htdemucs\nHTDemucs\n", b"demucs.htdemucs.HTDemucs")
"""As a pickle of protocol 2 names it, torch's own, and as a `.safetensors` does."""
_MOST_BYTES = 10_000_000
"""Of a pickle or a head that is searched for it: those of htdemucs have 0.1 MB."""
_ZIP = b"PK\x03\x04"
FAULTS: tuple[type[Exception], ...] = (
    RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError,
    ImportError, MemoryError, OSError, struct.error, pickle.UnpicklingError,
)  # fmt: skip
"""What torch and the networks raise on a file that is damaged, or not what it says it is."""


@dataclass(frozen=True)
class Package:
    """What a file holds. klass: one of NETWORKS. state: gives the tensors by name; a quantised one is nested."""

    klass: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    state: Callable[[], dict[str, Any]]


class _Named:
    """Stands for a class that a file names. It can be recognised, and never be made."""

    path = ""

    def __new__(cls, *_: object) -> _Named:
        raise pickle.UnpicklingError(f"{cls.path} is made inside of the file")


class _Forgotten:
    """Stands for what a file may hold and nobody reads."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _fraction(*parts: Any) -> Fraction:
    """A fraction as pickled: "39/5", or 39 and 5. Not "1e999999999", which would take hours."""
    if any(isinstance(part, str) and not re.fullmatch(r"-?\d{1,20}(/\d{1,20})?", part) for part in parts):
        raise pickle.UnpicklingError(f"a fraction {parts!r}")
    made: Fraction = Fraction(*parts)
    return made


_STAND_INS: dict[str, Callable[..., object]] = {
    **{path: type("Named", (_Named,), {"path": path}) for path in (*NETWORKS, *QUANTISERS)},
    **{path: type("Forgotten", (_Forgotten,), {}) for path in _NUMPY},
    "fractions.Fraction": _fraction,
}


def is_htdemucs(path: Path) -> bool:
    """Whether the file of one network names the class HTDemucs: a first look, without torch, that runs nothing."""
    try:
        if path.suffix == SAFE:
            with path.open("rb") as file:
                (size,) = struct.unpack("<Q", file.read(8))
                return _HTDEMUCS[1] in file.read(min(size, _MOST_BYTES))
        with zipfile.ZipFile(path) as box:
            name = next(name for name in box.namelist() if name.endswith("data.pkl"))
            with box.open(name) as file:
                return _HTDEMUCS[0] in file.read(_MOST_BYTES)
    except (OSError, ValueError, LookupError, StopIteration, EOFError, struct.error, zipfile.BadZipFile, zlib.error):
        return False  # damaged: what opens it will say so


def open_package(path: Path) -> Package:
    """What the file of one network holds. Needs torch for `.th`, not for `.safetensors` until its state is asked for.

    Raises EngineError for a file that is damaged, of another format, or names something that is not in our list.
    """
    return _open_safetensors(path) if path.suffix == SAFE else _open_pickle(path)


def _open_pickle(path: Path) -> Package:
    """A `.th`: a zip of torch with a dict of `klass`, `args`, `kwargs` and `state` (demucs/states.py)."""
    torch = import_package("torch", path)
    if not hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint"):
        raise EngineError(
            f"torch {torch.__version__} is too old to read it safely", path, "Type `pip install -U torch`."
        )
    _refuse_other_formats(path)
    with _damage_told(path):
        wanted = set(torch.serialization.get_unsafe_globals_in_checkpoint(path)) - set(_STAND_INS)
    if wanted:
        raise _refused(path, sorted(wanted))
    allowed: list[Any] = [(stand_in, name) for name, stand_in in _STAND_INS.items()]
    with _damage_told(path), torch.serialization.safe_globals(allowed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an unusual protocol, which is refused if it matters
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        klass, args, kwargs, state = (found[key] for key in ("klass", "args", "kwargs", "state"))
        if not (isinstance(klass, type) and issubclass(klass, _Named) and klass.path in NETWORKS):
            raise TypeError(f"its class is {klass!r}")
        state = dict(state)
        return Package(klass.path, tuple(args), dict(kwargs), lambda: state)


def _refuse_other_formats(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
    except OSError as error:
        raise EngineError(f"this model's file cannot be read ({error.strerror})", path) from error
    if start != _ZIP:
        what = "this file is empty" if not start else "this is no file of torch.save of version 1.6 or later (a zip)"
        raise EngineError(what, path, "Delete it and get the model again, or save it anew with a newer torch.")


def _open_safetensors(path: Path) -> Package:
    """The hub's form: class and arguments as JSON strings in the metadata, tensors beside them (demucs/hf.py)."""
    safetensors = import_package("safetensors", path)
    with _damage_told(path, safetensors.SafetensorError), safetensors.safe_open(str(path), framework="np") as file:
        facts = file.metadata()
        klass, args, kwargs = facts["klass"], _decoded(facts["args"]), _decoded(facts["kwargs"])
        structure = json.loads(facts["structure"]) if "structure" in facts else None
        package = Package(klass, tuple(args), dict(kwargs), lambda: _tensors(path, structure))
    if klass not in NETWORKS:
        raise _refused(path, [klass])
    return package


def _tensors(path: Path, structure: object) -> dict[str, Any]:
    """The state of a `.safetensors`: its tensors by name, or put together as `structure` says where it is nested."""
    safetensors = import_package("safetensors", path)
    import_package("torch", path)
    with _damage_told(path, safetensors.SafetensorError), safetensors.safe_open(str(path), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        return tensors if structure is None else dict(_nested(structure, tensors, path))


def _nested(node: Any, tensors: Mapping[str, Any], path: Path) -> Any:
    """A quantised state from its JSON, the inverse of `_flatten_state` of demucs/tools/export_hf.py."""
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "_tensor":
        return tensors[value]
    if kind == "_dict":
        return {key: _nested(item, tensors, path) for key, item in value}
    if kind in ("_list", "_tuple"):
        items = [_nested(item, tensors, path) for item in value]
        return items if kind == "_list" else tuple(items)
    if kind == "_class" and value in QUANTISERS:
        return _STAND_INS[value]
    raise _refused(path, [str(value)]) if kind == "_class" else ValueError(f"a node {kind!r}")


def _decoded(text: str) -> Any:
    """JSON in which a fraction is `{"_type": "fraction", "numerator": 39, "denominator": 5}`."""

    def fraction(found: dict[str, Any]) -> Any:
        return Fraction(found["numerator"], found["denominator"]) if found.get("_type") == "fraction" else found

    return json.loads(text, object_hook=fraction)


_PACKAGES = {
    "torch": ("reading it needs torch", 'pip install "stem-cli[demucs]"'),
    "safetensors": ("reading it needs the package safetensors", 'pip install "stem-cli[demucs]"'),
    "demucs": ("its network needs the package demucs", 'pip install "stem-cli[demucs]"'),
    "diffq": ("its weights are quantised, which needs the package diffq (and a C compiler)", "pip install diffq"),
}


def import_package(module: str, path: Path) -> Any:
    """A module of another package. Raises EngineError that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        what, command = _PACKAGES[module.partition(".")[0]]
        raise EngineError(f"{what} ({error})", path, f"Type `{command}`.") from error


@contextmanager
def _damage_told(path: Path, *more: type[Exception]) -> Iterator[None]:
    try:
        yield
    except (*FAULTS, *more) as error:
        what = "this is not a whole Demucs model: it is damaged, or something else"
        raise EngineError(what, path, "Delete this file and get the model again.") from error


def _refused(path: Path, wanted: list[str]) -> EngineError:
    names = ", ".join(name if name.isprintable() else ascii(name) for name in wanted)
    what = f"this file wants to run {names}, which no Demucs model needs: refused, nothing was run"
    return EngineError(what, path, "Delete it, and take models only from their makers.")
