"""What this machine can run networks on, found out without importing what would run them."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stem_cli.errors import EngineError

_CUDA_LIBRARIES = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
_NVML_LIBRARIES = {"linux": "libnvidia-ml.so.1", "win32": "nvml.dll"}
_BUS_ID_BYTES = 16  # "0000:00:00.0" and its end
_BF16_FLAGS = {"amx_bf16", "avx512_bf16"}
_CGROUP = Path("/sys/fs/cgroup")
"""Of the process itself in a container, where a limit of memory matters most."""


@dataclass(frozen=True)
class Hardware:
    """gpus: NVIDIA devices that the driver sees. metal: an Apple GPU. bf16: the CPU multiplies bfloat16 by itself.

    torch: "" (not installed), "cpu", "cuda" or "metal", what the installed build can use.
    """

    gpus: int
    metal: bool
    bf16: bool
    torch: str

    @property
    def device(self) -> str:
        """The best device that the installed torch can use."""
        if self.gpus and self.torch == "cuda":
            return "cuda"
        return "mps" if self.metal and self.torch == "metal" else "cpu"


@cache
def hardware() -> Hardware:
    """What this machine has."""
    metal = sys.platform == "darwin" and platform.machine() == "arm64"
    return Hardware(gpus=_gpus(), metal=metal, bf16=_bf16(), torch=_torch_build())


def installed(name: str) -> bool:
    """Whether a package can be imported; nothing of it is run. One that somebody forbade cannot (as tests do)."""
    if name in sys.modules:
        return sys.modules[name] is not None
    return importlib.util.find_spec(name) is not None


def _gpus() -> int:
    """As many as the CUDA driver counts; 0 without a driver."""
    name = _CUDA_LIBRARIES.get(sys.platform)
    if name is None:
        return 0
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def _bf16() -> bool:
    try:
        return has_bf16(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
    except OSError:
        return False


def has_bf16(cpuinfo: str) -> bool:
    """Whether a CPU multiplies bfloat16 by itself, by the text of /proc/cpuinfo."""
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    return flags is not None and bool(_BF16_FLAGS & set(flags[1].split()))


def _torch_build() -> str:
    """Read from torch/version.py: importing torch takes seconds."""
    if not installed("torch"):
        return ""
    if sys.platform == "darwin":
        return "metal"
    found = importlib.util.find_spec("torch")
    version = Path(found.origin).with_name("version.py") if found and found.origin else None
    return torch_build(version.read_text("utf-8", "replace") if version and version.exists() else "")


def torch_build(version: str) -> str:
    """ "cuda" or "cpu", by the text of torch/version.py; a build for ROCm calls its devices cuda too."""
    return "cuda" if re.search(r"^(?:cuda|hip)\b[^=\n]*=\s*['\"]", version, re.MULTILINE) else "cpu"


def device_for(wanted: str) -> str:
    """ "cpu", "cuda" or "mps". Raises EngineError where a device is asked for that is not there."""
    machine = hardware()
    if wanted == "auto":
        return machine.device
    if wanted != "cpu" and wanted != machine.device:
        raise EngineError(f"there is no {wanted} device that can be used here", None, torch_remedy(wanted))
    return wanted


def torch_remedy(wanted: str = "cuda") -> str:
    """What to do where a GPU was asked for, or is there and not used."""
    machine = hardware()
    if wanted == "cuda" and machine.gpus and machine.torch != "cuda":
        return "The installed torch is a CPU build: install the CUDA build (docs/engines.md, GPUs)."
    if wanted == "cuda":
        return "No NVIDIA GPU answers: check its driver with nvidia-smi, or leave out --device."
    return "It takes an Apple M1 or newer: leave out --device."


def notes() -> Iterator[str]:
    """What a user with a GPU, or without OpenVINO, should know."""
    machine = hardware()
    if machine.gpus and machine.torch == "cpu":
        yield f"an NVIDIA GPU is there, but {torch_remedy('cuda')}"
    if machine.device == "cpu" and not installed("openvino"):
        yield 'on the CPU it is 1.5 to 3 times as fast with OpenVINO: pip install "stem-cli[fast]"'
    packages = {name: _version(name) for name in ("onnxruntime", "onnxruntime-gpu")}
    if all(packages.values()):
        yield "onnxruntime and onnxruntime-gpu are both installed and overwrite one another: uninstall one"
    elif machine.gpus and packages["onnxruntime"]:
        yield "for ONNX models on the GPU: pip uninstall onnxruntime, then pip install onnxruntime-gpu"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def precision_for(wanted: str, device: str, openvino: bool) -> str:
    """ "f32", "bf16", or "tf32" (products rounded to 10 bits, by CUDA devices that can).

    Auto takes bfloat16 where OpenVINO runs on a CPU that multiplies it by itself: two to three times as fast for an
    error of some -40 dB; elsewhere on the CPU it is slower than float32.
    """
    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "tf32"
    return "bf16" if openvino and device == "cpu" and hardware().bf16 else "f32"


def free_gpu_bytes() -> int:
    """Free memory of the first NVIDIA GPU, as its driver's monitor or a torch that uses it tells; 0 where none does."""
    if hardware().device != "cuda":
        return 0
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.mem_get_info()[0])
    try:
        return _free_by_monitor()
    except (OSError, AttributeError):  # no such library, or one that is too old
        return 0


class _Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def _free_by_monitor() -> int:
    """By NVML, which makes no context on the GPU; by its bus, as the driver may number GPUs otherwise."""
    driver, monitor = (ctypes.CDLL(names.get(sys.platform, "")) for names in (_CUDA_LIBRARIES, _NVML_LIBRARIES))
    bus, device, memory = ctypes.create_string_buffer(_BUS_ID_BYTES), ctypes.c_void_p(), _Memory()
    if driver.cuInit(0) or driver.cuDeviceGetPCIBusId(bus, _BUS_ID_BYTES, 0) or monitor.nvmlInit_v2():
        return 0
    try:
        refused = monitor.nvmlDeviceGetHandleByPciBusId_v2(bus, ctypes.byref(device))
        refused = refused or monitor.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
        return 0 if refused else int(memory.free)
    finally:
        monitor.nvmlShutdown()


def available_bytes() -> int:
    """Memory that this process may still take: of the machine, of its container, and by its own limits (ulimit)."""
    import psutil

    lefts = (_cgroup_left(), *_limits_left(psutil.Process().memory_info()))
    return min([int(psutil.virtual_memory().available), *(left for left in lefts if left is not None)])


def _cgroup_left() -> int | None:
    """What a container's limit leaves, by cgroup v2."""
    try:
        limit = (_CGROUP / "memory.max").read_text("ascii").strip()
        used = int((_CGROUP / "memory.current").read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(0, int(limit) - used)


def _limits_left(used: Any) -> Iterator[int]:
    """What `ulimit -v` and `ulimit -d` leave."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if sys.platform != "linux":
        return  # elsewhere psutil does not tell what counts
    for kind, taken in ((resource.RLIMIT_AS, used.vms), (resource.RLIMIT_DATA, used.data)):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            yield max(0, limit - taken)
