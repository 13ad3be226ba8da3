"""More than two channels to stereo, when the user asks for it."""

from __future__ import annotations

import numpy as np

from stem_cli.errors import InputError

_HALF_POWER = 0.7071067811865476

# ITU-R BS.775-3: centre and surrounds at -3 dB, LFE left out. Rows left, right; columns in the order WAVE and FLAC use.
_MATRICES: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    3: ((1, 0, _HALF_POWER), (0, 1, _HALF_POWER)),
    4: ((1, 0, _HALF_POWER, 0), (0, 1, 0, _HALF_POWER)),
    5: ((1, 0, _HALF_POWER, _HALF_POWER, 0), (0, 1, _HALF_POWER, 0, _HALF_POWER)),
    6: ((1, 0, _HALF_POWER, 0, _HALF_POWER, 0), (0, 1, _HALF_POWER, 0, 0, _HALF_POWER)),
    8: (
        (1, 0, _HALF_POWER, 0, _HALF_POWER, 0, _HALF_POWER, 0),
        (0, 1, _HALF_POWER, 0, 0, _HALF_POWER, 0, _HALF_POWER),
    ),
}


def to_stereo(block: np.ndarray) -> np.ndarray:
    """Fold [channels, frames] down to [2, frames] by ITU-R BS.775-3 (gain 1 for left and right; it may exceed 1).

    Raises InputError for a number of channels that the recommendation does not name.
    """
    channels = block.shape[0]
    if channels not in _MATRICES:
        raise InputError(
            f"there is no stereo downmix for {channels} channels", None, "Fold it down in an editor first."
        )
    folded: np.ndarray = np.array(_MATRICES[channels], np.float32) @ block
    return folded
