"""Which beats begin a bar: where the harmony changes, where the song turns, and where the kick is, not the snare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stem_cli.dsp.chroma import Chroma
from stem_cli.dsp.framing import Floats
from stem_cli.dsp.onsets import CLAP, KICK, SNARE, Array, Novelty, unit

METRES = (4, 3)
_TURN_BARS = 2
_TURN_DB, _TURN_MOST_DB, _QUIET_DB = 1.5, 6.0, 30.0
"""A jump of loudness of so much is a turn; more counts no more, and below the loudest beat by so much is silence."""
_CHANGE_WEIGHT, _TURN_WEIGHT, _KICK_WEIGHT, _CLAP_WEIGHT, _FIRST_WEIGHT = 2.0, 3.5, 3.5, 1.2, 0.4
"""How much it tells of a downbeat that harmony changes there, that the song turns, that kick and not snare is struck,
and that the song begins there. Fitted as those of placing.py, to the same songs: of 115 8 are wrong."""
_THREE_ODDS, _THREE_LEAST = 1.5, 1.0
"""Three has to be this much likelier than four, and as plain: nearly all songs are in four, but of a minute of a real
one little repeats at all. Waltzes have 2.7 and more, such minutes 0.4 where three is likelier than that."""
_HAIR_SECONDS = 0.005
_SEVEN, _NOT_SEVEN = 7, (3, 4, 6, 8)
_SEVEN_ODDS, _SEVEN_LEAST = 1.5, 0.9
"""Likewise: songs in seven have 1.1 and more, minutes of real ones in four up to 0.75."""


@dataclass(frozen=True)
class Bar:
    """beats: to a bar. phase: which of the first ones begins a bar. parts: 2 where half beats are what is counted."""

    beats: int
    phase: int
    parts: int = 1


@dataclass(frozen=True)
class Cues:
    """What tells bars apart, a number a beat: change of each harmony (0 to 1), loudness in dB, and of drums (0 to 1)
    kick, the body of a snare, and the crack of a snare or clap that is struck without a kick."""

    changes: tuple[Array, ...]
    loudness: Array
    kick: Array
    snare: Array
    clap: Array

    @property
    def change(self) -> Array:
        """Of all harmonies together."""
        return np.asarray(sum(self.changes, np.zeros(len(self.loudness))))


def cues_of(beats: Array, harmonies: tuple[Chroma, ...], drums: Novelty, loudness: Array) -> Cues:
    """The cues at these beats. harmonies: of bass and of chords. loudness: of each beat, dB."""
    kick, snare, clap = (unit(_at_beats(drums.flux[band], drums.rate, beats)) for band in (KICK, SNARE, CLAP))
    return Cues(tuple(changes(one, beats) for one in harmonies), loudness, kick, snare, clap * (1 - kick))


def divided(beats: Array, parts: int) -> Array:
    """The beats with those between them, `parts` of each, and those before the first one that are in the song."""
    places = np.arange(parts * (len(beats) - 1) + 1) / parts
    before = beats[0] - (beats[1] - beats[0]) * np.arange(parts - 1, 0, -1) / parts
    return np.concatenate([before[before > -_HAIR_SECONDS], np.interp(places, np.arange(len(beats)), beats)])


def bar_of(cues: Cues, halves: Cues, beats_per_bar: int = 0) -> Bar:
    """How the beats make bars. halves: the cues of the beats and of the half beats between them.

    beats_per_bar: where it is known.
    """
    if beats_per_bar:
        return Bar(beats_per_bar, _phase(cues, beats_per_bar))
    for parts, told in ((2, halves), (1, cues)):  # what repeats after seven halves does so after seven beats, too
        if _in_seven(told):
            return Bar(_SEVEN, _phase(told, _SEVEN), parts)
    scores = {metre: _repeats(cues, metre) + _repeats(cues, 2 * metre) for metre in METRES}
    metre = 3 if scores[3] > max(_THREE_ODDS * scores[4], _THREE_LEAST) else 4
    return Bar(metre, _phase(cues, metre))


def _in_seven(cues: Cues) -> bool:
    """Whether bars have seven of these beats: what is struck then repeats after seven, and after no even number."""
    return _repeats(cues, _SEVEN) > max(_SEVEN_ODDS * max(_repeats(cues, other) for other in _NOT_SEVEN), _SEVEN_LEAST)


def _repeats(cues: Cues, metre: int) -> float:
    return _strength(cues.change, metre) + _strength(cues.kick - cues.snare, metre)


def _phase(cues: Cues, metre: int) -> int:
    turns = _turns(cues.loudness, _TURN_BARS * metre)
    told = _TURN_WEIGHT * _means(turns / max(turns.sum(), 1e-9), metre) * len(turns) / metre
    for change in cues.changes:
        told += _CHANGE_WEIGHT * _means(change / max(change.mean(), 1e-9), metre)
    told += _KICK_WEIGHT * _means(cues.kick, metre) - _CLAP_WEIGHT * _means(cues.clap, metre)
    told[_first_heard(cues.loudness) % metre] += _FIRST_WEIGHT
    return int(np.argmax(told))


def _means(values: Array, metre: int) -> Array:
    """Of each beat of the bars."""
    return np.array([values[phase::metre].mean() if len(values) > phase else 0.0 for phase in range(metre)])


def _first_heard(loudness: Array) -> int:
    """The beat in which the song begins to sound."""
    return int(np.argmax(loudness > loudness.max(initial=-120.0) - 2 * _QUIET_DB))


def _turns(loudness: Array, span: int) -> Array:
    """How much louder or softer the song is after each beat than before it, where that is much; 0 elsewhere.

    span: beats before and after, whole bars of them.
    """
    padded = np.pad(np.maximum(loudness, loudness.max(initial=-120.0) - _QUIET_DB), span, mode="edge")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    means = (sums[span:] - sums[:-span]) / span
    jumps = np.abs(means[span:] - means[:-span])[: len(loudness)]
    summit = jumps >= np.maximum(np.roll(jumps, 1), np.roll(jumps, -1))
    return np.where(summit & (jumps > _TURN_DB), np.minimum(jumps, _TURN_MOST_DB), 0.0)


def _strength(values: Array, metre: int) -> float:
    """How much of what varies from beat to beat repeats from bar to bar."""
    if len(values) < 4 * metre:
        return 0.0
    centred = values - values.mean()
    power = float(centred @ centred)
    if power <= 0:
        return 0.0
    return max(0.0, float(centred[metre:] @ centred[:-metre]) / power * len(values) / (len(values) - metre))


def changes(chroma: Chroma, beats: Array) -> Array:
    """How far what sounds after each beat is from what sounded before it: 1 less the cosine, 0 in silence."""
    means = between(chroma.notes(), chroma.rate, beats)
    norms = np.linalg.norm(means, axis=1)
    before, after = means[:-1], means[1:]
    product = norms[:-1] * norms[1:]
    cosine = np.where(product > 0, np.sum(before * after, axis=1) / np.where(product > 0, product, 1), 1.0)
    return np.concatenate([[0.0], np.sqrt(np.clip(1 - cosine, 0, None))])[: len(beats)]


def between(frames: Array | Floats, rate: float, beats: Array) -> Array:
    """The mean of the frames from each beat to the next one, [beats, ...]; the last beat is as long as that before."""
    edges = np.append(beats, 2 * beats[-1] - beats[-2] if len(beats) > 1 else beats[-1:] + 1)
    places = np.clip(np.round(edges * rate).astype(int), 0, len(frames))
    sums = np.concatenate([np.zeros((1, *frames.shape[1:])), np.cumsum(frames, axis=0, dtype=np.float64)])
    counts = np.maximum(np.diff(places), 1).reshape(-1, *(1,) * (frames.ndim - 1))
    return np.asarray((sums[places[1:]] - sums[places[:-1]]) / counts)


def _at_beats(flux: Array, rate: float, beats: Array) -> Array:
    """The most that is new within 30 ms of each beat."""
    reach = max(1, round(0.03 * rate))
    padded = np.pad(flux, reach)
    places = np.clip(np.round(beats * rate).astype(int), 0, max(0, len(flux) - 1))
    return np.asarray(padded[places[:, None] + np.arange(2 * reach + 1)].max(axis=1), np.float64)
