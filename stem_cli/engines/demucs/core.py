"""The core of an HTDemucs, what lies between the spectrogram and its inverse, cut out for other runtimes to run.

The network's own forward pass is traced, with its two transforms taken out of it: nothing of it is written anew.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines.demucs import spectrum

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
Run = Callable[[tuple[Floats, Floats]], list[Floats]]

KLASS = "HTDemucs"
"""The only class whose segments have one length: the others would need a core for each length of a last segment."""


def shapes(frames: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the core's two inputs: the spectrogram of a segment of so many frames, and the segment."""
    return (1, 2 * 2, spectrum.BINS, spectrum.columns(frames)), (1, 2, frames)


def is_fixed(network: torch.nn.Module) -> bool:
    """Whether all chunks of this network are padded to one length."""
    return type(network).__name__ == KLASS


def can_be_cut(network: torch.nn.Module) -> bool:
    """Whether this network has a core: an HTDemucs with the transforms that `spectrum` makes."""
    facts = (getattr(network, name, None) for name in ("use_train_segment", "cac", "nfft", "hop_length"))
    return is_fixed(network) and tuple(facts) == (True, True, spectrum.SIZE, spectrum.HOP)


def trace(network: Any, frames: int) -> Any:
    """The core as a traced torch module: (spectrogram, segment) to (spectrograms of the stems, their sounds)."""
    import torch

    torch.backends.mha.set_fastpath_enabled(False)  # torch's own kernel for it cannot be traced
    inputs = tuple(torch.zeros(shape) for shape in shapes(frames))
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that shapes are taken for constants: they are
        return torch.jit.trace(_core_of(network), inputs, check_trace=False)  # type: ignore[no-untyped-call]


def _core_of(network: Any) -> torch.nn.Module:
    """A module that runs the network's forward pass with its transforms replaced."""
    import torch

    class Core(torch.nn.Module):
        """Its state is the network's."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, spectrogram: torch.Tensor, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            """See `trace`."""
            found: list[torch.Tensor] = []

            def inverse(parts: torch.Tensor, _length: int) -> float:
                found.append(parts)
                return 0.0  # is added to the sounds of the other branch

            replaced = {
                "_spec": lambda _: spectrogram,
                "_magnitude": lambda given: given,
                "_mask": lambda _, parts: parts,
                "_ispec": inverse,
            }
            vars(network).update(replaced)
            try:
                sounds = network(sound)
            finally:
                for name in replaced:
                    del vars(network)[name]
            return found[0], sounds

    return Core().eval()


class CoreNetwork:
    """A network whose core another runtime runs. segment: frames of a chunk; longest: frames of the core's input."""

    def __init__(self, run: Run, stems: int, segment: int, longest: int, threads: int) -> None:
        self._run, self._threads, self._longest = run, threads, longest
        self.stems, self.segment, self.batch = stems, segment, 1

    def valid_length(self, frames: int) -> int:  # noqa: ARG002 - HTDemucs wants every chunk as long
        """Every chunk is padded to a whole segment."""
        return self.segment

    def forward(self, batch: Floats) -> Floats:
        """[segments, 2, frames] to [segments, stems, 2, frames]; what is missing to the core's length is silence."""
        return np.stack([self._one(sound) for sound in batch])

    def _one(self, sound: Floats) -> Floats:
        frames = sound.shape[1]
        whole = np.zeros((1, 2, self._longest), np.float32)
        whole[0, :, :frames] = sound
        spectrogram = spectrum.forward(whole[0], self._threads)[None]
        parts, sounds = self._run((spectrogram, whole))
        stems = spectrum.inverse(parts[0], self._longest, self._threads)
        stems += sounds[0]
        return stems[..., :frames]
