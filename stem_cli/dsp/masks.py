"""From evidence to masks: how much of each bin belongs to each stem.

A stem's odds against the rest are a product of the evidence (`evidence.KINDS`), each to a power that depends on the
frequency: a Wiener-like mask. The second look takes the company of the bin (`company.logs`) as evidence too. The powers
were fitted to four multitracks and to mixtures across them, for the mean of the SDR over stems and excerpts, with a
penalty that keeps them small (0.003 times the sum of their squares), and rounded. Without a song the second look loses
0.6 dB on it (3.9 to 3.3, mean of four stems; the first look had been fitted to it). All masks and the rest sum to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from stem_cli.dsp.medians import Floats

REST = "other"  # what the masks leave
KNOTS_HZ = (80.0, 250.0, 1000.0, 4000.0, 12000.0)  # the powers are straight lines over log frequency between these

# stem -> at each knot the powers of steady, broad, repeated, centre, and the log odds without evidence
FIRST_LOOK = {
    "vocals": (
        (-0.20, -0.18, 0.28, 0.22, -0.18),  # 80 Hz
        (-0.10, 0.21, -0.07, 2.02, 0.26),  # 250 Hz
        (0.26, -0.65, -0.12, 0.25, 0.31),  # 1000 Hz
        (-0.18, -0.02, -0.26, 0.07, -0.09),  # 4000 Hz
        (-0.16, -0.04, -0.35, -0.01, 0.23),  # 12000 Hz
    ),
    "drums": (
        (-2.11, -0.68, -0.01, 0.12, 0.65),  # 80 Hz
        (-0.70, 1.59, 0.76, 1.23, 1.04),  # 250 Hz
        (-1.00, 0.93, 0.85, 0.39, 0.37),  # 1000 Hz
        (-0.79, 0.34, 0.14, 0.00, 0.62),  # 4000 Hz
        (-0.48, -0.14, -0.01, -0.11, 0.53),  # 12000 Hz
    ),
    "bass": (
        (1.08, -1.25, -0.02, 0.53, 1.04),  # 80 Hz
        (0.10, 0.52, 0.87, 1.47, 0.04),  # 250 Hz
        (0.21, 0.60, 0.42, 0.34, -0.59),  # 1000 Hz
        (-0.01, 0.25, 0.15, 0.10, -0.30),  # 4000 Hz
        (0.02, 0.02, 0.02, 0.01, -0.07),  # 12000 Hz
    ),
}  # fmt: skip

# stem -> mid and side -> at each knot the powers of steady, broad, repeated, centre, of the company's vocals, drums and
# bass, and the log odds without evidence
POWERS = {
    "vocals": (
        (
            (-0.27, -0.07, 0.38, 0.29, 0.42, -0.43, -0.55, -0.11),  # mid, 80 Hz
            (-0.19, -0.02, -0.28, 1.94, 0.64, 0.10, 0.22, 1.09),  # mid, 250 Hz
            (0.23, -0.27, -0.11, 0.29, 0.47, -0.19, -0.21, 0.07),  # mid, 1000 Hz
            (-0.23, 0.04, -0.23, 0.10, 0.29, -0.09, -0.12, -0.11),  # mid, 4000 Hz
            (-0.06, -0.02, -0.10, 0.04, -0.16, -0.13, -0.25, 0.14),  # mid, 12000 Hz
        ),
        (
            (-0.11, 0.23, 0.11, 0.15, 0.16, 0.33, 0.00, -0.18),  # side, 80 Hz
            (0.60, 0.25, 0.34, 0.04, 0.19, 0.07, 0.42, -0.13),  # side, 250 Hz
            (0.77, -0.46, 0.07, 0.01, -0.10, -0.63, 0.07, 0.08),  # side, 1000 Hz
            (-0.06, 0.07, 0.04, 0.20, 0.09, 0.03, 0.09, -0.06),  # side, 4000 Hz
            (0.00, 0.00, 0.00, 0.00, -0.06, -0.04, -0.08, 0.04),  # side, 12000 Hz
        ),
    ),
    "drums": (
        (
            (-0.30, -0.42, 0.28, 0.25, -0.57, 0.89, -0.76, -0.06),  # mid, 80 Hz
            (-0.52, 1.07, 0.37, 1.30, -0.65, 0.86, -0.07, 0.77),  # mid, 250 Hz
            (-0.37, 0.60, 0.50, 0.39, -0.91, 0.80, -0.22, 0.22),  # mid, 1000 Hz
            (-0.43, 0.42, 0.18, 0.08, -0.59, 0.28, -0.17, 0.08),  # mid, 4000 Hz
            (-0.22, -0.08, -0.03, -0.07, -0.29, -0.08, -0.39, 0.17),  # mid, 12000 Hz
        ),
        (
            (-0.28, 0.11, 0.00, 0.17, -0.25, 0.39, -0.34, -0.12),  # side, 80 Hz
            (0.14, 0.50, 0.26, 0.11, 0.02, 0.45, 0.16, -0.17),  # side, 250 Hz
            (0.36, 0.09, 0.15, 0.11, -0.09, 0.03, 0.32, -0.06),  # side, 1000 Hz
            (-0.28, 0.18, -0.01, 0.08, -0.16, 0.12, -0.11, 0.03),  # side, 4000 Hz
            (-0.21, -0.09, -0.09, -0.25, -0.22, -0.07, -0.35, 0.14),  # side, 12000 Hz
        ),
    ),
    "bass": (
        (
            (-0.35, -0.04, 0.24, 0.59, -0.65, -0.93, 0.46, -0.07),  # mid, 80 Hz
            (0.11, 0.10, 0.76, 1.45, 0.04, 0.20, 0.35, 0.59),  # mid, 250 Hz
            (0.11, 0.27, 0.19, 0.25, 0.08, 0.47, 0.40, -0.11),  # mid, 1000 Hz
            (-0.09, 0.21, 0.07, 0.08, 0.13, 0.19, 0.27, -0.17),  # mid, 4000 Hz
            (0.01, 0.01, -0.01, 0.00, 0.04, 0.03, 0.04, -0.03),  # mid, 12000 Hz
        ),
        (
            (-0.11, 0.21, 0.09, 0.15, 0.13, 0.32, 0.00, -0.17),  # side, 80 Hz
            (0.29, 0.40, 0.27, 0.14, 0.27, 0.37, 0.47, -0.23),  # side, 250 Hz
            (0.43, 0.00, 0.13, 0.12, 0.04, 0.00, 0.45, -0.11),  # side, 1000 Hz
            (-0.04, 0.15, 0.08, 0.20, 0.12, 0.16, 0.26, -0.12),  # side, 4000 Hz
            (-0.01, 0.00, -0.01, -0.03, 0.01, 0.01, 0.01, -0.01),  # side, 12000 Hz
        ),
    ),
}  # fmt: skip

STEMS = tuple(POWERS)


@cache
def first_look(bins: int, bin_hz: float) -> Floats:
    """The powers of the first look at each bin: [stems, evidence + 1, bins]; read-only."""
    return _at_bins(np.array([FIRST_LOOK[stem] for stem in STEMS]), bins, bin_hz)


@cache
def weights(bins: int, bin_hz: float) -> Floats:
    """The powers of the second look at each bin: [mid and side, stems, evidence + 1, bins]; read-only."""
    return _at_bins(np.array([POWERS[stem] for stem in STEMS]).swapaxes(0, 1), bins, bin_hz)


def _at_bins(table: npt.NDArray[np.float64], bins: int, bin_hz: float) -> Floats:
    """Interpolate [..., knots, evidence + 1] over log frequency to [..., evidence + 1, bins]."""
    places = np.log(np.maximum(np.arange(bins) * bin_hz, KNOTS_HZ[0]))
    rows = table.swapaxes(-1, -2)
    flat = [np.interp(places, np.log(KNOTS_HZ), row) for row in rows.reshape(-1, len(KNOTS_HZ))]
    spread = np.array(flat, np.float32).reshape(*rows.shape[:-1], bins)
    spread.flags.writeable = False
    return spread


def estimate(found: Sequence[Floats] | Floats, powers: Floats) -> Floats:
    """Shares [stems, frames, bins], 0..1 and at most 1 in all, from evidence, each kind [frames, bins].

    powers: [stems, kinds + 1, bins], of `first_look` or of the mid or the side of `weights`.
    """
    odds = np.empty((len(powers), *found[0].shape), np.float32)
    term = np.empty_like(odds[0])
    for stem, rows in enumerate(powers):
        odds[stem] = rows[-1]
        for kind, row in zip(found, rows[:-1], strict=True):
            odds[stem] += np.multiply(kind, row, out=term)
    np.exp(odds, out=odds)
    odds /= 1 + np.sum(odds, axis=0)
    return odds
