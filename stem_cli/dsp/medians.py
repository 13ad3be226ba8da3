"""Running medians over whole arrays, by sorting networks.

A median of n arrays costs a few dozen calls of `np.minimum` and `np.maximum` on all their elements at once: three to
ten times faster than a filter that sorts around every point. Running medians change slowly, so they are taken at
every second or fourth place and repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def _comparators(count: int) -> Iterator[tuple[int, int]]:
    """Batcher's odd-even merge sort of ``count`` lanes (Knuth, TAOCP 3, 5.2.2, algorithm M): pairs (lower, upper)."""
    top = 1 << max(0, (count - 1).bit_length() - 1)
    step = top
    while step:
        reach, rest, gap = top, 0, step
        while True:
            yield from ((lane, lane + gap) for lane in range(count - gap) if lane & step == rest)
            if reach == step:
                break
            gap, reach, rest = reach - step, reach >> 1, step
        step >>= 1


@cache
def _median_network(count: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """The comparators that lane ``count // 2`` depends on: (lower, upper, keep the minimum, keep the maximum)."""
    needed, kept = {count // 2}, []
    for low, high in reversed(list(_comparators(count))):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def median_of(arrays: Sequence[Floats]) -> Floats:
    """The element-wise median of an odd number of arrays of one shape.

    >>> median_of([np.float32([3, 1]), np.float32([1, 5]), np.float32([2, 9])])
    array([2., 5.], dtype=float32)
    """
    lanes = list(arrays)
    for low, high, keep_low, keep_high in _median_network(len(lanes)):
        a, b = lanes[low], lanes[high]
        if keep_low:
            lanes[low] = np.minimum(a, b)
        if keep_high:
            lanes[high] = np.maximum(a, b)
    return lanes[len(lanes) // 2]


def median_over_frames(values: Floats, span: int, step: int) -> Floats:
    """Running median over ``span`` (odd) rows of [span // 2 + frames + span // 2, bins], taken every ``step`` rows.

    Returns [frames, bins]; each median stands for ``step`` rows.
    """
    frames = values.shape[0] - span + 1
    medians = median_of([values[row : row + frames : step] for row in range(span)])
    return np.repeat(medians, step, axis=0)[:frames]


def median_over_bins(values: Floats, span: int, step: int) -> Floats:
    """Running median over ``span`` (odd) neighbouring bins of [frames, bins], taken every ``step`` bins.

    Mirrored at both ends. Returns [frames, bins]; each median stands for ``step`` bins.
    """
    bins = values.shape[1]
    side = span // 2
    wide = np.pad(values, ((0, 0), (side - step // 2, side + step)), mode="reflect")
    medians = median_of([wide[:, place : place + bins : step] for place in range(span)])
    return np.repeat(medians, step, axis=1)[:, :bins]
