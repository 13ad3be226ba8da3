"""ONNX models, run by onnxruntime: no torch, part of the base install. Their weights are fetched on demand."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from stem_cli import overlap
from stem_cli import stems as table
from stem_cli.audio import Tee
from stem_cli.engines import Engine, Identity, Missing, Mix, Model, Request, Run, StemBlock
from stem_cli.engines.onnx import shelf
from stem_cli.engines.onnx.manifest import CHANNELS, Manifest
from stem_cli.engines.runtime import onnx
from stem_cli.engines.runtime.kept import Kept
from stem_cli.errors import EngineError

if TYPE_CHECKING:
    from stem_cli.engines.onnx.opened import Opened

_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""


def _model(manifest: Manifest) -> Model:
    return Model(
        name=manifest.name,
        title=manifest.title,
        stems=manifest.stems,
        licence=manifest.licence,
        rate=manifest.rate,
        channels=CHANNELS,
        quality=manifest.quality,
        source=manifest.quality_source,
        files=(manifest.file,) if manifest.file.url else (),
    )


def _wanted(request: Request) -> Manifest:
    """The model asked for, else the best of those that are there, else the one to fetch first. Raises EngineError."""
    if request.model:
        return shelf.manifest_of(request.model, request.models_dir)
    known = [*shelf.table(), *shelf.added(request.models_dir)]
    able = [one for one in known if _model(one).gives >= set(request.stems or table.FOUR)] or known
    return next((one for one in able if _is_there(one, request.models_dir)), able[0])


def _is_there(manifest: Manifest, models_dir: Path) -> bool:
    try:
        shelf.weights_of(manifest, models_dir)
    except EngineError:
        return False
    return True


def _unavailable(request: Request) -> Missing | None:
    try:
        onnx.device_of(request.device)
        shelf.weights_of(_wanted(request), request.models_dir)
    except EngineError as error:
        return Missing.told(error)
    return None


def _find(request: Request) -> Model:
    return _model(_wanted(request))


def _precision(request: Request) -> str:
    """ "bf16" only on demand: what it costs depends on the weights, and nobody has measured it for these."""
    return request.precision if request.precision == "bf16" and onnx.knows_bf16(request.device) else "f32"


def _identify(request: Request) -> Identity:
    """Raises EngineError where the model is not there."""
    manifest = _wanted(request)
    _, digest = shelf.weights_of(manifest, request.models_dir)
    settings = {"version": _VERSION, "kind": manifest.kind, "precision": _precision(request)}
    if manifest.transform is not None:
        transform = manifest.transform
        settings |= {
            "transform": f"{transform.size}x{transform.hop}x{transform.bins}x{transform.columns}",
            "compensation": f"{manifest.compensation:.12g}",
        }
    if request.overlap is not None:
        settings["overlap"] = f"{request.overlap:.12g}"
    settings["makes"] = "+".join(manifest.makes)
    return Identity("onnx", manifest.name, digest, settings)


def _separate(mix: Mix, request: Request, run: Run) -> Generator[StemBlock, None, None]:
    manifest = _wanted(request)
    path, _ = shelf.weights_of(manifest, request.models_dir)
    with _held_open(manifest, path, request, run) as opened:
        run.device, run.precision = opened.network.device, opened.network.precision
        tee = Tee(mix.blocks())
        for block in overlap.separate(tee, [opened.part], 0.0, [(opened.start,)]):
            block *= opened.gain
            made = dict(zip(manifest.makes, block, strict=True))
            song = tee.take(block.shape[2])
            if manifest.rest is not None:
                made[manifest.rest] = song - block.sum(axis=0)
            yield {name: made[name] for name in manifest.stems}


_KEPT: Kept[Opened] = Kept()


def _held_open(manifest: Manifest, path: Path, request: Request, run: Run) -> AbstractContextManager[Opened]:
    from stem_cli.engines.onnx.opened import open_model

    key = (manifest, path, path.stat().st_mtime_ns, request.device, request.overlap, request.precision, run.threads)
    return _KEPT.using(key, lambda: open_model(manifest, path, request, run.threads, _precision(request)))


_MEMORY_BYTES = 1.8e9
"""Of an MDX-Net of the usual size (measured with UVR-MDX-NET-Voc_FT's, docs/engines.md)."""


ENGINE = Engine(
    name="onnx",
    title="ONNX models: MDX-Net and others",
    models=tuple(map(_model, shelf.table())),
    speed=1.0,
    networks=True,
    memory=lambda request, seconds: _MEMORY_BYTES,  # noqa: ARG005
    pays=False,
    unavailable=_unavailable,
    find=_find,
    identify=_identify,
    separate=_separate,
    added=lambda models_dir: tuple(map(_model, shelf.added(models_dir))),
    files_of=shelf.files_of,
)
