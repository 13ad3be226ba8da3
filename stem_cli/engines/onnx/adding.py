"""Models that a user adds: a manifest, with its ONNX file beside it or to be fetched, or an ONNX file alone."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stem_cli.disk import disk_errors, write_synced
from stem_cli.engines import Request
from stem_cli.engines.onnx import shelf
from stem_cli.engines.onnx.manifest import CHANNELS, MDX, WAVEFORM, Manifest, Transform, parse, read, to_text
from stem_cli.engines.onnx.opened import open_model
from stem_cli.engines.runtime import onnx
from stem_cli.errors import EngineError, OutputError, UsageError
from stem_cli.models import ModelFile
from stem_cli.models.files import sha256_of

_HOP = 1024
"""Of all published MDX-Nets."""
_MDX_PORT, _WAVEFORM_PORT = 4, 3  # lengths of their inputs' shapes
_ELSEWHERE = "Choose another place (`stem config set models_dir DIR`)"


def manifest_for(path: Path, stems: tuple[str, ...] = (), transform_size: int | None = None) -> Manifest:
    """What `path` adds: the manifest itself, or for an ONNX file the one we know of it, or one made of what is given.

    stems: what the network makes. transform_size: of an MDX-Net's window; its file does not say it.
    Raises EngineError, UsageError.
    """
    if path.suffix == shelf.ENDING:
        return read(path)
    digest = sha256_of(path)
    known = next((one for one in shelf.table() if one.file.sha256 and digest.startswith(one.file.sha256)), None)
    if known is not None:
        return known
    file = ModelFile(path.name, "", digest, path.stat().st_size)
    shape = onnx.open_network(path, "cpu", 1, "f32", path.parent).inputs[0].shape
    if not stems:
        what = "it does not say which stems it makes"
        raise UsageError(what, path, "Add --stems vocals, or --stems drums,bass,other,vocals, in its own order.")
    kind, transform = _kind(path, shape, transform_size)
    made = Manifest(
        name=path.stem,
        title="a model of your own",
        kind=kind,
        file=file,
        licence="yours to know",
        makes=stems,
        rate=44100,
        segment_frames=None if kind == MDX else shape[-1],
        transform=transform,
    )
    return parse(tomllib.loads(to_text(made)), path)  # as strictly as one that was written by hand


def _kind(path: Path, shape: tuple[int | None, ...], size: int | None) -> tuple[str, Transform | None]:
    """Raises EngineError for shapes of neither kind, UsageError where the size of the transform is missing."""
    if len(shape) == _WAVEFORM_PORT and shape[1] in (CHANNELS, None):
        return WAVEFORM, None
    if len(shape) == _MDX_PORT and shape[1] == 2 * CHANNELS and shape[2] and shape[3]:
        if size is None:
            hint = f"Add --transform-size: its network hears {shape[2]} bins, so {2 * shape[2]} or a little more."
            raise UsageError("an MDX-Net does not say how long its window is", path, hint)
        return MDX, Transform(size, _HOP, shape[2], shape[3])
    told = " x ".join("any" if one is None else str(one) for one in shape)
    what = f"its input is {told}: neither an MDX-Net (any x 4 x bins x columns) nor sound (any x 2 x frames)"
    raise EngineError(what, path, "Only these two kinds are known.")


def add(
    path: Path, manifest: Manifest, models_dir: Path, taken: Collection[str] = (), force: bool = False
) -> tuple[Path, ...]:
    """Put a model into the folder of models; gives its files there. Raises StemError; then nothing is left there.

    taken: names that models of our own tables have. An ONNX file beside the manifest is checked and opened first;
    without one the manifest has to say where it is fetched from.
    """
    ours = any(one.name == manifest.name for one in shelf.table())
    if manifest.name in taken and not (ours and path.suffix != shelf.ENDING):
        raise EngineError(f"there is another model of the name {manifest.name}", path, "Give yours another name.")
    source = path if path.suffix != shelf.ENDING else path.with_name(manifest.file.name)
    targets = (models_dir / manifest.file.name, models_dir / f"{manifest.name}{shelf.ENDING}")
    for target in targets:
        if target.exists() and not force and not _same(target, source):
            raise OutputError("it is there already", target, "Add --force to replace it.")
    if not source.is_file() and not manifest.file.url:
        hint = f"Put {manifest.file.name} beside it, or say in it where it is fetched from (url)."
        raise EngineError("the ONNX file is missing", source, hint)
    made = []
    with disk_errors(models_dir, _ELSEWHERE):
        models_dir.mkdir(parents=True, exist_ok=True)
        if source.is_file():
            manifest = replace(manifest, file=_checked(manifest, source))
            made.append(_placed(source, targets[0]))
        if not ours:
            write_synced(targets[1], to_text(manifest))
            made.append(targets[1])
    return tuple(made)


def _checked(manifest: Manifest, source: Path) -> ModelFile:
    """The file, with its whole digest. Raises EngineError where it is not what the manifest says."""
    digest = sha256_of(source)
    if not digest.startswith(manifest.file.sha256):
        what = f"its checksum is {digest[:8]}..., the manifest says {manifest.file.sha256[:8]}..."
        raise EngineError(what, source, "Get it again, or correct the manifest.")
    open_model(manifest, source, Request(models_dir=source.parent, device="cpu"), 1)
    return replace(manifest.file, sha256=digest, bytes=source.stat().st_size)


def _same(target: Path, source: Path) -> bool:
    return target.exists() and source.exists() and target.samefile(source)


def _placed(source: Path, target: Path) -> Path:
    import shutil

    if _same(target, source):
        return target
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return target
