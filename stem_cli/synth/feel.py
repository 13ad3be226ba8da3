"""What makes a band sound like people: nobody hits the grid exactly, and they miss it together more than alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from stem_cli.synth.song import Hit, Note, dice

TOGETHER = 0.8  # of the spread that all who play at one moment share; the rest is each one's own
FURTHEST = 2.5  # standard deviations; nobody is further off

Hits = tuple[Hit, ...]
Notes = tuple[Note, ...]


def loosen(hits: Hits, notes: Notes, spread: float, seed: int) -> tuple[Hits, Notes]:
    """The events a little early or late, by ``spread`` seconds (standard deviation), and sorted again.

    Drums and parts that play at one moment lean the same way; the notes of one chord stay together. The beats of the
    song stay where they are: they are what the hands aim at.
    """
    if not spread:
        return hits, notes
    events: list[Hit | Note] = [*hits, *notes]
    band = _misses((event.start for event in events), "band", seed)
    names = sorted({_name(event) for event in events})
    own = {name: _misses((event.start for event in events if _name(event) == name), name, seed) for name in names}

    def played(event: Hit | Note) -> float:
        miss = TOGETHER * band[event.start] + np.sqrt(1 - TOGETHER**2) * own[_name(event)][event.start]
        return max(0.0, event.start + spread * float(np.clip(miss, -FURTHEST, FURTHEST)))

    return (
        tuple(sorted((replace(hit, start=played(hit)) for hit in hits), key=lambda hit: hit.start)),
        tuple(sorted((replace(note, start=played(note)) for note in notes), key=lambda note: note.start)),
    )


def _name(event: Hit | Note) -> str:
    return event.drum if isinstance(event, Hit) else event.part


def _misses(starts: Iterable[float], name: str, seed: int) -> dict[float, float]:
    """How far off each moment is, in standard deviations."""
    moments = sorted(set(starts))
    return dict(zip(moments, dice(seed, f"hands {name}").standard_normal(len(moments)).tolist(), strict=True))
