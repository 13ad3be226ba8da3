"""What a song repeats: the accompaniment of a voice, found by looking for frames that sound alike (REPET-SIM).

After Rafii and Pardo, "Music/voice separation using the similarity matrix" (ISMIR 2012): the median over the most
similar frames of the recent past and near future keeps what comes again, and what sticks out of it is foreground.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stem_cli.dsp.medians import Floats, median_of

BAND_EDGES_HZ = np.geomspace(150.0, 6000.0, 65)  # where frames are compared: REPET-SIM on a voice's range
COMPRESSION = 0.3  # power law of loudness (Stevens): similarity without a noise floor, the same at any level
LIKE_FRAMES = 15  # frames the median is taken over; odd
PAIR = 2  # neighbouring frames are looked for together: a quarter of the work, and they stay neighbours
NEAR_PAIRS = 4  # 0.2 s: neighbours are alike for being neighbours, not for repeating


def fingerprints(magnitude: Floats, bin_hz: float) -> Floats:
    """Unit vectors [pairs, bands] that tell how alike pairs of frames are, by their dot product.

    magnitude: [an even number of frames, bins].
    """
    top = magnitude.shape[1] - 1
    edges = np.unique(np.minimum(np.round(BAND_EDGES_HZ / bin_hz).astype(int), top))
    power = np.square(magnitude[:, : edges[-1] + 1])
    bands = np.add.reduceat(power[::PAIR] + power[1::PAIR], edges[:-1], axis=1)
    loud = np.power(bands, COMPRESSION / 2)
    length = np.sqrt(np.sum(np.square(loud), axis=1, keepdims=True))
    prints: Floats = loud / np.maximum(length, np.float32(1e-9))
    return prints


def like_frames(prints: Floats, first: int, count: int) -> npt.NDArray[np.intp]:
    """For each of ``count`` frames from ``first`` on, the LIKE_FRAMES frames most like it, [count, LIKE_FRAMES].

    There must be LIKE_FRAMES pairs at least; a segment has more.
    """
    start, pairs = first // PAIR, count // PAIR
    likeness = np.einsum("ib,jb->ij", prints[start : start + pairs], prints)  # not BLAS: the same bits on any cores
    for row, place in enumerate(range(start, start + pairs)):
        likeness[row, max(0, place - NEAR_PAIRS) : place + NEAR_PAIRS + 1] -= 2
    best = np.argpartition(likeness, -LIKE_FRAMES, axis=1)[:, -LIKE_FRAMES:]
    frames: npt.NDArray[np.intp] = PAIR * best[:, None, :] + np.arange(PAIR)[:, None]
    return frames.reshape(count, LIKE_FRAMES)


def repeated(magnitude: Floats, rows: npt.NDArray[np.intp]) -> Floats:
    """Median over the alike frames: [count, bins] from magnitudes [frames, bins] and rows [count, LIKE_FRAMES]."""
    return median_of([magnitude[rows[:, place]] for place in range(rows.shape[1])])
