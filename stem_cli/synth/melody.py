"""Tunes: where the syllables of a sung hook fall, how high they are and what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stem_cli.synth.theory import Key, nearest

RANGE = (60, 74)
"""Lowest and highest pitch of the lead: C4 to D5, comfortable for an alto."""

LEAPS = (-3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3)
"""Steps of the scale from one syllable to the next; small ones are likelier."""

LYRICS = (
    ("ooh", "wah", "doo", "yeah", "ooh", "lah", "dah", "oh", "hey"),
    ("nah", "nah", "hey", "oh", "way", "oh", "mah", "yeah"),
    ("say", "ooh", "lah", "day", "ah", "wah", "see", "oh"),
    ("oh", "way", "oh", "yeah", "doo", "lah", "ooh", "mah", "ah"),
)
"""Words that mean nothing; a hook walks through one of them."""


@dataclass(frozen=True)
class Sung:
    """One syllable: its first sixteenth counted from the start of the hook, its length in sixteenths, pitch, text."""

    step: int
    steps: int
    pitch: int
    text: str


def lengths(pattern: str, marks: str) -> list[tuple[int, int, str]]:
    """The notes of a pattern as (step, steps, mark): a mark begins one, each ``-`` after it makes it longer.

    >>> lengths("x-.o", "xo")
    [(0, 2, 'x'), (3, 1, 'o')]
    """
    starts = [step for step, mark in enumerate(pattern) if mark in marks]
    tails = [pattern[step + 1 :] for step in starts]
    return [
        (step, 1 + len(tail) - len(tail.lstrip("-")), pattern[step]) for step, tail in zip(starts, tails, strict=True)
    ]


def hook(
    rhythm: str, chords: list[tuple[int, ...]], key: Key, random: np.random.Generator, bar: int = 16
) -> list[Sung]:
    """A tune over the loop of chords (one a bar): a question of two bars of ``bar`` sixteenths, then its answer.

    The answer follows the same rhythm and contour over its own chords and comes home at its end.
    """
    beats = lengths(rhythm, "x")
    leaps = [LEAPS[random.integers(len(LEAPS))] for _ in beats]
    words = LYRICS[random.integers(len(LYRICS))]
    start = int(random.integers(RANGE[0] + 4, RANGE[1] - 3))
    tune: list[Sung] = []
    for first in range(0, len(chords), 2):
        pitch = start
        for (step, steps, _), leap in zip(beats, leaps, strict=True):
            pitch = _follow(pitch, leap, step % bar, chords[(first + step // bar) % len(chords)], key)
            tune.append(Sung(first * bar + step, steps, pitch, words[len(tune) % len(words)]))
    return [*tune[:-1], _home(tune[-1], chords[-1])]


def _follow(pitch: int, leap: int, step: int, chord: tuple[int, ...], key: Key) -> int:
    """The next pitch: a leap along the scale, then onto a tone of the chord where the beat is strong."""
    scale = key.pitches(*RANGE)
    place = scale.index(nearest(pitch, scale)) + leap
    place = -place if place < 0 else place
    place = 2 * (len(scale) - 1) - place if place >= len(scale) else place
    if step % 4:
        return scale[place]
    towards = tuple(tone for tone in tones(chord, *RANGE) if (tone - pitch) * leap > 0)
    return nearest(scale[place], towards or tones(chord, *RANGE))


def _home(last: Sung, chord: tuple[int, ...]) -> Sung:
    """The last syllable on the root, third or fifth of its chord."""
    return Sung(last.step, last.steps, nearest(last.pitch, tones(chord[:3], *RANGE)), last.text)


def tones(chord: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    """Every pitch from low to high that belongs to the chord."""
    return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in chord)
