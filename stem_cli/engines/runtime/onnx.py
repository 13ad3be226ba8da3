"""Networks in ONNX files, run by onnxruntime or by OpenVINO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines.runtime import openvino
from stem_cli.engines.runtime.machine import hardware
from stem_cli.errors import EngineError

Floats = NDArray[np.float32]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
_GPU_HINT = "For NVIDIA: pip uninstall onnxruntime, then pip install onnxruntime-gpu. Or leave out --device."


@dataclass(frozen=True)
class Port:
    """What goes into a network or comes out. shape: None where the network takes any length."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Network:
    """A network that is open. run: one array in, all that comes out, valid until the next call."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    device: str
    precision: str
    run: Callable[[Floats], Sequence[Floats]]


def device_of(wanted: str) -> str:
    """ "cpu", "cuda" or "mps": what onnxruntime can use here. Raises EngineError where a device is not there."""
    there = _available()
    if wanted == "auto":
        return "cuda" if "cuda" in there and hardware().gpus else "cpu"  # CoreML only on demand: it cuts networks up
    if wanted not in there:
        raise EngineError(f"onnxruntime has no {wanted} device here", None, _GPU_HINT)
    return wanted


def _available() -> set[str]:
    import onnxruntime

    providers = set(onnxruntime.get_available_providers())
    return {device for device, provider in _PROVIDERS.items() if provider in providers}


def knows_bf16(wanted: str) -> bool:
    """Whether networks run in bfloat16 on that device."""
    return device_of(wanted) == "cpu" and openvino.ready()


def open_network(path: Path, device: str, threads: int, precision: str, cache: Path) -> Network:
    """Open an ONNX file: on a CPU by OpenVINO where that is installed, which is faster, else by onnxruntime.

    precision: "f32", or "bf16", which only OpenVINO has. cache: a folder for what OpenVINO compiles.
    Raises EngineError where it is no ONNX file, or wants what the runtime does not have.
    """
    if device == "cpu" and openvino.ready():
        with suppress(EngineError):  # what onnxruntime says of such a file is clearer
            return _by_openvino(path, threads, precision, cache)
    return _by_onnxruntime(path, device, threads)


def _by_openvino(path: Path, threads: int, precision: str, cache: Path) -> Network:
    model = openvino.read_onnx(path)
    compiled: dict[tuple[int, ...], Callable[..., Sequence[Floats]]] = {}

    def run(array: Floats) -> Sequence[Floats]:
        if array.shape not in compiled:
            compiled.clear()
            compiled[array.shape] = model.compiled(array.shape, precision, threads, cache)
        return compiled[array.shape]((array,))

    inputs = tuple(Port(name, shape) for name, shape in model.inputs)
    outputs = tuple(Port(name, shape) for name, shape in model.outputs)
    return Network(inputs, outputs, "cpu", precision, run)


def _by_onnxruntime(path: Path, device: str, threads: int) -> Network:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what goes wrong, an exception says
    options.enable_cpu_mem_arena = False  # it keeps what it freed: 2.5 GB instead of 1.5 for an MDX-Net, and no faster
    providers = list(dict.fromkeys((_PROVIDERS[device], _PROVIDERS["cpu"])))
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except _faults() as error:
        hint = "Delete it and get it again, or take one that was exported for onnxruntime."
        raise EngineError(f"onnxruntime cannot open this model ({_first_line(error)})", path, hint) from error
    inputs = tuple(Port(one.name, _shape(one.shape)) for one in session.get_inputs())
    outputs = tuple(Port(one.name, _shape(one.shape)) for one in session.get_outputs())

    def run(array: Floats) -> Sequence[Floats]:
        try:
            found: Sequence[Floats] = session.run(None, {inputs[0].name: array})
        except _faults() as error:
            hint = "Choose another --device, or another model."
            raise EngineError(f"this model does not run ({_first_line(error)})", path, hint) from error
        return found

    used = next(name for name, provider in _PROVIDERS.items() if provider == session.get_providers()[0])
    return Network(inputs, outputs, used, "f32", run)


def _shape(found: Sequence[Any]) -> tuple[int | None, ...]:
    """Lengths that have a name instead of a number may be any."""
    return tuple(size if isinstance(size, int) and size > 0 else None for size in found)


def _faults() -> tuple[type[Exception], ...]:
    """All that onnxruntime raises by itself."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception)]
    return (*own, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
