"""What the company of a bin says: how much of the sound around it, in time and pitch, seems to be whose.

A single bin is weak evidence; a stem that holds most of its third of an octave for a tenth of a second is strong.
So the masks are estimated twice: the first look is pooled into bands, smoothed, and is evidence for the second.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from stem_cli.dsp.medians import Floats

BAND_EDGES_HZ = np.geomspace(40.0, 20_000.0, 38)  # four and a bit to the octave, as wide as an ear's bands
NEAR_FRAMES = 2  # 50 ms smoothed over on each side
LEAST_SHARE = np.float32(0.01)
SILENCE = np.float32(1e-10)  # power of the transform


@cache
def _edges(bins: int, bin_hz: float) -> npt.NDArray[np.intp]:
    """First bin of each band."""
    inner = np.round(BAND_EDGES_HZ / bin_hz).astype(np.intp)
    return np.unique(np.concatenate([[0], inner[inner < bins]]))


@cache
def _between(bins: int, bin_hz: float) -> tuple[npt.NDArray[np.intp], Floats]:
    """For each bin the band whose middle lies below it, and how far it is to the next middle, 0..1 of log frequency."""
    edges = _edges(bins, bin_hz)
    middles = np.log((edges + np.append(edges[1:], bins) + 1) / 2)
    way = np.interp(np.log(np.arange(bins) + 1.0), middles, np.arange(len(middles)))
    band = np.minimum(way.astype(np.intp), max(0, len(middles) - 2))
    return band, (way - band).astype(np.float32)


def pool(power: Floats, bin_hz: float) -> Floats:
    """Power in bands, [..., frames, bands], of power [..., frames, bins]."""
    pooled: Floats = np.add.reduceat(power, _edges(power.shape[-1], bin_hz), axis=-1)
    return pooled


def smooth(pooled: Floats) -> Floats:
    """Sum over NEAR_FRAMES on each side, which are used up, and over the band above and below."""
    frames = pooled.shape[-2] - 2 * NEAR_FRAMES
    near = (
        sum(pooled[..., first : first + frames, :] for first in range(1, 2 * NEAR_FRAMES + 1)) + pooled[..., :frames, :]
    )
    wide = np.concatenate([near[..., :1], near, near[..., -1:]], axis=-1)
    total: Floats = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
    return total


def logs(stems: Floats, song: Floats, bins: int, bin_hz: float) -> Floats:
    """Log share of each stem in its surroundings, [stems, frames, bins].

    stems: pooled power of each [stems, NEAR_FRAMES + frames + NEAR_FRAMES, bands]; song: of all [frames, bands].
    """
    share = np.log(np.clip(smooth(stems) / (smooth(song) + SILENCE), LEAST_SHARE, np.float32(1)))
    rise = np.diff(share, axis=-1)
    band, way = _between(bins, bin_hz)
    found: Floats = np.take(rise, band, axis=-1)
    found *= way
    found += np.take(share, band, axis=-1)
    return found
