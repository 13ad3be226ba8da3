"""From the files of a Demucs model to its networks, or only to what they make."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stem_cli import stems
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.demucs.models import CHANNELS, RATE
from stem_cli.engines.demucs.package import FAULTS, NETWORKS, QUANTISERS, Package, import_package, open_package
from stem_cli.errors import EngineError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bag:
    """What a located model makes. stems: in the networks' order. weights: one row a network, one column a stem.

    segment: seconds, None keeps the networks' own. rate: samples per second. channels: always 2.
    """

    name: str
    files: tuple[Path, ...]
    digest: str
    weights: tuple[tuple[float, ...], ...]
    segment: float | None
    stems: tuple[str, ...]
    rate: int
    channels: int


def describe(located: Located) -> Bag:
    """What the model makes, read without its weights. Needs torch for `.th` files, not for `.safetensors`.

    Raises EngineError for files that are not whole Demucs models, for networks that do not go together, and for
    stems, channels or weights that we cannot serve.
    """
    shapes = [_shape(open_package(path), path) for path in located.files]
    names, rate, channels = shapes[0]
    for path, shape in zip(located.files, shapes, strict=True):
        if shape != shapes[0]:
            what = f"this network makes {_told(shape)}, but {located.files[0].name} {_told(shapes[0])}"
            raise EngineError(what, path, "Put networks into one bag that make the same.")
    weights = located.weights or tuple((1.0,) * len(names) for _ in shapes)
    if any(len(row) != len(names) for row in weights):
        what = (
            f"the bag {located.name} has weights for {len(weights[0])} stems, but its networks make {_told(shapes[0])}"
        )
        raise EngineError(what, located.files[0].parent, f"Give each network one weight a stem: {', '.join(names)}.")
    return Bag(located.name, located.files, located.digest, weights, located.segment, names, rate, channels)


def load(located: Located) -> list[torch.nn.Module]:
    """All networks of a model, as `open_network` gives them. A bag of four needs four times the memory of one."""
    return [open_network(path, located.segment) for path in located.files]


def open_network(path: Path, segment: float | None = None) -> torch.nn.Module:
    """One network with its weights: float32, on the CPU, for inference.

    segment: seconds, in place of the network's own; an HTDemucs keeps its own where that is shorter, as it cannot take
    more. Raises EngineError where the file is no whole Demucs model, or torch, demucs or diffq is missing.
    """
    package = open_package(path)
    _shape(package, path)
    network: torch.nn.Module = _build(package, path, segment)
    _fill(network, package.state(), path)
    return network.eval().requires_grad_(False)


def _shape(package: Package, path: Path) -> tuple[tuple[str, ...], int, int]:
    """The stems, the rate and the channels of a network. Raises EngineError for what we cannot serve."""
    given = dict(zip(("sources", "audio_channels"), package.args, strict=False)) | package.kwargs
    names, channels, rate = given.get("sources"), given.get("audio_channels", CHANNELS), given.get("samplerate", RATE)
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise EngineError("this model does not say which stems it makes", path, "Use another model.")
    strange = [name for name in names if name not in stems.TABLE]
    if strange or len(set(names)) < len(names):
        what = (
            f"this model makes stems that we do not know: {', '.join(strange)}" if strange else "it makes a stem twice"
        )
        raise EngineError(what, path, f"Stems can be: {', '.join(stems.TABLE)}.")
    if channels != CHANNELS:
        raise EngineError(f"this model takes {channels} channels instead of {CHANNELS}", path, "Use a stereo model.")
    if not isinstance(rate, int) or rate <= 0:
        raise EngineError(f"this model's rate is {rate!r}", path, "Use another model.")
    return tuple(names), rate, CHANNELS


def _told(shape: tuple[tuple[str, ...], int, int]) -> str:
    return f"{', '.join(shape[0])} at {shape[1]} Hz"


def _build(package: Package, path: Path, segment: float | None) -> Any:
    """A network of that class and settings. Settings that its class does not know are left out, as demucs does."""
    module, _, name = package.klass.rpartition(".")
    klass = getattr(import_package(module, path), name)
    known = inspect.signature(klass).parameters
    for setting in package.kwargs.keys() - known:
        log.info("%s: a setting that %s does not know is left out: %s", path, name, setting)
    with _other_architecture_told(path, name):
        network = klass(*package.args, **{key: value for key, value in package.kwargs.items() if key in known})
        if segment is not None and (package.klass != NETWORKS[0] or segment <= network.segment):
            network.segment = segment
        return network


def _fill(network: Any, state: dict[str, Any], path: Path) -> None:
    """Put the weights into the network, all of them and no other."""
    diffq = import_package("diffq", path) if state.get("__quantized") else None
    with _other_architecture_told(path, type(network).__name__):
        if diffq:
            diffq.restore_quantized_state(network, _with_quantiser(state, path))
        else:
            network.load_state_dict(state, strict=True)


def _with_quantiser(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """A quantised state with the class itself in place of its stand-in."""
    named = state["meta"]["klass"].path
    if named not in QUANTISERS:
        raise ValueError(f"its quantiser is {named}")
    module, _, name = named.rpartition(".")
    return {**state, "meta": {**state["meta"], "klass": getattr(import_package(module, path), name)}}


@contextmanager
def _other_architecture_told(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        what = f"this model is of another architecture than it says ({name})"
        raise EngineError(what, path, "Delete this file and get the model again.") from error
