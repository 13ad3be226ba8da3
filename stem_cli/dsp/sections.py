"""The parts of a song: intro, verse, chorus, drop, and where each begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A stretch of a song from `start` to `end`, seconds; name: "intro", "verse", "chorus", "drop", "break" ..."""

    start: float
    end: float
    name: str
