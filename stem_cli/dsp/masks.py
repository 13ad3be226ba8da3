"""From evidence to masks: how much of each bin belongs to each stem.

A stem's odds against the rest are a product of the evidence (`evidence.KINDS`), each to a power that depends on the
frequency: a Wiener-like mask. The powers were fitted to four multitracks and to mixtures across them, for the mean of
the SDR over stems and excerpts, with a penalty that keeps them small, and rounded. The masks of all stems and the rest
sum to one.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from stem_cli.dsp.medians import Floats

REST = "other"  # what the masks leave

KNOTS_HZ = (80.0, 250.0, 1000.0, 4000.0, 12000.0)  # the powers are straight lines over log frequency between these

# stem -> mid and side -> at each knot the powers of steady, broad, repeated, centre, and the log odds without evidence
POWERS = {
    "vocals": (
        (
            (-0.13, -0.25, 0.02, 0.05, -0.04),  # mid, 80 Hz
            (0.11, 0.29, -0.76, 1.22, 0.22),  # mid, 250 Hz
            (0.33, -0.49, -0.55, 0.20, 0.20),  # mid, 1000 Hz
            (-0.18, 0.07, -0.26, 0.04, -0.03),  # mid, 4000 Hz
            (-0.02, -0.01, -0.12, 0.00, 0.04),  # mid, 12000 Hz
        ),
        (
            (-0.05, 0.08, 0.01, 0.09, -0.10),  # side, 80 Hz
            (0.54, 0.62, 0.12, 0.48, -0.44),  # side, 250 Hz
            (0.53, -0.60, -0.15, 0.05, 0.21),  # side, 1000 Hz
            (-0.02, 0.05, 0.00, 0.19, -0.07),  # side, 4000 Hz
            (-0.01, 0.01, -0.03, 0.00, 0.01),  # side, 12000 Hz
        ),
    ),
    "drums": (
        (
            (-1.84, -0.86, -0.31, -0.01, 0.74),  # mid, 80 Hz
            (-0.58, 1.52, -0.06, 0.70, 1.03),  # mid, 250 Hz
            (-0.82, 0.92, 0.24, 0.25, 0.49),  # mid, 1000 Hz
            (-0.64, 0.22, 0.14, -0.04, 0.61),  # mid, 4000 Hz
            (-0.60, -0.15, -0.39, -0.11, 0.67),  # mid, 12000 Hz
        ),
        (
            (-0.37, -0.26, -0.20, 0.03, 0.12),  # side, 80 Hz
            (0.19, 0.70, 0.04, 0.37, -0.42),  # side, 250 Hz
            (0.29, 0.18, 0.06, 0.21, -0.19),  # side, 1000 Hz
            (-0.23, 0.01, -0.05, -0.14, 0.16),  # side, 4000 Hz
            (-0.23, -0.11, -0.11, -0.37, 0.29),  # side, 12000 Hz
        ),
    ),
    "bass": (
        (
            (0.83, -1.27, -0.16, 0.12, 0.87),  # mid, 80 Hz
            (0.38, 0.37, -0.02, 0.84, 0.00),  # mid, 250 Hz
            (0.27, 0.56, 0.06, 0.25, -0.42),  # mid, 1000 Hz
            (-0.02, 0.20, 0.07, 0.06, -0.17),  # mid, 4000 Hz
            (0.00, 0.00, 0.01, 0.00, -0.01),  # mid, 12000 Hz
        ),
        (
            (-0.06, 0.04, 0.00, 0.07, -0.08),  # side, 80 Hz
            (0.38, 0.71, 0.14, 0.47, -0.56),  # side, 250 Hz
            (0.40, 0.15, 0.09, 0.31, -0.31),  # side, 1000 Hz
            (0.02, 0.10, 0.05, 0.16, -0.12),  # side, 4000 Hz
            (-0.02, -0.01, 0.01, -0.05, 0.02),  # side, 12000 Hz
        ),
    ),
}  # fmt: skip

STEMS = tuple(POWERS)


@cache
def weights(bins: int, bin_hz: float) -> Floats:
    """The powers at each bin: [mid and side, stems, evidence + 1, bins]; shared, so read-only."""
    places = np.log(np.maximum(np.arange(bins) * bin_hz, KNOTS_HZ[0]))
    knots = np.log(KNOTS_HZ)
    table = np.array([POWERS[stem] for stem in STEMS]).transpose(1, 0, 3, 2)
    flat = [np.interp(places, knots, row) for row in table.reshape(-1, len(KNOTS_HZ))]
    spread = np.array(flat, np.float32).reshape(*table.shape[:3], bins)
    spread.flags.writeable = False
    return spread


def estimate(found: Floats, powers: Floats) -> Floats:
    """Shares [stems, frames, bins], 0..1 and at most 1 in all, from evidence [kinds, frames, bins].

    powers: [stems, kinds + 1, bins], `weights` of the mid or the side.
    """
    odds = np.empty((len(powers), *found.shape[1:]), np.float32)
    for stem, rows in enumerate(powers):
        odds[stem] = rows[-1]
        for kind, row in zip(found, rows, strict=False):
            odds[stem] += kind * row
    np.exp(odds, out=odds)
    odds /= 1 + np.sum(odds, axis=0)
    return odds
