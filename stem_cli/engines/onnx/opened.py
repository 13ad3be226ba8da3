"""A manifest and its ONNX file, checked against one another and ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines import Request
from stem_cli.engines.onnx import mdx, waveform
from stem_cli.engines.onnx.manifest import CHANNELS, MDX, Manifest
from stem_cli.engines.runtime import onnx
from stem_cli.errors import EngineError
from stem_cli.overlap import Part

Floats = NDArray[np.float32]

_GPU_BATCH = 4
_WHERE = "Its manifest has to say what the file is: docs/engines.md."


@dataclass(frozen=True)
class Opened:
    """part: the network along the song. start: frame of its first segment. gain: what its sound is multiplied by."""

    part: Part
    start: int
    gain: float
    network: onnx.Network


def open_model(manifest: Manifest, path: Path, request: Request, threads: int, precision: str = "f32") -> Opened:
    """Open a model. Raises EngineError where the file is not what the manifest says."""
    cache = request.models_dir / "converted" / "compiled"
    network = onnx.open_network(path, onnx.device_of(request.device), threads, precision, cache)
    if len(network.inputs) != 1:
        names = ", ".join(port.name for port in network.inputs)
        raise EngineError(f"it asks for {len(network.inputs)} inputs ({names}), and one is known", path, _WHERE)
    batch = _GPU_BATCH if network.device != "cpu" else 1
    if network.inputs[0].shape[:1] not in ((None,), ()):
        batch = network.inputs[0].shape[0] or 1
    opened = _mdx if manifest.kind == MDX else _waveform
    return opened(manifest, path, network, request, batch, threads)


def _mdx(manifest: Manifest, path: Path, network: onnx.Network, request: Request, batch: int, threads: int) -> Opened:
    transform = manifest.transform
    assert transform is not None  # `manifest.parse` sees to that
    shape = (2 * CHANNELS, transform.bins, transform.columns)
    _require(network.inputs[0], shape, path)
    _require(network.outputs[0], shape, path)
    net = mdx.MdxNetwork(lambda heard: network.run(heard)[0], transform, batch, threads)
    part, start = mdx.part_of(net, transform, request.overlap)
    return Opened(part, start, manifest.compensation, network)


def _waveform(
    manifest: Manifest, path: Path, network: onnx.Network, request: Request, batch: int, _threads: int
) -> Opened:
    said = network.inputs[0].shape[-1] if network.inputs[0].shape else None
    frames = said or manifest.segment_frames
    if frames is None:
        raise EngineError("neither the file nor the manifest says how long its segments are", path, _WHERE)
    _require(network.inputs[0], (CHANNELS, manifest.segment_frames or frames), path)
    stems = len(manifest.makes)
    shape = (stems, CHANNELS, frames)
    _require(
        network.outputs[0], shape[1:] if stems == 1 and len(network.outputs[0].shape) == len(shape) else shape, path
    )
    net = waveform.WaveformNetwork(lambda heard: network.run(heard)[0], stems, frames, batch)
    return Opened(waveform.part_of(net, request.overlap), 0, 1.0, network)


def _require(port: onnx.Port, shape: tuple[int, ...], path: Path) -> None:
    """Raises EngineError where a port has other lengths behind the first, which counts segments."""
    found = port.shape[1:]
    if len(found) != len(shape) or any(one not in (None, wanted) for one, wanted in zip(found, shape, strict=True)):
        told = " x ".join("any" if one is None else str(one) for one in found)
        wanted_told = " x ".join(map(str, shape))
        raise EngineError(f"its {port.name!r} is {told} instead of {wanted_told}", path, _WHERE)
