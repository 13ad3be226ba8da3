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


def sdr_db(true: Sound, guess: Sound) -> float:
    """Signal to distortion over the whole length: the true stem's power to that of all that differs from it."""
    return ratio_db(power(true), power(true - guess))


def si_sdr_db(true: Sound, guess: Sound) -> float:
    """The same whatever the level of the guess (Le Roux et al., "SDR - half-baked or well done?", 2019, eq. 4).

    -inf where nothing of the true stem is in the guess.
    """
    square = float(np.vdot(true, true))
    if square <= 0:
        return -math.inf
    target = true * (float(np.vdot(true, guess)) / square)
    return ratio_db(power(target), power(guess - target))


def likeness(one: Sound, other: Sound) -> float:
    """Correlation of two sounds at lag 0, -1 to 1; 0 where one of them is silent.

    >>> round(likeness(np.array([[1.0, -1.0]]), np.array([[0.5, -0.5]])), 6)
    1.0
    """
    scale = math.sqrt(float(np.vdot(one, one)) * float(np.vdot(other, other)))
    return float(np.vdot(one, other)) / scale if scale > 0 else 0.0
