"""The core of a network, what lies between the spectrogram and the masks or spectrograms it makes, for other runtimes.

A RoFormer hears, of each band in turn, its bins, of each bin its channels, of each the real and the imaginary part; it
answers with masks of the same shape. Bands of a Mel-Band RoFormer share bins: there a bin's mask is the mean of theirs.
An MDX23C hears the lowest bins of a spectrogram and answers with those of each stem. (audio-separator 0.47.1:
`bs_roformer.py`, `mel_band_roformer.py`, `tfc_tdf_v3.py`.)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines.runtime import spectra
from stem_cli.engines.runtime.spectra import Transform
from stem_cli.engines.uvr.config import CHANNELS, ROFORMERS, Layout
from stem_cli.engines.uvr.transformer import norm, rewritten

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
Bands = tuple[tuple[int, int], ...]
"""First bin of each band, and the one after its last."""
Run = Callable[[Sequence[Floats]], Sequence[Floats]]


def bands_of(network: Any, layout: Layout) -> Bands | None:
    """The bands of a RoFormer, () of other networks; None where they cannot be told as runs of bins."""
    if layout.kind not in ROFORMERS:
        return ()
    counts = [size // (2 * CHANNELS) for size in network.band_split.dim_inputs]
    if hasattr(network, "freq_indices"):
        bins = network.freq_indices.numpy()[::CHANNELS] // CHANNELS
    else:
        bins = np.arange(sum(counts))
    parts = np.split(bins, np.cumsum(counts)[:-1])
    if any(len(part) == 0 or (np.diff(part) != 1).any() for part in parts):
        return None
    return tuple((int(part[0]), int(part[-1]) + 1) for part in parts)


def shape(layout: Layout, bands: Bands) -> tuple[int, ...]:
    """Of the core's input."""
    if layout.kind in ROFORMERS:
        return layout.columns, sum(last - first for first, last in bands) * CHANNELS * 2
    return 1, 2 * CHANNELS, layout.bins, layout.columns


def trace(network: Any, layout: Layout, bands: Bands) -> Any:
    """The core as a traced torch module."""
    import torch

    core = _roformer_core(network, layout) if layout.kind in ROFORMERS else _mdx23c_core(network)
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that shapes are taken for constants: they are
        example = torch.zeros(shape(layout, bands))
        return torch.jit.trace(core.eval(), (example,), check_trace=False)  # type: ignore[no-untyped-call]


def _roformer_core(network: Any, layout: Layout) -> torch.nn.Module:
    import torch

    places = len(network.band_split.dim_inputs)

    class Core(torch.nn.Module):
        """Without a batch, whose place the bands and the columns take in turn."""

        def __init__(self) -> None:
            super().__init__()
            self.inputs = list(network.band_split.dim_inputs)
            self.features = torch.nn.ModuleList(
                torch.nn.Sequential(norm(first), *others) for first, *others in network.band_split.to_features
            )
            self.linear = torch.nn.ModuleList(torch.nn.ModuleList(block[:-2]) for block in network.layers)
            self.along_time = torch.nn.ModuleList(rewritten(block[-2], layout.columns) for block in network.layers)
            self.along_bands = torch.nn.ModuleList(rewritten(block[-1], places) for block in network.layers)
            self.last = norm(network.final_norm) if hasattr(network, "final_norm") else torch.nn.Identity()
            self.estimators = network.mask_estimators

        def forward(self, heard: torch.Tensor) -> torch.Tensor:
            """[columns, numbers] to masks [stems, columns, numbers]."""
            parts = zip(self.features, torch.split(heard, self.inputs, dim=-1), strict=True)
            deep = torch.stack([feature(part) for feature, part in parts], dim=-2)
            for linear, along_time, along_bands in zip(self.linear, self.along_time, self.along_bands, strict=True):
                for one in linear.children():
                    deep = one(deep.reshape(1, -1, deep.shape[-1])).reshape(deep.shape)
                deep = along_bands(along_time(deep.transpose(0, 1)).transpose(0, 1))
            deep = self.last(deep)
            return torch.stack([estimator(deep) for estimator in self.estimators])

    return Core()


def _mdx23c_core(network: Any) -> torch.nn.Module:
    import torch

    class Untransformed:
        """In place of the network's own transform."""

        def __call__(self, spectrogram: torch.Tensor) -> torch.Tensor:
            return spectrogram

        def inverse(self, spectrograms: torch.Tensor) -> torch.Tensor:
            return spectrograms

    class Core(torch.nn.Module):
        """The network's own forward pass: nothing of it is written anew."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
            """[1, 4, bins, columns] to [1, stems, 4, bins, columns], without `stems` where that is one."""
            own, network.stft = network.stft, Untransformed()
            try:
                found: torch.Tensor = network(spectrogram)
            finally:
                network.stft = own
            return found

    return Core()


class CoreNetwork:
    """A network whose core another runtime runs, as `overlap.Network`."""

    batch = 1

    def __init__(self, run: Run, layout: Layout, bands: Bands, stems: int, threads: int) -> None:
        self._run, self._layout, self._threads = run, layout, threads
        self.stems, self.segment = stems, layout.segment
        self._transform = Transform(layout.size, layout.hop, layout.columns)
        self._bands = _Bands(bands) if layout.kind in ROFORMERS else None

    def valid_length(self, frames: int) -> int:  # noqa: ARG002 - see `overlap.Network`
        """Every chunk is filled up to a whole segment."""
        return self.segment

    def forward(self, batch: Floats) -> Floats:
        """[segments, 2, segment] to [segments, stems, 2, segment]."""
        return np.stack([self._one(sound) for sound in batch])

    def _one(self, sound: Floats) -> Floats:
        heard = spectra.analyse(sound, self._transform, self._threads)
        made = np.empty((self.stems, *sound.shape), np.float32)
        if self._bands is None:
            (parts,) = self._run((spectra.parts_of(heard, self._layout.bins)[None],))
            for stem, part in enumerate(parts.reshape(self.stems, 2 * CHANNELS, *parts.shape[-2:])):
                made[stem] = spectra.synthesise(spectra.joined(part, self._transform), self._transform, self._threads)
            return made
        (masks,) = self._run((self._bands.gathered(heard),))
        for stem, mask in enumerate(masks):
            made[stem] = spectra.synthesise(heard * self._bands.mean(mask), self._transform, self._threads)
        return made


class _Bands:
    """The numbers that a RoFormer hears of a spectrogram, and the mask that its answer means."""

    def __init__(self, bands: Bands) -> None:
        self._bands = bands
        self._bins = np.concatenate([np.arange(first, last) for first, last in bands])
        self._counts = np.bincount(self._bins).astype(np.float32)
        self._apart = bool((self._counts == 1).all())

    def gathered(self, heard: spectra.Spectra) -> Floats:
        """Complex64 [channels, columns, bins] as float32 [columns, numbers]."""
        by_bin = heard.transpose(1, 2, 0)
        chosen = np.ascontiguousarray(by_bin if self._apart else by_bin[:, self._bins])
        numbers: Floats = chosen.reshape(len(chosen), -1).view(np.float32)
        return numbers

    def mean(self, mask: Floats) -> spectra.Spectra:
        """The answer [columns, numbers] as complex64 [channels, columns, bins]."""
        by_band = np.ascontiguousarray(mask).view(np.complex64).reshape(len(mask), -1, CHANNELS)
        if self._apart:
            return by_band.transpose(2, 0, 1)
        total = np.zeros((len(mask), len(self._counts), CHANNELS), np.complex64)
        place = 0
        for first, last in self._bands:
            total[:, first:last] += by_band[:, place : place + last - first]
            place += last - first
        total /= self._counts[:, None]
        return total.transpose(2, 0, 1)
