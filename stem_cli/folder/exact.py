"""The exact sum: stems in integers that add up to the song bit for bit.

The song is the decoded song, rounded without dither to the depth written. Every stem is clamped so far that it fits and
that the song without it fits too; the remainder is the song minus the rest. Where the remainder does not fit, the
excess goes to drums, then bass, then vocals. Clamping to [song - max, song - min] as well keeps room for that: each
stem may hold both 0 and the whole sample, so an assignment always exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import stems as table

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

_FINE = "24"
_LARGE = np.float32(2**26)  # beyond every bound, within int32


@dataclass(frozen=True)
class Balance:
    """parts: of each stem. whole: the song as written. clipped: how many of its samples were."""

    parts: dict[str, NDArray[Any]]
    whole: NDArray[Any]
    clipped: int


def limits(depth: str) -> tuple[int, int]:
    """Least and greatest integer of a depth."""
    top = 2 ** (int(depth) - 1)
    return -top, top - 1


def to_ints(block: Floats, depth: str) -> tuple[Ints, int]:
    """The song's samples as integers of the depth, and how many had to be clipped."""
    low, high = limits(depth)
    scaled = block * np.float32(-low)
    np.rint(scaled, out=scaled)
    clipped = 0
    if scaled.size and (scaled.min() < low or scaled.max() > high):
        clipped = int(np.count_nonzero((scaled < low) | (scaled > high)))
        np.clip(scaled, low, high, out=scaled)
    return scaled.astype(np.int32), clipped


def to_floats(block: Ints, depth: str) -> Floats:
    """Integers of the depth as float32 of full scale 1, exactly."""
    return block.astype(np.float32) * np.float32(1 / -limits(depth)[0])


def settle(song: Floats, stems: Mapping[str, Floats], depth: str) -> Balance:
    """Make the stems of one block add up to the song.

    depth "16" or "24" gives int32 arrays whose sum is the song exactly; "float" gives float32 whose sum is the song up
    to rounding, with no clamp. Order and names are those of `stems`.
    """
    remainder = table.REMAINDER if table.REMAINDER in stems else list(stems)[-1]
    if depth == "float":
        return _in_floats(song, stems, remainder)
    rounded = {name: _rounded(stem) for name, stem in stems.items() if name != remainder}
    whole, clipped = to_ints(song, _FINE)
    parts = _in_integers(whole, rounded, remainder, _FINE)
    if depth != _FINE:
        whole, clipped = to_ints(song, depth)
        coarse = {name: _coarser(part, depth) for name, part in parts.items() if name != remainder}
        parts = _in_integers(whole, coarse, remainder, depth)
    return Balance({name: parts[name] for name in stems}, whole, clipped)


def balanced(whole: NDArray[Any], parts: Mapping[str, NDArray[Any]], depth: str) -> dict[str, NDArray[Any]]:
    """Parts whose sum is the whole again: the remainder takes what they lack, others what it cannot hold.

    whole, parts: integers of the depth, or float32 where that is "float".
    """
    remainder = table.REMAINDER if table.REMAINDER in parts else list(parts)[-1]
    if depth == "float":
        return _in_floats(whole, parts, remainder).parts
    named = {name: part.copy() for name, part in parts.items() if name != remainder}
    made = _in_integers(whole, named, remainder, depth)
    return {name: made[name] for name in parts}


def _in_integers(whole: Ints, parts: dict[str, Ints], remainder: str, depth: str) -> dict[str, Ints]:
    """Clamp the stems, in place, and add the remainder that makes their sum the whole."""
    low, high = limits(depth)
    floor, ceiling = np.maximum(whole - high, low), np.minimum(whole - low, high)
    rest = whole.copy()
    for part in parts.values():
        np.clip(part, floor, ceiling, out=part)
        rest -= part
    parts[remainder] = np.clip(rest, floor, ceiling)
    rest -= parts[remainder]
    if rest.any():
        _spill(rest, parts, remainder, floor, ceiling)
    return parts


def _in_floats(song: Floats, stems: Mapping[str, Floats], remainder: str) -> Balance:
    rest = song.copy()
    for name, stem in stems.items():
        if name != remainder:
            rest -= stem
    return Balance({name: rest if name == remainder else stem for name, stem in stems.items()}, song, 0)


def _rounded(stem: Floats) -> Ints:
    """A stem in 24 bits. Every lower depth is made from these, so that 16 bits of kept 24 are the same 16 bits."""
    fine = stem * np.float32(2 ** (int(_FINE) - 1))
    np.rint(fine, out=fine)
    np.clip(fine, -_LARGE, _LARGE, out=fine)
    return fine.astype(np.int32)


def _coarser(part: Ints, depth: str) -> Ints:
    """24 bits rounded to a lower depth, ties to even."""
    coarse = part.astype(np.float32)
    coarse *= np.float32(2.0 ** (int(depth) - int(_FINE)))
    np.rint(coarse, out=coarse)
    return coarse.astype(np.int32)


def _spill(excess: Ints, parts: dict[str, Ints], remainder: str, floor: Ints, ceiling: Ints) -> None:
    """Hand what the remainder cannot hold to the others in the table's order."""
    for name in sorted((name for name in parts if name != remainder), key=_spill_order):
        taken = np.clip(parts[name] + excess, floor, ceiling)
        excess = excess - (taken - parts[name])
        parts[name] = taken


def _spill_order(name: str) -> tuple[int, str]:
    stem = table.TABLE.get(name)
    return (stem.spill if stem is not None and stem.spill is not None else 99, name)


def without(whole: NDArray[Any], stem: NDArray[Any]) -> NDArray[Any]:
    """The song without one stem, exact because `settle` left room for it."""
    rest: NDArray[Any] = whole - stem
    return rest


def sample_bytes(block: NDArray[Any], depth: str) -> bytes:
    """The samples as a WAV's data chunk holds them: interleaved, little endian, 2, 3 or 4 bytes each."""
    frames = np.ascontiguousarray(block.T)
    if depth == "float":
        return frames.astype("<f4", copy=False).tobytes()
    wide = frames.astype("<i4", copy=False)
    return np.ndarray(wide.size, f"V{int(depth) // 8}", wide, strides=(4,)).tobytes()  # the lower bytes of each
