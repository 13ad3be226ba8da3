"""The networks of a model, ready to be run by `overlap`: through OpenVINO where that is there, else through torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines import Request, Run
from stem_cli.engines.demucs import converted, core
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.runtime import installed, openvino
from stem_cli.errors import EngineError, UsageError
from stem_cli.overlap import Network, Part

Floats = NDArray[np.float32]


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


def open_parts(located: Located, request: Request, run: Run) -> Opened:
    """Open all networks of a model on the device and in the precision that stand in `run`.

    A model without a converted core gets one first, where OpenVINO is to run it. Raises EngineError, UsageError.
    """
    if run.device == "cpu" and openvino.ready():
        facts = _facts(located, request.models_dir, run)
        if facts is not None:
            return _by_openvino(facts, request, run)
    return _by_torch(located, request, run)


def _facts(located: Located, models_dir: Path, run: Run) -> converted.Facts | None:
    """What is known of the converted model, converted now if it is not yet; None where it cannot be."""
    facts = converted.read(located.name, models_dir)
    if facts is not None and facts.located.digest == located.digest:
        converted.check(facts, models_dir)
        return facts
    if not located.files or not has_torch():
        raise EngineError(
            f"{located.name} is not converted, and torch is not there to do it", None,
            'Type: pip install "stem-cli[demucs]", or convert it on another machine (`stem engines convert`).',
        )  # fmt: skip
    run.note(f"{located.name} is used for the first time: converting it for OpenVINO, once")
    return convert(located.name, models_dir, run.note)


def convert(name: str, models_dir: Path, note: Callable[[str], None]) -> converted.Facts | None:
    """Convert a model in a process of its own, which takes the memory of torch with it; None where it cannot be.

    That is said by `note`: it runs on torch then, slower.
    """
    code = "import sys; from stem_cli.engines.demucs import convert_here; convert_here(*sys.argv[1:])"
    command = [sys.executable, "-c", code, name, str(models_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    facts = converted.read(name, models_dir) if done.returncode == 0 else None
    if facts is None:
        why = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        note(f"{name} is not converted, torch runs it: {why}")
    return facts


def _by_openvino(facts: converted.Facts, request: Request, run: Run) -> Opened:
    length = _segment(request, facts.frames, facts.rate, fixed=True)
    networks = []
    for weights in facts.networks:
        path = converted.core_path(weights, facts.frames, request.models_dir)
        infer = openvino.load(path, run.precision, run.threads, converted.compiled(request.models_dir))
        networks.append(core.CoreNetwork(infer, len(facts.stems), length, facts.frames, run.threads))
    return Opened(_parts(networks, facts.weights), facts.stems, facts.rate)


def _by_torch(located: Located, request: Request, run: Run) -> Opened:
    from stem_cli.engines.demucs.checkpoint import describe, open_network
    from stem_cli.engines.runtime.torch import Runner

    bag = describe(located)
    networks = []
    for path in located.files:
        network: Any = open_network(path, located.segment)
        length = _segment(request, int(network.samplerate * network.segment), bag.rate, core.is_fixed(network))
        runner = Runner(network, run.device, run.precision, run.threads, run.note)
        networks.append(TorchNetwork(runner, network, length, request.segment_seconds is not None))
    return Opened(_parts(networks, bag.weights), bag.stems, bag.rate, tuple(one.runner for one in networks))


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
