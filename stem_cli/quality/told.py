"""Figures of stems for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from stem_cli import stems

Figures = Mapping[str, Mapping[str, float]]
"""Measures by stem, each by its name."""

_COLUMNS = {
    "estimated_si_sdr_db": "estimate",
    "consistency_si_sdr_db": "consistency",
    "level_db": "level",
    "sdr_db": "SDR",
    "si_sdr_db": "SI-SDR",
    "median_sdr_db": "SDR, median",
    "median_sir_db": "SIR, median",
    "median_sar_db": "SAR, median",
}
"""Measures that are shown, all in dB; --json has all of them."""


def plain(figures: Figures) -> dict[str, dict[str, float | None]]:
    """As JSON takes them: rounded, null where there is no figure or no end to it."""
    return {name: {key: _plain(value) for key, value in one.items()} for name, one in figures.items()}


def table(figures: Figures) -> list[str]:
    """A line a stem, a column a measure."""
    keys = [key for key in _COLUMNS if any(key in one for one in figures.values())]
    width = max(len(name) for name in figures)
    lines = [" ".join([f"{'dB':{width}}", *(f"{_COLUMNS[key]:>12}" for key in keys)])]
    for name in stems.ordered(tuple(figures)):
        cells = [figures[name].get(key) for key in keys]
        lines.append(
            " ".join([f"{name:{width}}", *("           -" if cell is None else f"{cell:12.1f}" for cell in cells)])
        )
    return lines


def sentences(figures: Figures) -> Iterator[str]:
    """A sentence a stem.

    >>> list(sentences({"drums": {"sdr_db": 7.04, "si_sdr_db": 6.5}}))
    ['drums: SDR 7.0 dB, SI-SDR 6.5 dB']
    """
    for name in stems.ordered(tuple(figures)):
        found = [f"{word} {figures[name][key]:.1f} dB" for key, word in _COLUMNS.items() if key in figures[name]]
        yield f"{name}: {', '.join(found)}"


def _plain(value: float) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None
