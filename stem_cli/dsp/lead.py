"""The lead voice of a vocals stem by where it stands: it is sung into the middle, backing voices are mixed wide.

Measured on true stems of seven multitracks: lead 7.8 dB, backing 6.4 dB of SDR (mid and side alone: 3.3 and 1.9).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from stem_cli.dsp.stft import Complex, Joint, analyse, segments, synthesise, window_size

Floats = NDArray[np.float32]

_SMOOTH = (5, 3)
"""Frames and bins over which the centre is averaged."""
_POWER = 4
"""Of the centre: sharper than the square, which gives 0.2 dB less."""
_TINY = 1e-12


def centre(spectra: Complex) -> Floats:
    """How much each bin of [left and right, frames, bins] stands in the middle: 1 alike, 0 apart or against each other.

    2 Re(L conj R) / (|L|^2 + |R|^2), both sides of the fraction averaged over neighbouring bins and frames.
    """
    left, right = spectra
    alike = uniform_filter(2 * (left * right.conj()).real, _SMOOTH, mode="nearest")
    whole = uniform_filter(np.abs(left) ** 2 + np.abs(right) ** 2, _SMOOTH, mode="nearest")
    found: Floats = np.clip(alike / (whole + _TINY), 0, 1)
    return found


def lead_blocks(blocks: Iterable[Floats], rate: int) -> Generator[Floats, None, None]:
    """The lead voice of a stereo vocals stem, blocks float32 [2, any]; as many frames as come in, with lag 0."""
    size = window_size(rate)
    joint = Joint()
    for segment, part in segments(blocks, 2, size):
        spectra = analyse(segment, size)
        sound = synthesise(spectra * centre(spectra) ** _POWER, size)
        yield joint.join(sound, size)[:, part]
