"""Demucs: its networks, run by our own overlap-add, through OpenVINO or torch.

Needs the extra `demucs`, or `fast` and a model that was converted on another machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import overlap, stems
from stem_cli.engines import Engine, Identity, Missing, Mix, Model, Request, Run, StemBlock, those_found
from stem_cli.engines.demucs import bag, converted, models, removal
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.demucs.effort import effort_of
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.runtime import device_for, openvino
from stem_cli.errors import EngineError, StemError
from stem_cli.models import memory_of

_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""
_INSTALL = 'Type: pip install "stem-cli[demucs,fast]" (docs/engines.md says how to choose a build of torch).'
_STD_FLOOR = 1e-8
"""Added to the deviation that a song is divided by (package demucs, `api.py`)."""

_TABLE = tuple(
    Model(
        name=model.name,
        title=model.title,
        stems=stems.ordered(model.stems),
        licence=model.licence,
        rate=models.RATE,
        channels=models.CHANNELS,
        quality=model.sdr,
        source=model.sdr_source,
        files=model.files,
    )
    for model in models.TABLE.values()
)


def _locate(name: str, models_dir: Path) -> Located:
    """The model's files, or what it was converted from elsewhere. Raises EngineError."""
    try:
        return bag.locate(name, models_dir, memory_of(models_dir))
    except EngineError:
        facts = converted.read(name, models_dir) if openvino.ready() else None
        if facts is None:
            raise
        return facts.located


def _chosen(request: Request) -> Located:
    """The model asked for, else the best of those that are there. Raises EngineError about the one to fetch first."""
    first, *others = effort_of(request).models
    try:
        return _locate(first, request.models_dir)
    except EngineError:
        for name in others:
            with suppress(EngineError):
                return _locate(name, request.models_dir)
        raise


def _unavailable(request: Request) -> Missing | None:
    from stem_cli.engines.demucs.network import has_torch

    try:
        device = device_for(request.device)
    except EngineError as error:
        return Missing(error.what, error.hint)
    no_torch = None if has_torch() else Missing("the packages torch and demucs are not installed", _INSTALL)
    try:
        located = _chosen(request)
    except EngineError as error:
        return no_torch or Missing.told(error)
    if openvino.ready() and device == "cpu" and converted.read(located.name, request.models_dir):
        return None
    return no_torch


def _find(request: Request) -> Model:
    known = {model.name: model for model in _TABLE}
    try:
        located = _chosen(request)
    except EngineError:
        first = effort_of(request).models[0]
        if first in known:
            return known[first]
        raise
    ours = known.get(located.name)
    if ours and (_is_ours(located) or _unavailable(request)):
        return ours
    own = _own(located, request)
    return ours if ours and (ours.stems, ours.rate) == (own.stems, own.rate) else own


def _is_ours(located: Located) -> bool:
    """Whether these are the table's own files, and not the hub's or some of the user's by that name."""
    known = [file.sha256 for file in models.TABLE[located.name].files]
    return len(known) == len(located.digests) and all(map(str.startswith, located.digests, known))


def _own(located: Located, request: Request) -> Model:
    """A model of the user's own: what it makes stands in its files."""
    facts = converted.current(located, request.models_dir)
    if facts:
        names, rate = facts.stems, facts.rate
    else:
        from stem_cli.engines.demucs.checkpoint import describe

        described = describe(located)
        names, rate = described.stems, described.rate
    title, licence = "a model of your own", "yours to know"
    return Model(located.name, title, stems.ordered(names), licence, rate, models.CHANNELS)


def _identify(request: Request) -> Identity:
    """Raises EngineError where the model is not there."""
    from stem_cli.engines.demucs.network import way_of

    effort, located = effort_of(request), _chosen(request)
    settings = {
        "overlap": f"{effort.overlap:.12g}",
        "precision": way_of(located, request).precision,
        "shifts": str(effort.shifts),
        "version": _VERSION,
    }
    if effort.shifts:
        settings["seed"] = str(request.seed)
    if request.segment_seconds is not None:
        settings["segment"] = f"{request.segment_seconds:.12g}"
    return Identity("demucs", located.name, located.digest, settings)


def _prepare(request: Request, note: Callable[[str], None]) -> bool:
    from stem_cli.engines.demucs.network import prepare

    return prepare(_chosen(request), request, note)


def _separate(mix: Mix, request: Request, run: Run) -> Generator[StemBlock, None, None]:
    from stem_cli.engines.demucs.network import open_parts

    effort, located = effort_of(request), _chosen(request)
    with ExitStack() as using:
        with ThreadPoolExecutor(1) as beside:  # opening a model takes as long as reading a song
            opening = beside.submit(using.enter_context, open_parts(located, request, run))
            mean, deviation = _measured(mix.skim())
            opened = opening.result()
        names = stems.ordered(opened.stems)
        rows = [opened.stems.index(name) for name in names]
        try:
            blocks = ((block - mean) / deviation for block in mix.blocks())
            starts = overlap.shifted_starts(request.seed, len(opened.parts), effort.shifts, opened.rate // 2)
            for block in overlap.separate(blocks, opened.parts, effort.overlap, starts):
                block *= deviation
                block += mean
                yield {name: block[row] for name, row in zip(names, rows, strict=True)}
        finally:
            if opened.runners:
                run.device = " and ".join(sorted({runner.device for runner in opened.runners}))


def _measured(blocks: Iterator[NDArray[Any]]) -> tuple[np.float32, np.float32]:
    """Mean and deviation of a song's middle, the mean of its channels, as the networks' training normalised it.

    Package demucs 4.1.0, `api.py`: the deviation with n - 1. Sums are shifted by the first sample, so that a constant
    offset costs no digits.
    """
    count, first, total, squares = 0, 0.0, 0.0, 0.0
    for block in blocks:
        middle = block.mean(axis=0, dtype=np.float64)
        if not count and middle.size:
            first = float(middle[0])
        middle -= first
        count += middle.size
        total += float(middle.sum())
        squares += float(np.vdot(middle, middle))
    mean = total / max(1, count)
    variance = max(0.0, squares - count * mean * mean) / max(1, count - 1)
    return np.float32(first + mean), np.float32(variance**0.5 + _STD_FLOOR)


def convert_model(name: str, models_dir: Path, force: bool, note: Callable[[str], None]) -> converted.Facts | None:
    """Convert a model, if it is not yet; None where that failed, which `note` has told. Raises EngineError."""
    from stem_cli.engines.demucs.network import convert, has_torch

    located = _locate(name, models_dir)
    facts = converted.current(located, models_dir)
    if facts and not force and not shared.damaged(facts.sums, models_dir):
        return facts
    if not openvino.ready():
        raise EngineError("OpenVINO is not installed", None, 'Type: pip install "stem-cli[fast]"')
    if not located.files or not has_torch():
        raise EngineError("the packages torch and demucs are needed for that", None, _INSTALL)
    _own(located, Request(models_dir=models_dir))  # a file that is no model says so
    if not converted.possible(located):
        raise EngineError(f"{name} cannot be converted: only HTDemucs can", None, "It runs on torch.")
    return convert(name, models_dir, note, force)


def convert_here(name: str, models_dir: str, force: str = "") -> None:
    """Convert a model in this process (`network.convert` runs it in one of its own); ends it where that fails."""
    folder = Path(models_dir)
    try:
        converted.write(bag.locate(name, folder, memory_of(folder)), folder, bool(force))
    except StemError as error:
        sys.exit(str(error))


def _memory(request: Request, seconds: float) -> float:  # noqa: ARG001 - it does not grow with the song
    """About what the model takes on the CPU. Raises EngineError where it is not there."""
    from stem_cli.engines.demucs.network import needed_bytes

    located = _chosen(request)
    by_openvino = openvino.ready() and bool(converted.read(located.name, request.models_dir))
    return needed_bytes(located, request, by_openvino)


ENGINE = Engine(
    name="demucs",
    title="Demucs, by Meta and Alexandre Défossez",
    models=_TABLE,
    speed=2.0,
    networks=True,
    memory=_memory,
    pays=False,
    unavailable=_unavailable,
    find=_find,
    identify=_identify,
    separate=_separate,
    prepare=_prepare,
    added=lambda models_dir: those_found(bag.own_names(models_dir), models_dir, _find),
    files_of=removal.files_of,
)
__all__ = ["ENGINE", "convert_here", "convert_model"]
