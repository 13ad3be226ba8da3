"""What runs networks: the memory of a GPU that is full, precision, batches.

No GPU is needed: a network that says its memory is full behaves as one would on a GPU.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from stem_cli.engines.runtime import machine, precision_for
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
