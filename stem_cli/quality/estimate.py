"""From what the judge can hear to the SI-SDR that the true stems would show: straight lines, fitted to known songs.

The lines were fitted by `scripts/judge_study.py`, which also says how far to trust them (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from stem_cli.quality.verdict import CONSISTENCY

PURITY, COMPANY, SHARE = "purity", "company", "share_of_stretch_db"


def estimated_db(name: str, measures: Mapping[str, float]) -> float:
    """Placeholder."""
    return measures.get(CONSISTENCY, 5.0)
