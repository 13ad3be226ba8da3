"""What a stretch of stems shows of their quality by itself: who owns each spot of the spectrogram, who moves with whom.

Sounds are float32 [channels, frames]; everything is looked at in mono and side by side, in one transform of 93 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from stem_cli.dsp.stft import hann, hop_size, window_size

Floats = NDArray[np.float32]

_BANDS = 32
_LOWEST_HZ = 50.0
_TINY = 1e-12


def purity(spectra: Mapping[str, Floats]) -> dict[str, float]:
    """Of the energy of each stem, the share that lies where the stem is nearly alone, 0 to 1.

    Mean of |S|^2 / sum of all |S|^2 over frames and bins, weighted by |S|^2. An engine that blurs its masks lowers it.
    spectra: power [frames, bins] by stem; 0 for a silent one.
    """
    whole = np.add.reduce(list(spectra.values())) + _TINY
    return {
        name: float((stem * (stem / whole)).sum() / total) if (total := float(stem.sum())) > 0 else 0.0
        for name, stem in spectra.items()
    }


def company(spectra: Mapping[str, Floats], rate: int) -> dict[str, float]:
    """How much each stem's bands rise and fall with those of the stem that is most like it, 0 to 1: its leakage.

    Correlation in time of the log envelopes of 32 bands, mean over the bands weighted by the stem's energy in them.
    """
    bands = {name: _envelopes(stem, rate) for name, stem in spectra.items()}
    found = {}
    for name, own in bands.items():
        weights = own.sum(axis=0) / max(_TINY, float(own.sum()))
        others = (_together(own, other) @ weights for key, other in bands.items() if key != name)
        found[name] = max(0.0, max((float(one) for one in others), default=0.0))
    return found


def power_spectra(sound: Floats, rate: int) -> Floats:
    """Power [frames, bins] of the mean of the channels; a sound shorter than a window is filled up with silence."""
    size = window_size(rate)
    hop = hop_size(size)
    mono = sound.mean(axis=0)
    mono = np.pad(mono, (0, max(0, size - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    spectra = fft.rfft(frames * hann(size), axis=1)
    power: Floats = spectra.real**2 + spectra.imag**2
    return power


def _envelopes(power: Floats, rate: int) -> Floats:
    """Bands of equal width on a logarithmic scale, [frames, bands]."""
    bins = power.shape[1]
    edges = np.geomspace(_LOWEST_HZ, rate / 2, _BANDS + 1) / (rate / 2) * (bins - 1)
    starts = np.unique(np.clip(np.round(edges[:-1]).astype(int), 1, bins - 1))
    bands: Floats = np.add.reduceat(power, starts, axis=1)
    return bands


def _together(one: Floats, other: Floats) -> Floats:
    """Correlation in time of each band's log envelope with that of another stem."""
    first, second = (np.log10(bands + _TINY + bands.max() * 1e-6) for bands in (one, other))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0)) + _TINY
    correlation: Floats = (first * second).sum(axis=0) / scale
    return correlation
