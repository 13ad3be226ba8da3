"""What a machine can do: its devices, what its processor multiplies, how much memory is free."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stem_cli.engines.runtime import available_bytes, hardware, machine
from stem_cli.engines.runtime.machine import has_bf16, torch_build


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("__version__ = '2.13.0+cpu'\ndebug = False\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", "cpu"),
        ("__version__ = '2.13.0+cu128'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "cuda"),
        ("__version__ = '2.6.0'\ncuda = '12.4'\nhip = None\n", "cuda"),
        ("__version__ = '2.13.0+rocm6.4'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.4.4'\n", "cuda"),
        ("", "cpu"),
    ],
)
def test_which_devices_a_build_of_torch_can_use(version: str, build: str) -> None:
    assert torch_build(version) == build


def test_the_installed_torch_is_known_without_importing_it() -> None:
    torch = pytest.importorskip("torch", reason='pip install "stem-cli[demucs]"')
    built_for_gpu = torch.version.cuda is not None or torch.version.hip is not None
    expected = "metal" if sys.platform == "darwin" else "cuda" if built_for_gpu else "cpu"
    assert hardware().torch == expected


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("fpu avx512f avx512_bf16 amx_tile", True),
        ("fpu amx_bf16", True),
        ("fpu avx2 avx512f", False),
        ("fpu avx512_bf16x", False),
        ("", False),
    ],
)
def test_a_cpu_that_multiplies_bfloat16_says_so_in_its_flags(flags: str, found: bool) -> None:
    assert has_bf16(f"processor\t: 0\nmodel name\t: avx512_bf16\nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n") == found


def test_a_cpu_of_arm_is_not_said_to_know_it() -> None:
    assert not has_bf16("processor\t: 0\nFeatures\t: fp asimd bf16\n")


@pytest.mark.parametrize(
    ("gpus", "metal", "build", "device"),
    [(1, False, "cuda", "cuda"), (1, False, "cpu", "cpu"), (0, False, "cuda", "cpu"), (0, True, "metal", "mps"),
     (0, True, "", "cpu"), (0, False, "", "cpu")],
)  # fmt: skip
def test_the_device_is_what_both_the_machine_and_torch_have(gpus: int, metal: bool, build: str, device: str) -> None:
    assert machine.Hardware(gpus, metal, bf16=False, torch=build).device == device


@pytest.mark.parametrize(("limit", "used", "left"), [("max", "5", None), ("1000", "400", 600), ("1000", "2000", 0)])
def test_a_containers_limit_counts(
    limit: str, used: str, left: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = available_bytes()
    (tmp_path / "memory.max").write_text(f"{limit}\n", "ascii")
    (tmp_path / "memory.current").write_text(f"{used}\n", "ascii")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    assert available_bytes() == left if left is not None else available_bytes() > whole / 2


def test_packages_are_looked_for_while_another_thread_imports() -> None:
    """As the filters of the meter are, ahead of the first block: that was one song in fifty that failed."""
    names = [f"{__name__}.{number}" for number in range(2000)]
    ended = threading.Event()

    def import_without_end() -> None:
        while not ended.is_set():
            for name in names:
                sys.modules[name] = sys
            for name in names:
                del sys.modules[name]

    thread = threading.Thread(target=import_without_end)
    thread.start()
    try:
        assert all(machine.installed("numpy") for _ in range(500))
    finally:
        ended.set()
        thread.join()


@pytest.mark.skipif(hardware().device == "cuda", reason="only on a machine without a GPU")
def test_where_there_is_no_gpu_it_has_no_memory_and_torch_is_not_imported() -> None:
    code = "import sys; from stem_cli.router import this_machine; print(this_machine().vram_gb, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0.0 False\n"


@pytest.mark.skipif(hardware().device != "cuda", reason="only on a machine with an NVIDIA GPU")
def test_a_gpu_tells_its_free_memory_as_torch_does() -> None:
    import torch

    assert machine.free_gpu_bytes() == pytest.approx(torch.cuda.mem_get_info()[0], rel=0.2)
