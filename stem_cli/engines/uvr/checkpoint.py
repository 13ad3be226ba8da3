"""From a model's weights and its yaml to the network. No code of a file is ever run.

The networks' classes are audio-separator's; nothing else of that package is used: not its `Separator`, which looks for
ffmpeg and for lists in the network, changes global settings and ends the program at a damaged file.
"""

from __future__ import annotations

import importlib
import io
import json
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from stem_cli.engines.runtime.torch import is_full
from stem_cli.engines.uvr.config import BS, CHANNELS, MDX23C, MEL, Config
from stem_cli.errors import EngineError

if TYPE_CHECKING:
    import torch

SAFE = ".safetensors"
INSTALL = 'Type: pip install "stem-cli[uvr]" (docs/engines.md says how to choose a build of torch).'
_LIBRARY = "audio_separator.separator.uvr_lib_v5"
_CLASSES = {
    BS: ("roformer.bs_roformer", "BSRoformer"),
    MEL: ("roformer.mel_band_roformer", "MelBandRoformer"),
    MDX23C: ("tfc_tdf_v3", "TFC_TDF_net"),
}
_WITHIN = ("state_dict", "model", "state")
"""Where in a checkpoint the weights may lie."""
_FAULTS: tuple[type[Exception], ...] = (
    RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError,
    MemoryError, OSError, struct.error, pickle.UnpicklingError,
)  # fmt: skip
"""What torch and the networks raise on files that are damaged, or do not belong together."""
_REFUSED = re.compile(r"GLOBAL ([\w.]+)")
_AGAIN = "Delete this file and get the model again."
_LEAST_BYTES = 0.9
"""Of a number in the smallest format that weights are kept in."""


def open_network(config: Config, weights: Path, yaml: Path) -> torch.nn.Module:
    """The network with its weights: float32, on the CPU, for inference.

    Raises EngineError where the weights are damaged, hold code, or are not those of the yaml, or a package is missing.
    """
    state = read_state(weights)
    _require_plausible(config, weights, yaml)
    network: torch.nn.Module = _build(config, yaml)
    try:
        network.load_state_dict(state, strict=True)
    except _FAULTS as error:
        _require_memory(error, weights)
        what = f"its weights are not those of a network as {yaml.name} describes it ({_first_difference(error)})"
        raise EngineError(what, weights, "Get both files again, from one place.") from error
    return network.eval().requires_grad_(False)


def read_state(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint by name. Raises EngineError; what a file wants to run is named, and not run."""
    torch = import_package("torch", path)
    found = _read_safe(path) if path.suffix == SAFE else _read_pickle(torch, path)
    for key in _WITHIN:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping) or not found or not all(isinstance(one, torch.Tensor) for one in found.values()):
        raise EngineError("this file holds no weights of a network", path, _AGAIN)
    return dict(found)


def _read_pickle(torch: Any, path: Path) -> Any:
    with _damage_told(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an unusual protocol, which is refused if it matters
        if zipfile.is_zipfile(path):
            if wanted := sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)):
                raise _refused(path, ", ".join(wanted))
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return torch.load(path, map_location="cpu", weights_only=True)


def _read_safe(path: Path) -> Any:
    safetensors = import_package("safetensors", path)
    with _damage_told(path, safetensors.SafetensorError), safetensors.safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict


@contextmanager
def _damage_told(path: Path, *more: type[Exception]) -> Iterator[None]:
    try:
        yield
    except EngineError:
        raise
    except _FAULTS + more as error:
        if named := _REFUSED.search(str(error)):
            raise _refused(path, named[1]) from error
        _require_memory(error, path)
        empty = path.stat().st_size == 0 if path.exists() else False
        what = "this file is empty" if empty else "these are no whole weights: damaged, half-downloaded or another file"
        raise EngineError(what, path, _AGAIN) from error


def _require_memory(error: Exception, path: Path) -> None:
    """Raises EngineError where it was memory that was short: the file may be whole."""
    if is_full(error):
        hint = "End other programs, or choose a smaller model."
        raise EngineError("there is not enough memory for this model", path, hint) from error


def _refused(path: Path, named: str) -> EngineError:
    what = f"this file wants to run {named}, which no weights need: refused, nothing was run"
    return EngineError(what, path, "Delete it, and take models only from their makers.")


def _require_plausible(config: Config, weights: Path, yaml: Path) -> None:
    """Raises EngineError where the network would have far more weights than the file: it is not even built."""
    wanted, there = _least_weights(config), weights.stat().st_size
    if wanted * _LEAST_BYTES > there:
        what = (
            f"{yaml.name} describes a network of {wanted / 1e6:,.0f} million numbers, which {there:,} bytes do not hold"
        )
        raise EngineError(what, weights, "Get both files again, from one place.")


def _least_weights(config: Config) -> int:
    """Not more numbers than the network has: those of its largest layers."""
    given = config.settings
    if config.layout.kind == MDX23C:
        deepest = given["num_channels"] + given["growth"] * given["num_scales"]
        return int(2 * 9 * deepest**2 * given["num_blocks_per_scale"])
    blocks = given["time_transformer_depth"] + given["freq_transformer_depth"]
    return int(given["depth"] * blocks * 4 * given["dim"] * (given["dim_head"] * given["heads"] + 2 * given["dim"]))


def _build(config: Config, yaml: Path) -> Any:
    """The network with weights of chance."""
    module, name = _CLASSES[config.layout.kind]
    klass = getattr(import_package(f"{_LIBRARY}.{module}", yaml), name)
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():  # it prints what GPUs it finds; stdout is ours
            warnings.simplefilter("ignore")  # of a transform that it makes to count its bins
            if config.layout.kind == MDX23C:
                return klass(_as_sections(config), "cpu")
            return klass(**config.settings)
    except _FAULTS as error:
        _require_memory(error, yaml)
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise EngineError(f"no network can be made of this yaml ({why})", yaml, "Get it again.") from error


def _as_sections(config: Config) -> Any:
    """The settings of an MDX23C as its class asks for them. The number of instruments is all that it wants of them."""
    layout = config.layout
    audio = SimpleNamespace(n_fft=layout.size, hop_length=layout.hop, dim_f=layout.bins, num_channels=CHANNELS)
    training = SimpleNamespace(target_instrument=None, instruments=config.makes)
    return SimpleNamespace(audio=audio, training=training, model=SimpleNamespace(**config.settings))


def _first_difference(error: Exception) -> str:
    """The first line of what torch lists."""
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()] or [str(error)]
    return json.dumps(lines[0][:140])[1:-1].replace('\\"', '"')


def import_package(module: str, path: Path) -> Any:
    """A module of another package. Raises EngineError that says what to install."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs, of older versions of one another
            return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise EngineError(f"reading it needs the package {package} ({error})", path, INSTALL) from error
