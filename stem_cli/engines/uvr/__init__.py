"""Models of the UVR world: RoFormer, MDX23C and VR networks, run by our own overlap-add, through OpenVINO or torch.

Needs the extra `uvr`, or `fast` and a model that was converted on another machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stem_cli import overlap
from stem_cli import stems as table
from stem_cli.audio import Tee
from stem_cli.engines import Engine, Identity, Missing, Mix, Model, NotHere, Request, Run, StemBlock, those_found
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.runtime import device_for, openvino
from stem_cli.engines.uvr import config, converted, models, names, removal, shelf
from stem_cli.engines.uvr.converted import Facts
from stem_cli.engines.uvr.effort import columns_of, effort_of
from stem_cli.engines.uvr.models import VR, UvrModel, VrFacts
from stem_cli.engines.uvr.shelf import Located
from stem_cli.errors import EngineError, StemError, UsageError

_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""
_INSTALL = 'Type: pip install "stem-cli[uvr]" (docs/engines.md says how to choose a build of torch).'
_RATE = 44100
"""Of every model of the table."""


def _of_table(model: UvrModel) -> Model:
    return Model(
        name=model.name,
        title=model.title,
        stems=names.told(model.makes),
        licence=model.licence,
        rate=_RATE,
        channels=config.CHANNELS,
        quality=model.sdr,
        source=model.sdr_source,
        files=tuple(file for file in (model.weights, model.config) if file is not None),
    )


def _locate(name: str, models_dir: Path) -> Located:
    """The model's files, or what it was converted to elsewhere. Raises EngineError."""
    try:
        return shelf.locate(name, models_dir)
    except NotHere:
        facts = converted.read(name, models_dir) if openvino.ready() else None
        if facts is None:
            raise
        kind = models.TABLE[name].kind if name in models.TABLE else ""
        return Located(name, kind, None, None, facts.digest)


def _chosen(request: Request) -> Located:
    """The model asked for, else the best of those that are there and make what is wanted. Raises EngineError."""
    if request.model:
        return _locate(request.model, request.models_dir)
    there = list(_there(request))
    able = [located for located, model in there if model.gives >= set(request.stems or table.FOUR)]
    if able or there:
        return (able or [located for located, _ in there])[0]
    first = next(iter(models.TABLE), "")
    if first:
        return _locate(first, request.models_dir)
    hint = "Put a model's weights and its yaml there."
    raise NotHere("no UVR model is on this machine yet", request.models_dir, hint)


def _there(request: Request) -> Iterator[tuple[Located, Model]]:
    """The models that can be used, best first."""
    for name in shelf.known_names(request.models_dir):
        with suppress(EngineError):
            located = _locate(name, request.models_dir)
            yield located, _described(located, request)


def _described(located: Located, request: Request) -> Model:
    """What a model that is there makes. Raises EngineError."""
    if located.is_ours:
        return _of_table(models.TABLE[located.name])
    rate, makes = _own_facts(located, request)
    title, licence = "a model of your own", "yours to know"
    return Model(located.name, title, names.told(makes), licence, rate, config.CHANNELS)


def _own_facts(located: Located, request: Request) -> tuple[int, tuple[str, ...]]:
    """Rate, and what a model of the user's own makes. Raises EngineError."""
    if located.kind == VR:
        return _RATE, _vr_facts(located)[1]
    from stem_cli.engines.uvr.network import layout_of

    layout, makes = layout_of(located, request)
    return layout.rate, makes


def _vr_facts(located: Located) -> tuple[VrFacts, tuple[str, ...]]:
    """What the file of a VR network does not say, and what it makes. Raises EngineError where nobody knows it."""
    from stem_cli.engines.uvr.vr_facts import facts_of

    ours = models.TABLE[located.name] if located.is_ours else None
    if ours is not None and ours.vr is not None:
        return ours.vr, ours.makes
    assert located.weights is not None
    return facts_of(located.weights)


def _unavailable(request: Request) -> Missing | None:
    from stem_cli.engines.uvr.network import has_torch, way_of

    try:
        device_for(request.device)
        located = _chosen(request)
        _described(located, request)
        if located.kind != VR and way_of(located, request).facts is not None:
            return None
    except (EngineError, UsageError) as error:
        return Missing.told(error)
    return None if has_torch() else Missing("the package audio-separator is not installed", _INSTALL)


def _find(request: Request) -> Model:
    known = models.TABLE.get(request.model)
    if known is not None:
        return _of_table(known)
    try:
        model = _described(_chosen(request), request)
    except NotHere:
        if request.model or not models.TABLE:
            raise
        return _of_table(next(iter(models.TABLE.values())))
    return replace(model, name=request.model or model.name)  # by the name of its file, it answers to that


def _identify(request: Request) -> Identity:
    """Raises EngineError where the model is not there."""
    from stem_cli.engines.uvr.network import layout_of, way_of

    located = _chosen(request)
    if located.kind == VR:
        facts, makes = _vr_facts(located)
        settings = {name: str(value) for name, value in asdict(facts).items() if value}
        settings |= {"makes": "+".join(makes), "version": _VERSION, "audio_separator": _version_of_theirs()}
        return Identity("uvr", located.name, located.digest, settings)
    layout, makes = layout_of(located, request)
    effort, columns = effort_of(request), columns_of(request, layout)
    settings = {
        "stride": str(effort.stride(replace(layout, columns=columns))),
        "segment": str(layout.hop * (columns - 1)),
        "precision": way_of(located, request).precision,
        "makes": "+".join(makes),
        "version": _VERSION,
    }
    return Identity("uvr", located.name, located.digest, settings)


def _version_of_theirs() -> str:
    """Its bands and its code make the sound of VR networks."""
    try:
        return metadata.version("audio-separator")
    except metadata.PackageNotFoundError:
        return "none"


def _prepare(request: Request, note: Callable[[str], None]) -> bool:
    from stem_cli.engines.uvr.network import prepare

    located = _chosen(request)
    return located.kind != VR and prepare(located, request, note)


def _separate(mix: Mix, request: Request, run: Run) -> Generator[StemBlock, None, None]:
    from stem_cli.engines.uvr.network import open_model

    located = _chosen(request)
    if located.kind == VR:
        yield from _by_vr(mix, located, request, run)
        return
    with open_model(located, request, run) as opened:
        tee = Tee(mix.blocks())
        try:
            for block in overlap.separate(tee, [opened.part], 0.0, [(opened.start,)]):
                yield _all_stems(block, opened.makes, tee.take(block.shape[2]))
        finally:
            if opened.runner is not None:
                run.device = opened.runner.device


def _by_vr(mix: Mix, located: Located, request: Request, run: Run) -> Iterator[StemBlock]:
    """It takes the whole song before it gives anything, so the song is read again beside what it gives."""
    from stem_cli.engines.uvr import vr

    facts, makes = _vr_facts(located)
    assert located.weights is not None
    tee = Tee(mix.blocks())
    song = iter(tee)
    for block in vr.separate(mix, located.weights, facts, run, device_for(request.device)):
        while tee.left < block.shape[2] and next(song, None) is not None:
            pass
        yield _all_stems(block, makes, tee.take(block.shape[2]))


def _all_stems(block: NDArray[Any], makes: tuple[str, ...], song: NDArray[Any]) -> StemBlock:
    """The network's stems [stems, 2, frames], and what is left of the song."""
    made, rest = dict(zip(makes, block, strict=True)), names.rest_of(makes)
    if rest is not None:
        made[rest] = song - block.sum(axis=0)
    return {name: made[name] for name in names.told(makes)}


def knows(name: str, models_dir: Path) -> bool:
    """Whether a model of that name is one of these: of the table, or found in the folder of models."""
    if name in models.TABLE:
        return True
    try:
        _locate(name, models_dir)
    except NotHere:
        return False
    except EngineError:
        return True
    return True


def convert_model(name: str, models_dir: Path, force: bool, note: Callable[[str], None]) -> Facts | None:
    """Convert a model, if it is not yet; None where that failed, which `note` has told. Raises EngineError."""
    from stem_cli.engines.uvr.network import convert, has_torch, layout_of

    located = _locate(name, models_dir)
    if located.kind == VR:
        raise EngineError(f"{name} cannot be converted: it is a VR network", None, "It runs on torch.")
    facts = converted.current(located, models_dir)
    if facts and not force and not shared.damaged(facts.sums, models_dir):
        return facts
    if not openvino.ready():
        raise EngineError("OpenVINO is not installed", None, 'Type: pip install "stem-cli[fast]"')
    if located.weights is None or not has_torch():
        raise EngineError("the packages torch and audio-separator are needed for that", None, _INSTALL)
    layout_of(located, Request(models_dir=models_dir))  # a yaml that makes no sense says so
    return convert(name, located, models_dir, note, force)


def convert_here(name: str, models_dir: str, force: str = "") -> None:
    """Convert a model in this process (`network.convert` runs it in one of its own); ends it where that fails."""
    try:
        converted.write(shelf.locate(name, Path(models_dir)), Path(models_dir), bool(force))
    except StemError as error:
        sys.exit(str(error))


_MEMORY_BYTES = 2.8e9
"""Of a RoFormer of the usual size (measured with Kim's, docs/engines.md)."""
_VR_BYTES_A_SECOND = 5e6
"""A VR network's whole song, its spectrograms and what is made of them are in memory: about 15 times the samples."""


def _memory(request: Request, seconds: float) -> float:
    """About what a model takes."""
    with suppress(EngineError):
        if _chosen(request).kind == VR:
            return 1e9 + _VR_BYTES_A_SECOND * seconds
    return _MEMORY_BYTES


ENGINE = Engine(
    name="uvr",
    title="UVR models: RoFormer, MDX23C, VR",
    models=tuple(map(_of_table, models.TABLE.values())),
    speed=0.3,
    networks=True,
    memory=_memory,
    pays=False,
    unavailable=_unavailable,
    find=_find,
    identify=_identify,
    separate=_separate,
    prepare=_prepare,
    added=lambda models_dir: those_found(shelf.own_names(models_dir), models_dir, _find),
    files_of=removal.files_of,
)
__all__ = ["ENGINE", "convert_here", "convert_model", "knows"]
