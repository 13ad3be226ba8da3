"""The grid in Serato's tag "Serato BeatGrid". (Holzhaus/serato-tags, docs/fileformats.md.)"""

from __future__ import annotations

import math
import struct
from itertools import pairwise

from stem_cli.cues import FASTEST, SLOWEST, Tempo

NAME = "Serato BeatGrid"
_VERSION = b"\x01\x00"
_COUNT, _MARKER, _LAST = struct.Struct(">I"), struct.Struct(">fI"), struct.Struct(">ff")
_BEATS_PER_BAR = 4
"""Serato counts no others."""
_LONGEST_SECONDS = 1e6


def tempos_in(data: bytes) -> tuple[Tempo, ...]:
    """Its tempos, each from a beat of the song on, the first a downbeat; () where Serato has laid no grid.

    Markers hold how many beats there are to the next one, the last one its tempo. The first one may lie before the
    song. Raises ValueError where it is damaged: half a grid would put every beat elsewhere.
    """
    start = len(_VERSION) + _COUNT.size
    if len(data) < start or not data.startswith(_VERSION):
        raise ValueError("it is of another kind than ours")
    (count,) = _COUNT.unpack_from(data, len(_VERSION))
    if not count:
        return ()
    if len(data) < start + count * _MARKER.size:
        raise ValueError(f"{count} markers are told, and it ends before")
    markers = [_MARKER.unpack_from(data, start + number * _MARKER.size) for number in range(count - 1)]
    last, bpm = _LAST.unpack_from(data, start + (count - 1) * _MARKER.size)
    _refuse_times([*(seconds for seconds, _ in markers), last])
    found, beat = [], 0
    for (seconds, beats), (following, _) in pairwise([*markers, (last, 0)]):
        found.append(_tempo(seconds, 60 * beats / (following - seconds), beat))
        beat += beats
    return (*found, _tempo(last, bpm, beat))


def _refuse_times(times: list[float]) -> None:
    if not all(abs(seconds) < _LONGEST_SECONDS for seconds in times):
        raise ValueError("a beat of it has no place")
    if any(after <= before for before, after in pairwise(times)):
        raise ValueError("a marker stands behind one of a later time")


def _tempo(seconds: float, bpm: float, beat: int) -> Tempo:
    if not (math.isfinite(bpm) and SLOWEST <= bpm <= FASTEST):
        raise ValueError(f"{bpm:g} BPM")
    return Tempo(seconds, bpm, beat=beat % _BEATS_PER_BAR + 1)
