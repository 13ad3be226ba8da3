"""The little music theory that composing needs: keys, scales, chords in thirds, their names and voicings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from stem_cli.dsp import key

SCALES: dict[str, tuple[int, ...]] = {
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "major": (0, 2, 4, 5, 7, 9, 11),
}
"""Semitones above the tonic."""

SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
FLAT_KEYS = frozenset({"F", "Bb", "Eb", "Ab", "Db", "Dm", "Gm", "Cm", "Fm", "Bbm", "Ebm"})
"""The keys whose chords are spelled with flats."""

QUALITIES: dict[tuple[int, ...], str] = {
    (0, 3, 7): "m",
    (0, 4, 7): "",
    (0, 3, 6): "dim",
    (0, 3, 7, 10): "m7",
    (0, 4, 7, 11): "maj7",
    (0, 4, 7, 10): "7",
    (0, 3, 6, 10): "m7b5",
}
"""Semitones above the root -> what follows the root in a chord's name."""


@dataclass(frozen=True)
class Key(key.Key):
    """A key whose mode is a name of :data:`SCALES`, with its scale and chords."""

    def pitch_class(self, degree: int) -> int:
        """The pitch class of a scale degree; 0 is the tonic, 7 the tonic again."""
        scale = SCALES[self.mode]
        return (self.tonic + scale[degree % len(scale)]) % 12

    def chord(self, degree: int, size: int = 4) -> tuple[int, ...]:
        """Pitch classes of the chord built in thirds on a degree, root first."""
        return tuple(self.pitch_class(degree + 2 * third) for third in range(size))

    def spell(self, chord: tuple[int, ...]) -> str:
        """The chord's name, "Fm7"."""
        steps = tuple((pitch - chord[0]) % 12 for pitch in chord)
        return (FLATS if self.name in FLAT_KEYS else SHARPS)[chord[0]] + QUALITIES[steps]

    def pitches(self, low: int, high: int) -> tuple[int, ...]:
        """Every MIDI pitch of the scale from low to high."""
        classes = {self.pitch_class(degree) for degree in range(7)}
        return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in classes)


KEYS: dict[str, Key] = {key.name: key for mode in SCALES for tonic in range(12) for key in (Key(tonic, mode),)}
"""Every key by its name."""


def above(pitch_class: int, lowest: int) -> int:
    """The first MIDI pitch of that class at or above ``lowest``."""
    return lowest + (pitch_class - lowest) % 12


def voicing(chord: tuple[int, ...], lowest: int) -> tuple[int, ...]:
    """The chord inside the octave above ``lowest``: a tone that two chords share keeps its place."""
    return tuple(sorted(above(pitch_class, lowest) for pitch_class in chord))


def nearest(pitch: int, choices: tuple[int, ...]) -> int:
    """The choice closest to ``pitch``, the lower of two equally close."""
    return min(choices, key=lambda choice: (abs(choice - pitch), choice))


@overload
def hertz(pitch: float) -> float: ...
@overload
def hertz(pitch: NDArray[np.float64]) -> NDArray[np.float64]: ...
def hertz(pitch: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Frequency of a MIDI pitch in equal temperament, A4 = 440 Hz.

    >>> hertz(69)
    440.0
    """
    return 440.0 * 2.0 ** ((pitch - 69) / 12)
