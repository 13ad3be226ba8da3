"""The network of a model, ready to be run by `overlap`: through OpenVINO where that is there, else through torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stem_cli.engines import Request, Run
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.runtime import device_for, installed, openvino
from stem_cli.engines.runtime.accuracy import best_way
from stem_cli.engines.runtime.kept import Kept
from stem_cli.engines.uvr import config, converted, core
from stem_cli.engines.uvr.by_torch import TorchNetwork, all_stems
from stem_cli.engines.uvr.config import Layout
from stem_cli.engines.uvr.converted import Facts
from stem_cli.engines.uvr.effort import columns_of, effort_of
from stem_cli.engines.uvr.joints import part_of
from stem_cli.engines.uvr.shelf import Located
from stem_cli.errors import EngineError
from stem_cli.overlap import Part


@dataclass(frozen=True)
class Opened:
    """A model that is ready to run. start: frame of the first segment. makes: in the network's order.

    runner: of torch, to be closed.
    """

    part: Part
    start: int
    makes: tuple[str, ...]
    runner: Any = None


@dataclass(frozen=True)
class Way:
    """How a model is run: by OpenVINO where there are facts of its conversion, else by torch."""

    device: str
    precision: str
    facts: Facts | None


def has_torch() -> bool:
    """Whether networks can be opened from their weights."""
    return installed("torch") and installed("audio_separator")


def way_of(located: Located, request: Request) -> Way:
    """The best way that this machine allows and the request does not forbid.

    A precision that was measured to be too rough for this model is only taken on demand. Raises EngineError.
    """
    device = device_for(request.device)
    facts = converted.current(located, request.models_dir) if _by_openvino_too(device) else None
    if facts is not None and columns_of(request, facts.layout) != facts.layout.columns:
        facts = None  # a core has one length
    errors = facts.errors_db if facts is not None else None
    precision, by_core = best_way(effort_of(request).precision, device, errors, _by_torch_too(located))
    return Way(device, precision, facts if by_core else None)


def layout_of(located: Located, request: Request) -> tuple[Layout, tuple[str, ...]]:
    """How sound goes into the model's network, and what comes out of it. Raises EngineError."""
    facts = converted.current(located, request.models_dir)
    if facts is not None:
        return facts.layout, facts.makes
    assert located.config is not None
    found = config.read(located.config, located.makes)
    return found.layout, found.makes


def _by_openvino_too(device: str) -> bool:
    return device == "cpu" and openvino.ready()


def _by_torch_too(located: Located) -> bool:
    return located.weights is not None and has_torch()


def prepare(located: Located, request: Request, note: Callable[[str], None]) -> bool:
    """Convert the model if OpenVINO is to run it and it is not converted, or what was is damaged; True if it was done.

    Where that fails, `note` is told, and torch runs it.
    """
    if not _by_openvino_too(device_for(request.device)) or not _by_torch_too(located):
        return False
    layout, _ = layout_of(located, request)
    if columns_of(request, layout) != layout.columns:
        return False
    facts = converted.current(located, request.models_dir)
    if not shared.due(located.name, facts.sums if facts else None, request.models_dir, "some minutes", note):
        return False
    return convert(located.name, located, request.models_dir, note) is not None


def convert(
    name: str, located: Located, models_dir: Path, note: Callable[[str], None], force: bool = False
) -> Facts | None:
    """Convert a model in a process of its own, which takes the memory of torch with it; None where it cannot be.

    name: that it is found by. That it cannot be is said by `note`: it runs on torch then, slower.
    """
    why = shared.by_itself("uvr", name, models_dir, force)
    facts = None if why else converted.current(located, models_dir)
    if facts is None:
        note(f"{located.name} is not converted for OpenVINO, torch runs it: {why or 'its files are gone again'}")
    return facts


@contextmanager
def open_model(located: Located, request: Request, run: Run) -> Iterator[Opened]:
    """Hold a model open in the way that suits it, and say in `run` which. Raises EngineError, UsageError.

    It stays open for the next song; the memory of one that nobody uses any more is given back first.
    """
    way = way_of(located, request)
    run.device, run.precision = way.device, way.precision
    facts = _usable(way.facts, located, request)
    stride = effort_of(request).overlap
    key = (located.digest, way.device, way.precision, facts is None, request.segment_seconds, stride, run.threads)

    def open_it() -> Opened:
        return _by_torch(located, request, run) if facts is None else _by_openvino(facts, request, run)

    with _KEPT.using(key, open_it) as opened:
        if opened.runner is not None:
            opened.runner.note = run.note
        yield opened


def _close(opened: Opened) -> None:
    if opened.runner is not None:
        opened.runner.close()


_KEPT = Kept(_close)


def _usable(facts: Facts | None, located: Located, request: Request) -> Facts | None:
    """The facts if they can be run, None if torch has to. Raises EngineError where that cannot be either."""
    damaged = shared.damaged(facts.sums, request.models_dir) if facts else None
    if facts is not None and damaged is None:
        return facts
    if _by_torch_too(located):
        return None
    if damaged is not None:
        again = f"copy the folder `converted` again or type `stem engines convert {located.name}` with the weights"
        raise EngineError("this converted model is damaged", damaged, f"Delete it, and {again}.")
    hint = 'Type: pip install "stem-cli[uvr]", or leave out --segment and convert it (`stem engines convert`).'
    raise EngineError(f"{located.name} needs torch and audio-separator for that", None, hint)


def _by_openvino(facts: Facts, request: Request, run: Run) -> Opened:
    infer = openvino.load(
        facts.path(request.models_dir), run.precision, run.threads, shared.compiled(request.models_dir)
    )
    network = core.CoreNetwork(infer, facts.layout, facts.bands, len(facts.makes), run.threads)
    part, start = part_of(network, facts.layout, effort_of(request).stride(facts.layout))
    return Opened(part, start, facts.makes)


def _by_torch(located: Located, request: Request, run: Run) -> Opened:
    from stem_cli.engines.runtime.torch import Runner
    from stem_cli.engines.uvr.checkpoint import open_network

    assert located.weights is not None
    assert located.config is not None
    found = config.read(located.config, located.makes)
    layout = replace(found.layout, columns=columns_of(request, found.layout))
    module = all_stems(open_network(found, located.weights, located.config), len(found.makes))
    runner = Runner(module, run.device, run.precision, run.threads, run.note)
    network = TorchNetwork(runner, len(found.makes), layout.segment)
    network.fit_memory()
    part, start = part_of(network, layout, effort_of(request).stride(layout))
    return Opened(part, start, found.makes, runner)
