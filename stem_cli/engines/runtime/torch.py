"""Networks run by torch: on the CPU, or on a GPU with as many segments at once as its memory takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.errors import EngineError

Floats = NDArray[np.float32]

GIGABYTE = 1e9
_BATCHES = ((16.0, 4), (8.0, 2))
"""Segments at once by free memory in GB, at first: 4 above 16 GB, 2 above 8, else 1."""
_FULL = ("out of memory", "can't allocate memory", "Cannot allocate memory", "not enough memory", "ALLOC_FAILED")
"""What CUDA, Metal, the CPU and CUDA's libraries say of memory that is full; only CUDA has a class of error for it."""


def is_full(error: BaseException) -> bool:
    """Whether an error says that memory is full."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _FULL)


def first_batch(free_bytes: int) -> int:
    """How many segments to try at once on a GPU with so much free memory."""
    return next((batch for least, batch in _BATCHES if free_bytes > least * GIGABYTE), 1)


class Runner:
    """One network held open on a device. batch: how many segments it likes at once; may shrink along the way.

    Out of memory on a GPU, it halves the batch; with one segment left it goes on on the CPU. Each is told by `note`.
    """

    def __init__(self, network: Any, device: str, precision: str, threads: int, note: Callable[[str], None]) -> None:
        import torch

        self._torch, self._network, self.note = torch, network, note
        self.device, self.precision, self.batch = "cpu", precision, 1
        torch.set_num_threads(threads)
        torch.backends.mha.set_fastpath_enabled(False)  # it builds a matrix of all pairs: slower, and far more memory
        if device != "cpu":
            self._move(device)

    def _move(self, device: str) -> None:
        self.device = device
        if self._tried(lambda: self._network.to(device)) is None:
            self.leave_gpu()
        elif device == "cuda":
            fast = "high" if self.precision == "tf32" else "highest"
            self._torch.set_float32_matmul_precision(fast)
            self._torch.backends.cudnn.allow_tf32 = self.precision == "tf32"
            self.batch = first_batch(self._torch.cuda.mem_get_info()[0])

    def __call__(self, batch: Floats) -> Floats:
        """The network's answer to [segments, channels, frames]: float32 [segments, stems, channels, frames].

        Raises EngineError where not even one segment on the CPU fits into memory.
        """
        done: list[Floats] = []
        first = 0
        while first < len(batch):
            found = self._answered(batch[first : first + self.batch])
            if found is None:
                self._shrink()
            else:
                done.append(found)
                first += len(found)
        return done[0] if len(done) == 1 else np.concatenate(done)

    def fits(self, frames: int) -> bool:
        """Whether as many segments of silence at once as planned fit into the device's memory."""
        return self._answered(np.zeros((self.batch, 2, frames), np.float32)) is not None

    def _answered(self, batch: Floats) -> Floats | None:
        """The network's answer, None where memory is full."""
        found: Floats | None = self._tried(lambda: self._forward(batch))
        return found

    def _tried(self, work: Callable[[], Any]) -> Any:
        """What the work gives, None where memory is full."""
        try:
            return work()
        except RuntimeError as error:
            if not isinstance(error, self._torch.OutOfMemoryError) and not is_full(error):
                raise
        self._give_back()  # here, as the error itself keeps what the network had made so far
        return None

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
        """Take less memory. Raises EngineError where nothing is left to try."""
        if self.batch > 1:
            self.halve()
        elif self.device != "cpu":
            self.leave_gpu()
        else:
            hint = "Choose a shorter --segment, end other programs, or choose --engine builtin."
            raise EngineError("one segment does not fit into memory", None, hint)

    def halve(self) -> None:
        """Run half as many segments at once."""
        self.batch //= 2
        self.note(f"the GPU's memory is full; going on with {self.batch} at once")

    def leave_gpu(self) -> None:
        """Go on on the CPU, in float32 where the GPU's own precision was used."""
        self.note("the GPU's memory is full; going on on the CPU")
        self._network.to("cpu")
        self._give_back()
        self.device, self.batch = "cpu", 1
        if self.precision == "tf32":
            self.precision = "f32"

    def _give_back(self) -> None:
        if self._torch.cuda.is_available():
            self._torch.cuda.empty_cache()

    def close(self) -> None:
        """Give the memory back, for the next model."""
        self._network = None
        self._give_back()
