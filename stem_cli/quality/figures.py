"""Figures of one sound beside another: arrays in, decibels out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[Any]


def power(sound: Sound) -> float:
    """Mean square over all channels and frames; 0 of an empty sound."""
    flat = sound.ravel()
    return float(np.vdot(flat, flat)) / flat.size if flat.size else 0.0


def ratio_db(part: float, whole: float) -> float:
    """Decibels of one power to another; -inf for nothing, +inf beside nothing.

    >>> ratio_db(1.0, 100.0)
    -20.0
    """
    if part <= 0:
        return -math.inf
    return 10 * math.log10(part / whole) if whole > 0 else math.inf


def si_sdr_db(true: Sound, guess: Sound) -> float:
    """Signal to distortion whatever the level of the guess (Le Roux et al., "SDR - half-baked or well done?", 2019).

    Equation 4 there. -inf where nothing of the true stem is in the guess.
    """
    square = float(np.vdot(true, true))
    if square <= 0:
        return -math.inf
    target = true * (float(np.vdot(true, guess)) / square)
    return ratio_db(power(target), power(guess - target))
