"""What was found of a song, and how it stands in metadata.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stem_cli.dsp.beats import BeatGrid
from stem_cli.dsp.key import Key, KeyFound, parsed
from stem_cli.dsp.sections import Section

VERSION = 4
"""Of the recipe: what an older one found is heard again."""
_POOR, _POOR_MOVING = 0.35, 0.6
"""A grid that so little of what is played falls on is worth a warning. Beats that are told one by one follow what is
played: a band without a click has 0.64 and more, noise up to 0.41, and samples beside a steady grid 0.51.
"""
_RIVAL = 0.5
"""So is one whose beats could almost as well be elsewhere. Of the 110 songs and stretches of placing.py five that were
right are above it, all of a minute or less, and one of the three that were wrong."""
_VAGUE = 0.1
"""Of a key: half of all songs are above 0.17, white noise has 0.03."""


@dataclass(frozen=True)
class Analysis:
    """What a song is. grid, key: None where it has none. lufs: integrated loudness, -inf for silence.

    notes: what a user should know, in words. tagged: what was taken from tags instead of heard: "bpm", "key". said:
    what the user said himself: "bpm", "downbeat", "beats_per_bar".
    grid_from: the DJ program whose grid was taken over, in words, "" where it was heard. alone: what tags and DJ
    programs say was left out of it, as the user wanted.
    """

    grid: BeatGrid | None
    key: KeyFound | None
    sections: tuple[Section, ...]
    lufs: float
    notes: tuple[str, ...] = ()
    tagged: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    grid_from: str = ""
    alone: bool = False

    @property
    def sure_grid(self) -> BeatGrid | None:
        """The grid, for places that have no room for a doubt; None where there is one."""
        if self.grid is None or self.grid_from:
            return self.grid
        return None if self.grid.free or doubt_of(self.grid) else self.grid

    @property
    def sure_key(self) -> KeyFound | None:
        """The key, likewise: what has no beat and hardly a key is noise."""
        vague = self.key is not None and self.key.confidence < _VAGUE and "key" not in self.tagged
        return None if vague and self.sure_grid is None else self.key


def doubt_of(grid: BeatGrid) -> str:
    """Why a grid that was heard is not to be relied on, in words; "" where nothing speaks against it."""
    if grid.confidence < (_POOR if grid.constant or grid.tempos else _POOR_MOVING):
        return f"only {grid.confidence:.0%} of what is struck falls on the beat: check the grid by ear"
    return "its beats could almost as well be half a beat away: check the grid by ear" if grid.rival > _RIVAL else ""


def to_dict(found: Analysis) -> dict[str, Any]:
    """For JSON."""
    return {
        "version": VERSION,
        "grid": None if found.grid is None else _grid(found.grid),
        "key": None if found.key is None else _key(found.key),
        "sections": [{"start": one.start, "end": one.end, "name": one.name} for one in found.sections],
        "lufs": round(found.lufs, 2) if math.isfinite(found.lufs) else None,
        "notes": list(found.notes),
        "tagged": list(found.tagged),
        "said": list(found.said),
        "grid_from": found.grid_from,
        "alone": found.alone,
    }


def from_dict(data: Mapping[str, Any]) -> Analysis:
    """Raises ValueError, KeyError or TypeError for what `to_dict` does not write."""
    lufs = data["lufs"]
    return Analysis(
        grid=None if data["grid"] is None else _grid_of(data["grid"]),
        key=None if data["key"] is None else _key_of(data["key"]),
        sections=tuple(Section(float(one["start"]), float(one["end"]), str(one["name"])) for one in data["sections"]),
        lufs=-math.inf if lufs is None else float(lufs),
        notes=tuple(map(str, data["notes"])),
        tagged=tuple(map(str, data["tagged"])),
        said=tuple(map(str, data["said"])),
        grid_from=str(data.get("grid_from", "")),
        alone=bool(data.get("alone")),
    )


def _grid(grid: BeatGrid) -> dict[str, Any]:
    return {
        "bpm": round(grid.bpm, 6),
        "first_downbeat": grid.first_downbeat,
        "beats_per_bar": grid.beats_per_bar,
        "beat_unit": grid.beat_unit,
        "constant": grid.constant,
        "confidence": grid.confidence,
        "rival": grid.rival,
        "beats": list(grid.beats),
    }


def _grid_of(data: Mapping[str, Any]) -> BeatGrid:
    times = tuple(map(float, data["beats"]))
    first = min(times, key=lambda time: abs(time - float(data["first_downbeat"])))
    bar, constant, confidence, rival = (data[name] for name in ("beats_per_bar", "constant", "confidence", "rival"))
    return BeatGrid(float(data["bpm"]), first, times, int(bar), bool(constant), float(confidence), float(rival))


def _key(found: KeyFound) -> dict[str, Any]:
    key = found.key
    return {
        "name": key.name,
        "camelot": key.camelot,
        "open_key": key.open_key,
        "second": found.second.name,
        "confidence": round(found.confidence, 3),
    }


def _key_of(data: Mapping[str, Any]) -> KeyFound:
    return KeyFound(_named(data["name"]), _named(data["second"]), float(data["confidence"]))


def _named(name: str) -> Key:
    key = parsed(name)
    if key is None:
        raise ValueError(f"{name!r} is no key")
    return key
