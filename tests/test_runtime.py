"""What runs networks: the memory of a GPU that is full, precision, batches, and what a machine can do.

No GPU is needed: a network that says its memory is full behaves as one would on a GPU.
"""

from __future__ import annotations

import doctest
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stem_cli.engines.demucs import memory
from stem_cli.engines.demucs.memory import Need, Size, need, too_much
from stem_cli.engines.runtime import available_bytes, hardware, machine, precision_for
from stem_cli.engines.runtime.machine import has_bf16, torch_build
from stem_cli.engines.runtime.trial import fitting_segment
from stem_cli.errors import EngineError

torch = pytest.importorskip("torch", reason='pip install "stem-cli[demucs]"')

from stem_cli.engines.runtime.torch import Runner, first_batch  # noqa: E402 - needs torch

BATCH = np.random.default_rng(0).standard_normal((7, 2, 50)).astype(np.float32)
GB = 10**9


class Narrow(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """Twice and three times its input; its memory holds so many frames. gpu: only where it is said to be on one."""

    def __init__(self, frames: int, error: Callable[[], Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.frames, self.error, self.on = frames, error, "cpu"
        self.calls: list[tuple[int, ...]] = []
        self.weight = torch.nn.Parameter(torch.ones(1))

    def to(self, device: str) -> Narrow:
        self.on = device
        return self

    def forward(self, sound: Any) -> Any:
        self.calls.append(tuple(sound.shape))
        if self.on != "cpu" and sound.shape[0] * sound.shape[2] > self.frames:
            raise self.error()
        return torch.stack([2 * sound, 3 * sound], dim=1) * self.weight


class OnGpu(Runner):
    """A runner whose GPU is the CPU: tensors stay where they are."""

    def _forward(self, batch: Any) -> Any:
        device, self.device = self.device, "cpu"
        try:
            return super()._forward(batch)
        finally:
            self.device = device


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    threads, fast = torch.get_num_threads(), torch.backends.mha.get_fastpath_enabled()
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_num_threads(threads)
    torch.backends.mha.set_fastpath_enabled(fast)
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = convolutions


def on_gpu(network: Narrow, batch: int, said: list[str], precision: str = "f32") -> Runner:
    runner = OnGpu(network, "gpu", precision, 1, said.append)
    runner.batch = batch
    return runner


# memory that is full


def test_with_memory_enough_the_batch_goes_through_as_planned(said: list[str]) -> None:
    network = Narrow(10**9)
    runner = on_gpu(network, 4, said)
    assert np.array_equal(runner(BATCH), np.stack([2 * BATCH, 3 * BATCH], axis=1))
    assert [shape[0] for shape in network.calls] == [4, 3]
    assert (runner.device, runner.batch, said) == ("gpu", 4, [])


def test_full_memory_halves_the_batch_and_loses_nothing(said: list[str]) -> None:
    network = Narrow(2 * 50)
    runner = on_gpu(network, 4, said)
    assert np.array_equal(runner(BATCH), np.stack([2 * BATCH, 3 * BATCH], axis=1))
    assert [shape[0] for shape in network.calls] == [4, 2, 2, 2, 1]
    assert (runner.device, runner.batch) == ("gpu", 2)
    assert said == ["the GPU's memory is full; going on with 2 at once"]
    runner(BATCH)
    assert network.calls[-4:] == [(2, 2, 50), (2, 2, 50), (2, 2, 50), (1, 2, 50)]  # the next time at once


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError,
        lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, other allocations: 8 MB)"),
        lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_with_one_segment_left_it_goes_on_on_the_cpu(said: list[str], error: Callable[[], Exception]) -> None:
    network = Narrow(49, error)
    runner = on_gpu(network, 4, said, "tf32")
    assert np.array_equal(runner(BATCH), np.stack([2 * BATCH, 3 * BATCH], axis=1))
    assert (runner.device, runner.batch, runner.precision, network.on) == ("cpu", 1, "f32", "cpu")
    assert said[-1] == "the GPU's memory is full; going on on the CPU"
    assert len(said) == 3


def test_another_error_of_a_network_is_not_taken_for_full_memory(said: list[str]) -> None:
    runner = on_gpu(Narrow(0, lambda: RuntimeError("shapes do not fit")), 4, said)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        runner(BATCH)
    assert said == []


def test_the_cpus_memory_is_an_error_that_says_what_to_do(said: list[str]) -> None:
    class Huge(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def forward(self, sound: Any) -> Any:
            return torch.empty(1 << 46) + sound.sum()

    with pytest.raises(EngineError, match="does not fit into memory") as caught:
        Runner(Huge(), "cpu", "f32", 1, said.append)(BATCH[:1])
    assert "--segment" in caught.value.hint
    assert "--engine builtin" in caught.value.hint


def test_a_network_that_a_gpu_cannot_hold_runs_on_the_cpu(said: list[str]) -> None:
    class Heavy(Narrow):
        def to(self, device: str) -> Narrow:
            if device != "cpu":
                raise torch.OutOfMemoryError
            return super().to(device)

    runner = Runner(Heavy(0), "cuda", "f32", 1, said.append)
    assert (runner.device, runner.batch) == ("cpu", 1)
    assert said == ["the GPU's memory is full; going on on the CPU"]
    assert np.array_equal(runner(BATCH[:1])[:, 0], 2 * BATCH[:1])


def test_what_a_network_had_made_is_gone_before_it_is_tried_again(said: list[str]) -> None:
    """The error keeps the tensors of the pass that failed: tried inside of its handler, both passes' would be there."""
    made: list[weakref.ref[Any]] = []

    class Keeping(Narrow):
        def forward(self, sound: Any) -> Any:
            alive = [ref for ref in made if ref() is not None]
            assert not alive
            half = sound * 0.5
            made.append(weakref.ref(half))
            return super().forward(half * 2)

    runner = on_gpu(Keeping(50), 4, said)
    gc.disable()
    try:
        runner(BATCH[:4])
    finally:
        gc.enable()
    assert len(made) == 6


def test_memory_is_given_back_when_it_is_closed(said: list[str]) -> None:
    network = Narrow(10**9)
    seen = weakref.ref(network)
    runner = on_gpu(network, 1, said)
    runner(BATCH[:1])
    del network
    runner.close()
    gc.collect()
    assert seen() is None


# a trial before the song


class Gpu:
    """So many frames fit at once."""

    def __init__(self, room: int, batch: int = 4) -> None:
        self.room, self.batch, self.device = room, batch, "cuda"
        self.notes: list[str] = []
        self.note = self.notes.append

    def fits(self, frames: int) -> bool:
        assert self.device != "cpu"
        return self.batch * frames <= self.room

    def halve(self) -> None:
        self.batch //= 2

    def leave_gpu(self) -> None:
        self.device, self.batch = "cpu", 1


@pytest.mark.parametrize(
    ("room", "least", "batch", "segment", "device"),
    [
        (4000, 100, 4, 1000, "cuda"),  # as planned
        (3999, 100, 2, 1000, "cuda"),  # the batch first
        (1000, 100, 1, 1000, "cuda"),
        (999, 100, 1, 500, "cuda"),  # then the segment
        (130, 100, 1, 125, "cuda"),
        (124, 100, 1, 1000, "cpu"),  # then the CPU, which takes a whole one
        (999, 1000, 1, 1000, "cpu"),  # a network that always computes a whole segment
    ],
)
def test_a_trial_halves_the_batch_then_the_segment_then_leaves_the_gpu(
    room: int, least: int, batch: int, segment: int, device: str
) -> None:
    gpu = Gpu(room)
    assert fitting_segment(gpu, 1000, least, lambda frames: frames) == segment
    assert (gpu.batch, gpu.device) == (batch, device)
    assert len(gpu.notes) == {1000: 0, 500: 1, 125: 3}[segment] + (3 if room == 124 else 0)


def test_a_trial_counts_what_the_network_pads() -> None:
    assert fitting_segment(Gpu(1000, batch=1), 1000, 100, lambda frames: frames + 200) == 500


def test_a_trial_on_the_cpu_is_none(said: list[str]) -> None:
    network = Narrow(0)
    assert fitting_segment(Runner(network, "cpu", "f32", 1, said.append), 1000, 1, lambda frames: frames) == 1000
    assert network.calls == []


def test_a_trial_runs_the_network_with_the_whole_batch(said: list[str]) -> None:
    network = Narrow(600)
    runner = on_gpu(network, 4, said)
    assert fitting_segment(runner, 400, 100, lambda frames: frames) == 400
    assert network.calls == [(4, 2, 400), (2, 2, 400), (1, 2, 400)]
    network.frames = 300
    assert fitting_segment(runner, 400, 100, lambda frames: frames) == 200
    assert said[-1] == "the GPU's memory is full; going on with segments half as long"


# precision and batches


@pytest.mark.parametrize(
    ("precision", "products", "convolutions"),
    [("tf32", "high", True), ("f32", "highest", False), ("bf16", "highest", False)],
)
def test_tf32_is_on_where_it_is_asked_for_and_off_elsewhere(
    precision: str, products: str, convolutions: bool, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (20 * GB, 24 * GB))
    runner = Runner(Narrow(10**9), "cuda", precision, 1, said.append)
    assert torch.get_float32_matmul_precision() == products
    assert torch.backends.cudnn.allow_tf32 is convolutions
    assert (runner.device, runner.batch, runner.precision) == ("cuda", 4, precision)


def test_bfloat16_is_autocast_and_comes_back_as_float32(said: list[str]) -> None:
    layer = torch.nn.Linear(50, 50).requires_grad_(False)
    exact = Runner(layer, "cpu", "f32", 1, said.append)(BATCH)
    rough = Runner(layer, "cpu", "bf16", 1, said.append)(BATCH)
    assert rough.dtype == np.float32
    assert 1e-4 < np.abs(exact - rough).max() < 0.1


@pytest.mark.parametrize(("free", "batch"), [(3, 1), (8, 1), (8.5, 2), (16, 2), (16.5, 4), (80, 4)])
def test_the_first_batch_by_free_memory(free: float, batch: int) -> None:
    assert first_batch(int(free * GB)) == batch


@pytest.mark.parametrize(
    ("wanted", "device", "openvino", "bf16", "found"),
    [
        ("auto", "cuda", False, True, "tf32"),
        ("auto", "mps", False, False, "f32"),
        ("auto", "cpu", True, True, "bf16"),
        ("auto", "cpu", True, False, "f32"),
        ("auto", "cpu", False, True, "f32"),
        ("f32", "cuda", False, True, "f32"),
        ("bf16", "cpu", True, False, "bf16"),
    ],
)
def test_the_precision_of_a_device(
    wanted: str, device: str, openvino: bool, bf16: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "hardware", lambda: machine.Hardware(0, metal=False, bf16=bf16, torch="cpu"))
    assert precision_for(wanted, device, openvino) == found


# what a machine can do


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


# how much memory a model needs


def test_the_documented_example() -> None:
    assert doctest.testmod(memory).failed == 0


@pytest.mark.parametrize(
    ("klass", "channels", "openvino", "seconds", "measured"),
    [
        ("HTDemucs", 48, False, 7.8, 1.13),
        ("HTDemucs", 48, True, 7.8, 1.13),
        ("HDemucs", 48, False, 5, 1.06),
        ("HDemucs", 48, False, 20, 2.48),
        ("HDemucs", 48, False, 44, 4.14),
        ("Demucs", 64, False, 5, 1.23),
        ("Demucs", 64, False, 20, 2.41),
        ("Demucs", 64, False, 44, 4.33),
    ],
)
def test_the_estimate_is_near_what_was_measured(
    klass: str, channels: int, openvino: bool, seconds: float, measured: float
) -> None:
    """GB of peak memory with the real sizes; see `memory`."""
    estimate = need([Size(klass, channels)], 4, openvino).of(int(seconds * 44100)) / GB
    assert 0.75 * measured < estimate < 1.3 * measured


def test_a_bag_of_four_needs_more_than_one() -> None:
    one, four = (need([Size("HTDemucs", 48)] * count, 4, openvino=True).of(343_980) / GB for count in (1, 4))
    assert 0.9 * 3.44 < four < 1.3 * 3.44  # measured
    assert four > 2.5 * one


def test_the_advice_is_a_segment_that_fits() -> None:
    for available in range(GB, 5 * GB, GB // 7):
        wanted = need([Size("HDemucs", 48)], 4, openvino=False)
        error = too_much(wanted, 44 * 44100, 44100, available)
        if error is None:
            assert wanted.of(44 * 44100) <= available
        elif "--segment" in error.hint:
            seconds = int(error.hint.partition("--segment ")[2].partition(",")[0])
            assert seconds >= memory.LEAST_SECONDS
            assert too_much(wanted, seconds * 44100, 44100, available) is None
            assert too_much(wanted, (seconds + 1) * 44100, 44100, available) is not None


def test_a_network_of_whole_segments_is_not_advised_a_shorter_one() -> None:
    error = too_much(need([Size("HTDemucs", 48)], 4, openvino=False), 343_980, 44100, GB // 2)
    assert error is not None
    assert error.what.startswith("this model needs about 1.1 GB for segments of 7.8 s, 0.5 GB are free")
    assert "--segment" not in error.hint
    assert "--engine builtin" in error.hint


def test_what_is_too_little_for_any_segment_gets_no_advice_of_one() -> None:
    error = too_much(Need(2.0 * GB, 100.0, free=True), 44 * 44100, 44100, GB)
    assert error is not None
    assert "--segment" not in error.hint
