"""How fast a song is: a first guess from how its novelty repeats, then a comb over its onsets, then the octave.

What it was measured at is in docs/analysis.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from stem_cli.dsp.onsets import KICK, SNARE, Array, Novelty, Onsets
from stem_cli.dsp.peaks import peaks_of

SLOWEST, FASTEST = 60.0, 200.0
USUAL = (70.0, 180.0)
"""What a tempo is told in, where neither a tag nor the genre says otherwise."""
_STEP_BPM = 0.02
_MULTIPLES = (1, 2, 4, 8, 16)
"""Beats after which a song repeats itself."""
_GUESSES = 4
_REPEATS = 4
"""The power to which it counts how much of a song repeats."""
_APART_BPM = 1.0
_SPREAD = 0.01
"""How far a first guess may be off."""
_FINENESS = 20
"""Steps within the main lobe of the comb, which is 60 / (seconds of the song) BPM wide."""
_LONG_SECONDS = 20 * 60.0
"""Of more than this the comb is no finer: least squares do the rest."""
_AT_ONCE = 1 << 21

_MOVES_SECONDS, _WHOLE_MOVES_SECONDS = 0.001, 0.005
"""A round tempo may move no beat by more: with 4 ms, 132.017 became 132.02 and cost 3 ms. One that is a whole number,
as that of most music made with a computer is, may move them by more: where half a minute is heard, samples that begin
beside the grid cost that much."""

_STRONG = 0.45
_STRONG_GAP_SECONDS = 0.09
_HITS_A_BEAT, _HITS_WIDTH = 1.05, 0.45
_USUAL_BPM, _USUAL_WIDTH = 122.0, 0.8
"""Of octaves: how many strong hits there are to a beat, and how fast music is."""

GENRES: tuple[tuple[tuple[str, ...], float, float], ...] = (
    (("drum and bass", "drum & bass", "drum n bass", "dnb", "d&b", "jungle", "neurofunk"), 155.0, 185.0),
    (("trap", "dubstep"), 130.0, 160.0),
    (("hip hop", "hip-hop", "rap", "r&b", "rnb", "boom bap", "reggae"), 65.0, 115.0),
    (("house", "disco", "garage"), 110.0, 135.0),
    (("techno", "trance"), 118.0, 155.0),
    (("hardcore", "gabber", "hardstyle"), 145.0, 200.0),
)
"""Words in a genre, and the tempo that is meant there; the first row that fits counts."""


def guesses(novelty: Novelty) -> list[tuple[float, float]]:
    """The few most likely tempos in BPM, the likeliest first, and how much of the song repeats at them, up to 5.

    The autocorrelation of the novelty, read at 1, 2, 4, 8 and 16 beats.
    """
    curve = novelty.curve
    if len(curve) < novelty.rate or not curve.any():
        return []
    curve = curve - curve.mean()
    count = len(curve)
    spectrum = fft.rfft(curve, fft.next_fast_len(2 * count, real=True))
    repeats = fft.irfft(np.abs(spectrum) ** 2)[:count] / np.arange(count, 0, -1)
    tempos = np.arange(SLOWEST, FASTEST + _STEP_BPM / 2, _STEP_BPM)
    lags = 60 / tempos * novelty.rate
    most = count / 2
    read = [np.where(lags * many < most, np.interp(lags * many, np.arange(count), repeats), 0) for many in _MULTIPLES]
    score = np.sum(read, axis=0)
    peaks = peaks_of(score, distance=round(_APART_BPM / _STEP_BPM))
    best = sorted(peaks, key=lambda peak: -score[peak])[:_GUESSES]
    return [(float(tempos[peak]), float(score[peak] / max(repeats[0], 1e-12))) for peak in best]


def comb(onsets: Onsets, tempos: Array) -> Array:
    """How well the onsets sit on a grid of beats, half beats and quarter beats of each tempo: 0 to 3."""
    weights = onsets.weights / max(onsets.weights.sum(), 1e-12)
    out = np.zeros(len(tempos))
    rows = max(1, _AT_ONCE // max(1, len(onsets)))
    for first in range(0, len(tempos), rows):
        turns = tempos[first : first + rows, None] / 60 * onsets.times
        for many in (1, 2, 4):
            out[first : first + rows] += np.abs(np.exp(-2j * np.pi * many * turns) @ weights)
    return out


def refined(onsets: Onsets, bpm: float, seconds: float) -> tuple[float, float]:
    """The tempo next to a guess that the onsets sit on best, and how well they do (see `comb`)."""
    step = 60 / float(np.clip(seconds, 10.0, _LONG_SECONDS)) / _FINENESS
    tempos = np.arange(bpm * (1 - _SPREAD), bpm * (1 + _SPREAD), step)
    scores = comb(onsets, tempos)
    best = int(np.argmax(scores))
    return float(tempos[best]), float(scores[best])


def likeliest(novelty: Novelty, onsets: Onsets) -> float | None:
    """The tempo at which most repeats and on which the onsets sit best, in any octave; None for silence.

    What repeats counts most: triplets sit better on the beats of a tempo that is half as fast again.
    """
    tried = [(repeats, *refined(onsets, bpm, novelty.seconds)) for bpm, repeats in guesses(novelty)]
    return max(tried, key=lambda one: one[0] ** _REPEATS * one[2])[1] if tried else None


def strong_hits_a_second(novelty: Novelty) -> float:
    """How many strong strokes of kick and snare there are in a second in which drums play."""
    loud = novelty.flux[[KICK, SNARE]].max(axis=0)
    top = float(np.percentile(loud, 99)) if loud.size else 0.0
    if top <= 0:
        return 0.0
    hits = peaks_of(loud, height=_STRONG * top, distance=max(1, round(_STRONG_GAP_SECONDS * novelty.rate)))
    playing = np.unique((hits / novelty.rate).astype(int) // 2)  # stretches of two seconds
    return len(hits) / (2 * len(playing)) if len(playing) else 0.0


def octave(bpm: float, hits_a_second: float, hint_bpm: float = 0.0, genre: str = "") -> float:
    """Half, once or twice the tempo: as the hint (a tag of the file) has it, else as the genre, else as the hits say.

    The tempo itself is never moved.

    >>> octave(87.0, 0.0, hint_bpm=174.1), octave(184.0, 0.0, genre="Hip-Hop"), octave(124.0, 2.1)
    (174.0, 92.0, 124.0)
    """
    choices = [one for one in (bpm / 2, bpm, bpm * 2) if SLOWEST <= one <= FASTEST]
    if hint_bpm > 0:
        close = [one for one in choices if abs(one / hint_bpm - 1) < 0.04]
        if close:
            return close[0]
    low, high = _range_of(genre)
    fitting = [one for one in choices if low <= one <= high]
    return max(fitting or choices or [bpm], key=lambda one: _likeliness(one, hits_a_second))


def _range_of(genre: str) -> tuple[float, float]:
    words = genre.lower()
    return next(((low, high) for names, low, high in GENRES if any(name in words for name in names)), USUAL)


def _likeliness(bpm: float, hits_a_second: float) -> float:
    usual = np.exp(-0.5 * (np.log2(bpm / _USUAL_BPM) / _USUAL_WIDTH) ** 2)
    if hits_a_second <= 0:
        return float(usual)
    hits = np.log2(hits_a_second * 60 / bpm / _HITS_A_BEAT) / _HITS_WIDTH
    return float(usual * np.exp(-0.5 * hits**2))


def rounded(bpm: float, beats: float, places: Sequence[float] = (1, 0.5, 0.1, 0.05, 0.01)) -> float:
    """The roundest tempo that moves no beat by more than a millisecond, over so many beats; else the tempo itself.

    A whole number may move them by five.

    >>> rounded(123.9999, 500), rounded(132.017, 500)
    (124.0, 132.017)
    """
    for place in places:
        near = round(bpm / place) * place
        if abs(60 / near - 60 / bpm) * beats / 2 < (_WHOLE_MOVES_SECONDS if place == 1 else _MOVES_SECONDS):
            return float(round(near, 2))
    return bpm
