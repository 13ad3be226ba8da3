"""Tiny random networks of Demucs' own package in its real file format, and its networks run by our `overlap`.

Import it only where torch and demucs are there (`pytest.importorskip`). What Demucs itself makes of a song:
`scripts/beside_demucs.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from beside_demucs import OWN, RATE, Choice, separator
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from make_random_demucs import Network, package, save_pickle

from stem_cli import overlap
from stem_cli.dsp.resample import resample

SOURCES = ["drums", "bass", "other", "vocals"]
KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "htdemucs": (
        HTDemucs,
        {"channels": 4, "bottom_channels": 0, "t_layers": 1, "t_heads": 2, "dconv_comp": 4, "norm_groups": 1},
    ),
    "hdemucs": (HDemucs, {"channels": 4, "depth": 6, "norm_groups": 1, "dconv_comp": 1}),
    "demucs": (Demucs, {"channels": 4, "depth": 4, "norm_groups": 1, "dconv_comp": 1}),
}
"""Each of Demucs' classes and what makes one tiny; kernels, strides and lengths are the real ones."""
LAYER_SCALE = 0.3  # published networks start training at 1e-3, where whole branches hardly count


def write_model(folder: Path, signature: str, kind: str = "htdemucs", seed: int = 0, segment: float = 7.8) -> str:
    """Write `{signature}-{8 digits}.th` with random weights; gives the signature."""
    make, sizes = KINDS[kind]
    settings = {"samplerate": RATE, "segment": Fraction(segment).limit_denominator(100), **sizes}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make(sources=SOURCES, **settings)
    for name, parameter in model.named_parameters():
        if name.endswith(".scale"):
            parameter.data.fill_(LAYER_SCALE)
    save_pickle(package(Network(signature, make.__name__, settings, SOURCES), model), signature, folder)
    return signature


def write_bag(
    folder: Path,
    name: str,
    signatures: Sequence[str],
    weights: Sequence[Sequence[float]] | None = None,
    segment: float | None = None,
) -> str:
    """Write `{name}.yaml`; gives the name."""
    bag: dict[str, Any] = {"models": list(signatures)}
    if weights is not None:
        bag["weights"] = [list(row) for row in weights]
    if segment is not None:
        bag["segment"] = segment
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(bag), "utf-8")
    return name


def by_stem(
    folder: Path, name: str, song: np.ndarray, rate: int = RATE, choice: Choice = OWN, batch: int = 1
) -> np.ndarray:
    """Stems [stems, 2, frames at 44.1 kHz] of a song [channels, frames] through `stem_cli.overlap` and
    `stem_cli.dsp.resample`, the network alone being Demucs'."""
    model = separator(folder, name, choice).model
    models = list(getattr(model, "models", [model]))
    weights = getattr(model, "weights", [[1.0] * len(SOURCES)])
    parts = [
        overlap.Part(TorchNetwork(one, choice.segment, batch), tuple(row))
        for one, row in zip(models, weights, strict=True)
    ]
    wav = np.concatenate(list(resample(cut(song, 5000), rate, RATE)), axis=1)
    wav = torch.from_numpy(np.broadcast_to(wav, (2, wav.shape[1])).copy())
    mean, deviation = wav.mean(0).mean(), wav.mean(0).std() + 1e-8
    starts = overlap.shifted_starts(choice.seed, len(parts), choice.shifts, RATE // 2)
    blocks = cut(((wav - mean) / deviation).numpy(), 4096)
    stems = np.concatenate(list(overlap.separate(blocks, parts, choice.overlap, starts)), axis=2)
    return stems * deviation.numpy() + mean.numpy()


class TorchNetwork:
    """A network of the demucs package as `overlap.Network`. segment: seconds, None is the model's own."""

    def __init__(self, model: Any, segment: float | None = None, batch: int = 1) -> None:
        self.model = model.eval()
        self.batch = batch
        self.stems = len(model.sources)
        self.segment = int(model.samplerate * (model.segment if segment is None else segment))
        self.fixed = segment is not None and isinstance(model, HTDemucs)

    def valid_length(self, frames: int) -> int:
        """As `demucs.apply.apply_model` chooses it."""
        if self.fixed:
            return self.segment
        return int(self.model.valid_length(frames)) if hasattr(self.model, "valid_length") else frames

    def forward(self, batch: np.ndarray) -> np.ndarray:
        """On the CPU, in float32."""
        with torch.no_grad():
            return self.model(torch.from_numpy(batch)).numpy()


def cut(song: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """A song in blocks."""
    return (song[..., first : first + size] for first in range(0, song.shape[-1], size))
