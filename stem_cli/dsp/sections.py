"""The parts of a song: intro, verse, chorus, drop, and where each begins.

Boundaries by the novelty of J. Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000, on
bars of all stems; then moved to phrases of eight bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stem_cli.dsp.bands import Bands
from stem_cli.dsp.chroma import Chroma
from stem_cli.dsp.downbeats import between
from stem_cli.dsp.onsets import Array
from stem_cli.dsp.peaks import peaks_of

_FLOOR_DB, _SPREAD_DB = -60.0, 15.0
_CHROMA_WEIGHT = 3.0
_HALF_BARS = 6
_APART_BARS = 3
_PEAK_SHARE = 0.25
_PHRASE_BARS = 8
_LEAST_BARS = 4
_ON_DB, _FULL_DB, _MOST_DB, _CHORUS_DB = -18.0, -6.0, -3.0, -1.0
"""A stem plays in a bar that is less than 18 dB below its loud ones. See `_name`."""


@dataclass(frozen=True)
class Section:
    """A stretch of a song from `start` to `end`, seconds; name: "intro", "verse", "chorus", "drop", "break" ..."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class Heard:
    """What sections are told from. bands: by stem; chromas: of bass and chords."""

    bands: Mapping[str, Bands]
    chromas: Sequence[Chroma]


def sections_of(heard: Heard, downbeats: Sequence[float], seconds: float) -> tuple[Section, ...]:
    """The sections of a song, without gaps from 0 to its end; () where there are no bars to tell them by."""
    starts = np.array(downbeats, np.float64)
    if len(starts) < 2 * _LEAST_BARS:
        return ()
    levels = {name: between(one.power, one.rate, starts) for name, one in heard.bands.items()}
    features = _features(levels, [between(one.notes(), one.rate, starts) for one in heard.chromas])
    cuts = _phrased(_boundaries(features), len(starts))
    edges = [0, *cuts, len(starts)]
    spans = list(pairwise(edges))
    sounds = _sounds(levels, spans)
    parts = _joined(spans, [_name(number, sounds) for number in range(len(spans))])
    times = [0.0, *(float(starts[first]) for (first, _), _ in parts[1:]), seconds]
    return tuple(
        Section(round(start, 6), round(end, 6), name)
        for (start, end), (_, name) in zip(pairwise(times), parts, strict=True)
    )


def _features(levels: Mapping[str, Array], notes: Sequence[Array]) -> Array:
    """What a bar is like, [bars, features]."""
    top = max((float(one.max(initial=0.0)) for one in levels.values()), default=0.0) or 1.0
    loud = [np.maximum(_decibels(one / top), _FLOOR_DB) / _SPREAD_DB for one in levels.values()]
    tonal = [_CHROMA_WEIGHT * one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9) for one in notes]
    return np.concatenate([*loud, *tonal], axis=1)


def _boundaries(features: Array) -> list[int]:
    """Bars at which something new begins."""
    from scipy.spatial.distance import cdist  # loaded no earlier than it is needed, as in `peaks`

    apart = cdist(features, features)
    alike = np.exp(-apart / max(float(np.median(apart)), 1e-9))
    reach = np.arange(-_HALF_BARS, _HALF_BARS) + 0.5
    taper = np.exp(-0.5 * (reach / (_HALF_BARS / 2)) ** 2)
    board = np.outer(np.sign(reach) * taper, np.sign(reach) * taper)
    padded = np.pad(alike, _HALF_BARS, mode="edge")
    size = 2 * _HALF_BARS
    novelty = np.array([np.sum(board * padded[bar : bar + size, bar : bar + size]) for bar in range(len(alike))])
    least = _PEAK_SHARE * float(np.percentile(novelty, 98))
    peaks = peaks_of(novelty, distance=_APART_BARS, height=max(least, 1e-9))
    return [int(peak) for peak in peaks]


def _phrased(peaks: Sequence[int], bars: int) -> list[int]:
    """The boundaries moved by a bar at most to phrases of eight bars, as most of them lie; none of less than four."""
    fits = [sum((peak - offset) % _PHRASE_BARS == 0 for peak in peaks) for offset in range(_PHRASE_BARS)]
    offset = int(np.argmax(fits))
    cuts: list[int] = []
    for peak in peaks:
        off = (peak - offset + _PHRASE_BARS // 2) % _PHRASE_BARS - _PHRASE_BARS // 2
        cut = peak - off if abs(off) <= 1 else peak
        if cut - (cuts[-1] if cuts else 0) >= _LEAST_BARS and bars - cut >= _LEAST_BARS:
            cuts.append(cut)
    return cuts


def _joined(spans: Sequence[tuple[int, int]], names: Sequence[str]) -> list[tuple[tuple[int, int], str]]:
    """The sections and their names: of two neighbours of one name, none is shorter than a phrase."""
    parts: list[tuple[tuple[int, int], str]] = []
    for (first, last), name in zip(spans, names, strict=True):
        if parts and parts[-1][1] == name:
            (begin, end), _ = parts[-1]
            if min(end - begin, last - first) < _PHRASE_BARS:
                parts[-1] = ((begin, last), name)
                continue
        parts.append(((first, last), name))
    return parts


@dataclass(frozen=True)
class _Sound:
    """What a section sounds like. loudness: of all of it, dB. levels: of each stem that the song has, dB beside where
    that stem is loud.
    """

    loudness: float
    levels: Mapping[str, float]

    @property
    def sung(self) -> bool:
        """Whether there are vocals in most bars."""
        return self.levels.get("vocals", _FLOOR_DB) > _ON_DB

    def rests(self, stem: str) -> bool:
        """Whether a stem that the song has does not play in most bars."""
        return self.levels.get(stem, 0.0) <= _ON_DB

    @property
    def driven(self) -> bool:
        """Whether drums and bass play, as far as the song has them."""
        return not (self.rests("drums") or self.rests("bass"))

    @property
    def full(self) -> bool:
        """Whether every stem is about as loud as anywhere."""
        return all(level > _FULL_DB for level in self.levels.values())


def _sounds(levels: Mapping[str, Array], spans: Sequence[tuple[int, int]]) -> list[_Sound]:
    """What each section sounds like."""
    powers = {name: one.sum(axis=1) for name, one in levels.items()}
    loud = {name: float(np.percentile(_decibels(power), 90)) for name, power in powers.items()}
    there = [name for name, level in loud.items() if level > _FLOOR_DB]
    whole = sum(powers.values(), np.zeros(1))
    return [
        _Sound(
            float(_decibels(whole[first:last].mean())),
            {name: float(np.median(_decibels(powers[name][first:last]))) - loud[name] for name in there},
        )
        for first, last in spans
    ]


def _name(number: int, sounds: Sequence[_Sound]) -> str:
    """What a section is called."""
    here, last = sounds[number], len(sounds) - 1
    before, after = sounds[max(0, number - 1)], sounds[min(last, number + 1)]
    if number in (0, last) and last > 0 and not here.full:
        return "intro" if number == 0 else "outro"
    if here.rests("drums"):
        return "break"
    loud = here.loudness > max(sound.loudness for sound in sounds) + _MOST_DB
    if here.driven and loud and not before.driven and (number > 1 or not here.sung):
        return "drop"
    if not here.driven and after.driven and after.loudness > here.loudness:
        return "build"
    if here.sung:
        sung = max(sound.loudness for sound in sounds if (sound.sung and sound.driven) or sound is here)
        return "chorus" if here.loudness > sung + _CHORUS_DB and number > 1 else "verse"
    return "drop" if loud and here.driven else "instrumental"


def _decibels(power: Array) -> Array:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))
