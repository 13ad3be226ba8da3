"""From what the judge can hear to the SI-SDR that the true stems would show: straight lines, fitted to known songs.

The lines were fitted by `scripts/judge_study.py`, which also says how far to trust them (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from stem_cli import stems as table
from stem_cli.quality.verdict import CONSISTENCY

PURITY, COMPANY, SHARE = "purity", "company", "share_of_stretch_db"
QUICK = (SHARE, PURITY, COMPANY)
FULL = (CONSISTENCY, *QUICK)
"""The measures that the lines take, in their order."""
BOUNDS_DB = (-15.0, 15.0)
"""No estimate lies outside of these: beyond, the lines were fitted to nothing."""

_MEASURE_BOUNDS = (-30.0, 30.0)

_LINES: Mapping[tuple[str, ...], Mapping[str, tuple[float, ...]]] = {
    FULL: {
        "vocals": (7.04, 0.13, 0.22, 6.02, -9.79),
        "drums": (6.15, 0.59, 0.33, 1.36, -3.56),
        "bass": (4.48, 0.13, 0.00, 7.21, -12.01),
        "other": (2.14, 0.54, 0.00, 5.33, -5.27),
    },
    QUICK: {
        "vocals": (5.98, 0.25, 8.77, -9.96),
        "drums": (0.12, 0.50, 17.17, -6.11),
        "bass": (1.91, 0.00, 11.20, -11.81),
        "other": (-4.69, 0.00, 17.95, -4.00),
    },
}
"""By measures and stem: the constant in dB, and a slope for each measure."""


def bounded(measure: float) -> float:
    """A measure as the lines take it: beyond these bounds more of it means nothing more."""
    return min(max(measure, _MEASURE_BOUNDS[0]), _MEASURE_BOUNDS[1])


def without_consistency(measures: Mapping[str, float]) -> dict[str, float]:
    """The measures of the quick judge, to set one engine beside another that could not be asked again."""
    return {measure: measures[measure] for measure in QUICK}


def estimated_db(name: str, measures: Mapping[str, float]) -> float:
    """SI-SDR in dB of a stem, by the line of its family; with the consistency where that is there, else without."""
    family = table.TABLE[name].family if name in table.TABLE else table.REMAINDER
    wanted = FULL if CONSISTENCY in measures else QUICK
    constant, *slopes = _LINES[wanted][family]
    found = constant + sum(slope * bounded(measures[measure]) for slope, measure in zip(slopes, wanted, strict=True))
    return min(max(found, BOUNDS_DB[0]), BOUNDS_DB[1])
