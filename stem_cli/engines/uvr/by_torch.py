"""A network that torch runs, in the shape that everything around it asks for."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from stem_cli.engines.runtime.trial import fitting_segment
from stem_cli.overlap import Floats, Network

if TYPE_CHECKING:
    import torch


def all_stems(network: Any, stems: int) -> torch.nn.Module:
    """A network whose answer has a place for the stems, also where that is one: [segments, stems, 2, frames]."""
    import torch

    class Module(torch.nn.Module):
        """Its state is the network's."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, sound: torch.Tensor) -> torch.Tensor:
            """Of [segments, 2, frames]."""
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch, to those who wrote the network
                found: torch.Tensor = self.network(sound)
            return found.reshape(len(sound), stems, sound.shape[1], -1)

    return Module()


class TorchNetwork:
    """A network that torch runs, as `overlap.Network`. segment: frames."""

    def __init__(self, runner: Any, stems: int, segment: int) -> None:
        self.runner, self.stems, self.segment = runner, stems, segment

    def fit_memory(self) -> None:
        """Try how much fits into a GPU's memory, and make the batch so small that it does."""
        fitting_segment(self.runner, self.segment, self.segment, self.valid_length)

    @property
    def batch(self) -> int:
        """As many as the device's memory holds."""
        return int(self.runner.batch)

    def valid_length(self, frames: int) -> int:  # noqa: ARG002 - see `overlap.Network`
        """Every chunk is filled up to a whole segment."""
        return self.segment

    def forward(self, batch: Floats) -> Floats:
        """See `overlap.Network`."""
        found: Floats = self.runner(batch)
        return found


_: type[Network] = TorchNetwork
