"""Networks run by torch: on the CPU, or on a GPU with as many segments at once as its memory takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import allocator

Floats = NDArray[np.float32]

GIGABYTE = 1e9
_BATCHES = ((16.0, 4), (8.0, 2))
"""Segments at once by free memory in GB, at first: 4 above 16 GB, 2 above 8, else 1."""


def first_batch(free_bytes: int) -> int:
    """How many segments to try at once on a GPU with so much free memory."""
    return next((batch for least, batch in _BATCHES if free_bytes > least * GIGABYTE), 1)


class Runner:
    """One network held open on a device. batch: how many segments it likes at once; may shrink along the way.

    Out of memory on a GPU, it halves the batch; with one segment left it goes on on the CPU. Each is told by `note`.
    """

    def __init__(self, network: Any, device: str, precision: str, threads: int, note: Callable[[str], None]) -> None:
        import torch

        self._torch, self._network, self._note = torch, network, note
        self.device, self.precision, self.batch = "cpu", precision, 1
        allocator.keep_memory()
        torch.set_num_threads(threads)
        torch.backends.mha.set_fastpath_enabled(False)  # it builds a matrix of all pairs: slower, and far more memory
        self._move(device)

    def _move(self, device: str) -> None:
        try:
            self._network.to(device)
        except self._torch.OutOfMemoryError:
            self._give_back()
            self._note("the GPU's memory cannot hold the model; going on on the CPU")
            device = "cpu"
            self._network.to(device)
        self.device = device
        if device == "cuda":
            fast = "high" if self.precision == "tf32" else "highest"
            self._torch.set_float32_matmul_precision(fast)
            self._torch.backends.cudnn.allow_tf32 = self.precision == "tf32"
            self.batch = first_batch(self._torch.cuda.mem_get_info()[0])

    def __call__(self, batch: Floats) -> Floats:
        """The network's answer to [segments, channels, frames]: float32 [segments, stems, channels, frames]."""
        done: list[Floats] = []
        while sum(map(len, done)) < len(batch):
            first = sum(map(len, done))
            try:
                done.append(self._forward(batch[first : first + self.batch]))
            except self._torch.OutOfMemoryError:
                self._shrink()
        return done[0] if len(done) == 1 else np.concatenate(done)

    def _forward(self, batch: Floats) -> Floats:
        with self._torch.inference_mode(), self._autocast():
            given = self._torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
            found: Floats = self._network(given).float().cpu().numpy()
        return found

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision != "bf16":
            return nullcontext()
        return self._torch.autocast(self.device, self._torch.bfloat16)

    def _shrink(self) -> None:
        """Take less memory. Raises torch's own error where nothing is left to try."""
        self._give_back()
        if self.batch > 1:
            self.batch //= 2
            self._note(f"the GPU's memory is full; going on with {self.batch} segments at once")
        elif self.device != "cpu":
            self._note("the GPU's memory is full; going on on the CPU")
            self._network.to("cpu")
            self.device = "cpu"
            if self.precision == "tf32":
                self.precision = "f32"
        else:
            raise self._torch.OutOfMemoryError("one segment does not fit into memory")

    def _give_back(self) -> None:
        if self._torch.cuda.is_available():
            self._torch.cuda.empty_cache()

    def close(self) -> None:
        """Give the memory back, for the next model."""
        self._network = None
        self._give_back()
