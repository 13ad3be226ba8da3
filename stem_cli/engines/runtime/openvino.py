"""Networks run by OpenVINO, which makes them two to three times as fast on a CPU as torch does.

OpenVINO is an optional package. When imported it tells its makers so, unless its package for that is absent: here it
always is. Nothing leaves the machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines.runtime.machine import installed
from stem_cli.errors import EngineError, OutputError

Arrays = Sequence[NDArray[np.float32]]
_ENDINGS = (".xml", ".bin")


def ready() -> bool:
    """Whether OpenVINO is installed."""
    return installed("openvino")


def _openvino() -> Any:
    """The package, with its telemetry off. Raises EngineError where it is not there or does not load."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # what Python means by "is not there"
    try:
        import openvino
    except ImportError as error:
        raise EngineError(f"OpenVINO does not load ({error})", None, 'Type: pip install "stem-cli[fast]"') from error
    return openvino


def convert(traced: Any, shapes: Sequence[Sequence[int]], path: Path) -> None:
    """Write a traced torch network with inputs of fixed shapes as `path` (.xml) and the .bin beside it.

    Raises OutputError where it cannot be written.
    """
    _openvino()
    from openvino import save_model
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # the frontend itself does not keep it alive
    model = frontend.convert(frontend.load(decoder))
    model.reshape({place: list(shape) for place, shape in enumerate(shapes)})
    partial = path.with_name(f".{path.stem}.partial.xml")
    try:
        save_model(model, partial, compress_to_fp16=False)
    except RuntimeError as error:  # all that OpenVINO says of a full disk is "iostream error"
        hint = "Free some space there, or choose another --models-dir."
        raise OutputError(f"a converted model cannot be written ({_first_line(error)})", path.parent, hint) from error
    for ending in reversed(_ENDINGS):  # the .xml last: without it the network does not exist
        partial.with_suffix(ending).replace(path.with_suffix(ending))


def load(path: Path, precision: str, threads: int, cache: Path) -> Callable[[Arrays], list[NDArray[np.float32]]]:
    """A network that `convert` wrote, as a function of its inputs. What it returns is valid until the next call.

    precision: "f32" or "bf16". cache: a folder in which the compiled network is kept, a fifth of the start-up time;
    done without where that is not allowed.
    Raises EngineError where the file is damaged.
    """
    options = _options(precision, threads, cache)
    openvino = _openvino()
    try:
        request = openvino.Core().compile_model(path, "CPU", options).create_infer_request()
    except RuntimeError as error:
        hint = f"Delete {path} and {path.with_suffix('.bin').name}; they are made anew."
        raise EngineError(f"a converted model is damaged ({_first_line(error)})", path, hint) from error
    return _runner(request)


@dataclass(frozen=True)
class Model:
    """An ONNX file that was read. inputs, outputs: name and lengths of each, None where any will do."""

    model: Any
    inputs: tuple[tuple[str, tuple[int | None, ...]], ...]
    outputs: tuple[tuple[str, tuple[int | None, ...]], ...]

    def compiled(
        self, shape: Sequence[int], precision: str, threads: int, cache: Path
    ) -> Callable[[Arrays], list[NDArray[np.float32]]]:
        """As `load` gives it, for an input of one shape. Raises EngineError where the network does not take that."""
        try:
            self.model.reshape(list(shape))
            compiled = _openvino().Core().compile_model(self.model, "CPU", _options(precision, threads, cache))
        except RuntimeError as error:
            raise EngineError(f"this model does not take {list(shape)} ({_first_line(error)})") from error
        return _runner(compiled.create_infer_request())


def read_onnx(path: Path) -> Model:
    """Read an ONNX file. Raises EngineError where OpenVINO cannot."""
    try:
        model = _openvino().Core().read_model(path)
    except RuntimeError as error:
        raise EngineError(f"OpenVINO cannot open this model ({_first_line(error)})", path) from error
    return Model(model, tuple(map(_port, model.inputs)), tuple(map(_port, model.outputs)))


def _port(found: Any) -> tuple[str, tuple[int | None, ...]]:
    return found.any_name, tuple(size.get_length() if size.is_static else None for size in found.partial_shape)


def _options(precision: str, threads: int, cache: Path) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # pinned, both threads may share one core: twice as slow on two cores
        "CACHE_DIR": str(cache) if writable(cache) else "",
    }


def _runner(request: Any) -> Callable[[Arrays], list[NDArray[np.float32]]]:
    def run(arrays: Arrays) -> list[NDArray[np.float32]]:
        return list(request.infer(dict(enumerate(arrays)), share_inputs=True, share_outputs=True).values())

    return run


def writable(folder: Path) -> bool:
    """Whether files can be made there; the folder is made where it is missing."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:120]
