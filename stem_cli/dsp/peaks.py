"""Where a curve has its peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def peaks_of(curve: NDArray[np.floating[Any]], **wanted: float) -> NDArray[np.intp]:
    """The places of its peaks, rising. wanted: as `scipy.signal.find_peaks` has it: distance, height, prominence.

    >>> peaks_of(np.array([0.0, 2.0, 0.0, 1.0, 0.0]), height=1.5)
    array([1])
    """
    from scipy.signal import find_peaks  # half a second, which those who take what is known need not wait for

    found: NDArray[np.intp] = find_peaks(curve, **wanted)[0]
    return found
