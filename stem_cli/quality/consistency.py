"""Remix consistency: does the engine, given a mix of its own stems, find them again?

The stems are shifted against one another, so that nothing coincides as it did in the song, and added up. The engine
separates that; each stem is set beside the one that went in. Those are true figures, of this song's own material.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from stem_cli.quality.figures import power, ratio_db, si_sdr_db

Floats = NDArray[np.float32]
Separate = Callable[[Floats], Mapping[str, Floats]]
"""A mix float32 [channels, frames] to stems of the same shape."""

SHIFTS_SECONDS = (0.0, 1.37, 3.91, 6.13, 2.71, 5.03, 7.43)
"""By how much each stem is rolled: no multiple of a beat at any usual tempo (first four: quality.md of the project)."""
SILENT_DB = -40.0
"""A stem this far below the mix is taken for silence: it has no figure."""


def remix(stems: Mapping[str, Floats], rate: int) -> tuple[Floats, dict[str, Floats]]:
    """The stems rolled against one another, [channels, frames], and their sum."""
    rolled = {}
    for (name, stem), seconds in zip(stems.items(), _shifts(len(stems)), strict=True):
        rolled[name] = np.roll(stem, round(seconds * rate), axis=1)
    return np.add.reduce(list(rolled.values())), rolled


def _shifts(count: int) -> tuple[float, ...]:
    more = tuple(SHIFTS_SECONDS[-1] + 0.83 * step for step in range(1, count))
    return (*SHIFTS_SECONDS, *more)[:count]


def consistency_db(stems: Mapping[str, Floats], rate: int, separate: Separate) -> dict[str, float]:
    """SI-SDR in dB of each stem that the engine finds in the remix, beside the one that went in; no silent ones."""
    mix, wanted = remix(stems, rate)
    found = separate(mix)
    loud = [name for name, stem in wanted.items() if ratio_db(power(stem), power(mix)) > SILENT_DB]
    return {name: si_sdr_db(wanted[name], found[name][:, : mix.shape[1]]) for name in loud}
