"""What the judge says of one engine's stems, before it is known which files are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stem_cli import stems as table
from stem_cli.folder import Attempt, Quality

ESTIMATE, CONSISTENCY, LEVEL = "estimated_si_sdr_db", "consistency_si_sdr_db", "level_db"
"""Measures by their names in metadata.json and in the database; LEVEL is the stem's against the whole song's."""
ABSENT_DB = -40.0
"""A stem this far below the song does not play in it: it is not judged."""


@dataclass(frozen=True)
class Verdict:
    """figures: by stem and measure. level: "quick" or "full", "" where nobody listened.

    poor: the voice is below the threshold. attempts: see `Quality`.
    """

    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    level: str = ""
    poor: bool = False
    attempts: tuple[Attempt, ...] = ()

    @property
    def voice(self) -> str:
        """The first stem that is a voice, "" where there is none."""
        names = table.ordered(tuple(self.figures))
        return next((name for name in names if table.is_voice(name)), "")

    @property
    def vocals_db(self) -> float | None:
        """The estimate of the voice; None where there is none, or where it is silent."""
        return self.figures.get(self.voice, {}).get(ESTIMATE)


def judged(found: Verdict, poor_below_db: float) -> Verdict:
    """The verdict with its last word: poor where the voice is below the threshold."""
    return replace(found, poor=found.vocals_db is not None and found.vocals_db < poor_below_db)


def verdict_of(quality: Quality) -> Verdict:
    """What the judge once said, out of a record."""
    return Verdict(quality.per_stem, quality.level, quality.poor, quality.attempts)


def words(verdict: Verdict, instrumental: bool) -> tuple[str, ...]:
    """What the figures mean for a song without a voice. instrumental: it calls itself that."""
    levels = {name: one[LEVEL] for name, one in verdict.figures.items() if LEVEL in one}
    voices = {name: level for name, level in levels.items() if table.is_voice(name)}
    if not voices:
        return ()
    if all(level <= ABSENT_DB for level in voices.values()):
        return ("no voice is to be heard: an instrumental",)
    if not instrumental:
        return ()
    loud = [f"{name} ({level:.0f} dB)" for name, level in voices.items() if level > ABSENT_DB]
    return (f"the song calls itself an instrumental, and yet something is in {', '.join(loud)}: --mute removes it",)
