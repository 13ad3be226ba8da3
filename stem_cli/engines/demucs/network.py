"""The networks of a model, ready to be run by `overlap`: through OpenVINO where that is there, else through torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines import Request, Run
from stem_cli.engines.demucs import converted, core, memory
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.demucs.effort import effort_of
from stem_cli.engines.demucs.package import open_package
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.runtime import device_for, installed, openvino
from stem_cli.engines.runtime.accuracy import best_way
from stem_cli.engines.runtime.kept import Kept
from stem_cli.engines.runtime.trial import fitting_segment
from stem_cli.errors import EngineError, UsageError
from stem_cli.overlap import Network, Part

Floats = NDArray[np.float32]

_CONVERTED_BYTES = 1.1e9
"""Of htdemucs by OpenVINO, where only its conversion is here (measured, docs/engines.md)."""
_STEMS, _RATE = 4, 44100
"""Of the published models: for estimates."""


@dataclass(frozen=True)
class Opened:
    """A model that is ready to run. stems: in the networks' order. runners: to be closed."""

    parts: tuple[Part, ...]
    stems: tuple[str, ...]
    rate: int
    runners: tuple[Any, ...] = ()


def has_torch() -> bool:
    """Whether networks can be opened from their weights."""
    return installed("torch") and installed("demucs")


@dataclass(frozen=True)
class Way:
    """How a model is run: by OpenVINO where there are facts of its conversion, else by torch."""

    device: str
    precision: str
    facts: converted.Facts | None


def way_of(located: Located, request: Request) -> Way:
    """The best way that this machine allows and the request does not forbid.

    A precision that was measured to be too rough for this model is only taken on demand. Raises EngineError.
    """
    device, wanted = device_for(request.device), effort_of(request).precision
    facts = converted.current(located, request.models_dir) if by_openvino(located, device) else None
    errors = facts.errors_db if facts is not None else None
    precision, by_core = best_way(wanted, device, errors, _by_torch_too(located))
    return Way(device, precision, facts if by_core else None)


def by_openvino(located: Located, device: str) -> bool:
    """Whether OpenVINO can run this model there, once it is converted."""
    return device == "cpu" and openvino.ready() and converted.possible(located)


def _by_torch_too(located: Located) -> bool:
    return bool(located.files) and has_torch()


def prepare(located: Located, request: Request, note: Callable[[str], None]) -> bool:
    """Convert the model if OpenVINO is to run it and it is not converted, or what was is damaged; True if it was done.

    Where that fails, `note` is told, and torch runs it.
    """
    if not by_openvino(located, device_for(request.device)) or not _by_torch_too(located):
        return False
    facts = converted.current(located, request.models_dir)
    if not shared.due(located.name, facts.sums if facts else None, request.models_dir, "about a minute", note):
        return False
    return convert(located.name, request.models_dir, note) is not None


@contextmanager
def open_parts(located: Located, request: Request, run: Run) -> Iterator[Opened]:
    """Hold all networks of a model open in the way that suits it, and say in `run` which.

    They stay open for the next song; the memory of those that nobody uses any more is given back first.
    Raises EngineError, UsageError.
    """
    way = way_of(located, request)
    run.device, run.precision = way.device, way.precision
    facts = _usable(way.facts, located, request)
    key = (located.digest, way.device, way.precision, facts is None, request.segment_seconds, run.threads)

    def open_it() -> Opened:
        return _by_torch(located, request, run) if facts is None else _by_openvino(facts, request, run)

    with _KEPT.using(key, open_it) as opened:
        for runner in opened.runners:
            runner.note = run.note
        yield opened


def _close(opened: Opened) -> None:
    for runner in opened.runners:
        runner.close()


_KEPT = Kept(_close)


def _usable(facts: converted.Facts | None, located: Located, request: Request) -> converted.Facts | None:
    """The facts if they can be run, None if torch has to. Raises EngineError where that cannot be either."""
    damaged = shared.damaged(facts.sums, request.models_dir) if facts else None
    if facts is not None and damaged is None:
        return facts
    if not _by_torch_too(located):
        raise _no_way(located.name, damaged)
    return None


def _no_way(name: str, damaged: Path | None) -> EngineError:
    """The error of a model that OpenVINO could run if it were converted, and nobody can do that here."""
    if damaged is not None:
        hint = (
            f"Delete it, and copy the folder `converted` again or type `stem engines convert {name}` with the weights."
        )
        return EngineError("this converted model is damaged", damaged, hint)
    hint = 'Type: pip install "stem-cli[demucs]", or convert it on another machine (`stem engines convert`).'
    return EngineError(f"{name} is not converted, and torch is not there to do it", None, hint)


def convert(name: str, models_dir: Path, note: Callable[[str], None], force: bool = False) -> converted.Facts | None:
    """Convert a model in a process of its own, which takes the memory of torch with it; None where it cannot be.

    That is said by `note`: it runs on torch then, slower.
    """
    why = shared.by_itself("demucs", name, models_dir, force)
    facts = None if why else converted.read(name, models_dir)
    if facts is None:
        note(f"{name} is not converted for OpenVINO, torch runs it: {why or 'its files are gone again'}")
    return facts


def _by_openvino(facts: converted.Facts, request: Request, run: Run) -> Opened:
    sizes = [memory.Size("HTDemucs", facts.channels)] * len(facts.networks)
    memory.require(memory.need(sizes, len(facts.stems), openvino=True), max(facts.frames), facts.rate)
    networks = []
    for weights, frames in zip(facts.networks, facts.frames, strict=True):
        length = _segment(request, frames, facts.rate, fixed=True)
        path = shared.core_path(weights, frames, request.models_dir)
        infer = openvino.load(path, run.precision, run.threads, shared.compiled(request.models_dir))
        networks.append(core.CoreNetwork(infer, len(facts.stems), length, frames, run.threads))
    return Opened(_parts(networks, facts.weights), facts.stems, facts.rate)


def _by_torch(located: Located, request: Request, run: Run) -> Opened:
    from stem_cli.engines.demucs.checkpoint import describe, open_network
    from stem_cli.engines.runtime.torch import Runner

    bag = describe(located)
    if run.device == "cpu":
        _require_memory(located, request, len(bag.stems), bag.rate)
    networks = []
    for path in located.files:
        network: Any = open_network(path, located.segment)
        length = _segment(request, int(network.samplerate * network.segment), bag.rate, core.is_fixed(network))
        runner = Runner(network, run.device, run.precision, run.threads, run.note)
        networks.append(TorchNetwork(runner, network, length, request.segment_seconds is not None))
    for one in networks:
        one.fit_memory()
    return Opened(_parts(networks, bag.weights), bag.stems, bag.rate, tuple(one.runner for one in networks))


def _require_memory(located: Located, request: Request, stems: int, rate: int) -> None:
    """Raises EngineError where the CPU's memory is too small for the model."""
    sizes = [memory.size_of(open_package(path)) for path in located.files]
    wanted = memory.need(sizes, stems, openvino=False)
    own = located.segment or max(size.seconds for size in sizes)
    seconds = request.segment_seconds if wanted.free and request.segment_seconds else own
    memory.require(wanted, int(seconds * rate), rate)


def needed_bytes(located: Located, request: Request, by_openvino: bool) -> float:
    """About what the model takes on the CPU; nothing is opened."""
    sizes = [memory.size_of(open_package(path)) for path in located.files]
    if not sizes:  # only its conversion is here
        return _CONVERTED_BYTES
    wanted = memory.need(sizes, _STEMS, by_openvino)
    seconds = request.segment_seconds or located.segment or max(size.seconds for size in sizes)
    return wanted.of(int(seconds * _RATE))


def _parts(networks: Any, weights: tuple[tuple[float, ...], ...]) -> tuple[Part, ...]:
    rows = weights or ((1.0,) * networks[0].stems,) * len(networks)
    return tuple(Part(network, row) for network, row in zip(networks, rows, strict=True))


def _segment(request: Request, own: int, rate: int, fixed: bool) -> int:
    """Frames of a segment. Raises UsageError where it is longer than a network takes, or no segment at all."""
    if request.segment_seconds is None:
        return own
    frames = int(rate * request.segment_seconds)
    if fixed and frames > own:
        what = f"this model takes segments of {own / rate:g} s at the most"
        raise UsageError(what, None, f"Choose --segment {own / rate:g} or less.")
    return frames


class TorchNetwork:
    """A network that torch runs. segment: frames of a chunk; shortened: that is shorter than the network's own."""

    def __init__(self, runner: Any, network: Any, segment: int, shortened: bool) -> None:
        self.runner, self._network, self.segment = runner, network, segment
        self.stems = len(network.sources)
        self._fixed = segment if core.is_fixed(network) and shortened else None

    def fit_memory(self) -> None:
        """Try how much fits into a GPU's memory, and make the batch and the segment so small that it does."""
        least = self.segment if core.is_fixed(self._network) else int(memory.LEAST_SECONDS * self._network.samplerate)
        self.segment = fitting_segment(self.runner, self.segment, least, self.valid_length)

    @property
    def batch(self) -> int:
        """As many as the device's memory holds."""
        return int(self.runner.batch)

    def valid_length(self, frames: int) -> int:
        """As `apply_model` of package demucs pads: HTDemucs to a whole segment, Demucs as it says, HDemucs not."""
        if self._fixed is not None:
            return self._fixed
        return int(self._network.valid_length(frames)) if hasattr(self._network, "valid_length") else frames

    def forward(self, batch: Floats) -> Floats:
        """See `overlap.Network`."""
        found: Floats = self.runner(batch)
        return found


_: type[Network] = TorchNetwork
