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
_ALIKE = 0.9
_ON_DB, _MOST_DB = 18.0, -3.0
"""A stem plays in a bar that is less than `_ON_DB` below its loud ones."""


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
    names = _names(levels, features, spans)
    times = [0.0, *(float(starts[cut]) for cut in cuts), seconds]
    return tuple(
        Section(round(start, 6), round(end, 6), name)
        for start, end, name in zip(times[:-1], times[1:], names, strict=True)
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


@dataclass(frozen=True)
class _Sound:
    """What a section sounds like: loudness, dB, and whether vocals, drums and bass play."""

    loudness: float
    vocals: bool
    drums: bool
    bass: bool


def _names(levels: Mapping[str, Array], features: Array, spans: Sequence[tuple[int, int]]) -> list[str]:
    """What each section is called."""
    sounds = [_sound(levels, span) for span in spans]
    means = [features[first:last].mean(axis=0) for first, last in spans]
    return [_name(number, sounds, means) for number in range(len(spans))]


def _sound(levels: Mapping[str, Array], span: tuple[int, int]) -> _Sound:
    whole = sum((one.sum(axis=1) for one in levels.values()), np.zeros(1))
    on = {name: _plays(one.sum(axis=1), span) for name, one in levels.items()}
    loudness = float(_decibels(whole[span[0] : span[1]].mean()))
    return _Sound(loudness, on.get("vocals", False), on.get("drums", False), on.get("bass", False))


def _plays(power: Array, span: tuple[int, int]) -> bool:
    """Whether a stem plays in most bars of a section."""
    loud = float(np.percentile(_decibels(power), 90))
    bars = _decibels(power[span[0] : span[1]])
    return loud > _FLOOR_DB and float(np.median(bars)) > loud - _ON_DB


def _name(number: int, sounds: Sequence[_Sound], means: Sequence[Array]) -> str:
    here, last = sounds[number], len(sounds) - 1
    top = max(sound.loudness for sound in sounds)
    loud = here.loudness > top + _MOST_DB
    if number in (0, last) and last > 0 and not (here.vocals and here.drums and here.bass):
        return "intro" if number == 0 else "outro"
    if not here.drums:
        return "break"
    if loud and here.bass and (number == 0 or not (sounds[number - 1].drums and sounds[number - 1].bass)):
        return "drop"
    if here.vocals:
        again = sum(_cosine(means[number], mean) > _ALIKE for mean in means) > 1
        return "chorus" if loud and again else "verse"
    return "drop" if loud and here.bass else "build" if number < last and not here.bass else "instrumental"


def _cosine(one: Array, other: Array) -> float:
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9))


def _decibels(power: Array) -> Array:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))
