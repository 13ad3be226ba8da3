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

_LINES: Mapping[tuple[str, ...], Mapping[str, tuple[float, ...]]] = {
    FULL: {
        "vocals": (5.51, 0.36, 0.27, 5.45, -7.84),
        "drums": (8.21, 0.54, 0.53, 0.89, -4.41),
        "bass": (2.02, 0.66, -0.50, 0.62, -9.29),
        "other": (-0.51, 0.37, 0.23, 11.00, -2.84),
    },
    QUICK: {
        "vocals": (2.25, 0.34, 13.33, -8.38),
        "drums": (2.04, 0.61, 15.78, -6.71),
        "bass": (-13.15, -0.59, 23.03, -8.20),
        "other": (-2.94, 0.37, 18.70, -2.56),
    },
}
"""By measures and stem: the constant in dB, and a slope for each measure."""


def without_consistency(measures: Mapping[str, float]) -> dict[str, float]:
    """The measures of the quick judge, to set one engine beside another that could not be asked again."""
    return {measure: measures[measure] for measure in QUICK}


def estimated_db(name: str, measures: Mapping[str, float]) -> float:
    """SI-SDR in dB of a stem, by the line of its family; with the consistency where that is there, else without."""
    family = table.TABLE[name].family if name in table.TABLE else table.REMAINDER
    wanted = FULL if CONSISTENCY in measures else QUICK
    constant, *slopes = _LINES[wanted][family]
    found = constant + sum(slope * measures[measure] for slope, measure in zip(slopes, wanted, strict=True))
    return min(max(found, BOUNDS_DB[0]), BOUNDS_DB[1])
