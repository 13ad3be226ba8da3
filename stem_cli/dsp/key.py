"""The key of a song, and its names: F#m, 11A on the Camelot wheel, 4m in Traktor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stem_cli.dsp.onsets import Array

_PROFILES = {
    "major": (1, 0, 0.42, 0, 0.53, 0.37, 0, 0.77, 0, 0.38, 0.21, 0.30),
    "minor": (1, 0, 0.36, 0.39, 0, 0.38, 0, 0.74, 0.27, 0, 0.42, 0.23),
}
"""How much each note counts, the tonic first: "bgate" of Faraldo et al., ECIR 2016, learned from dance music."""
_NAMES = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm"),
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHIFTS = {"#": 1, "♯": 1, "b": -1, "♭": -1}


@dataclass(frozen=True)
class Key:
    """A key: tonic 0 (C) to 11 (B), mode "major" or "minor"."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """As ID3 and Vorbis tags have it: "Am", "Eb"."""
        return _NAMES[self.mode][self.tonic]

    @property
    def camelot(self) -> str:
        """On the Camelot wheel.

        >>> Key(9, "minor").camelot, Key(0, "major").camelot, Key(6, "minor").camelot
        ('8A', '8B', '11A')
        """
        return f"{self._wheel}{'B' if self.mode == 'major' else 'A'}"

    @property
    def open_key(self) -> str:
        """As Traktor names it.

        >>> Key(9, "minor").open_key, Key(0, "major").open_key
        ('1m', '1d')
        """
        return f"{(self._wheel + 4) % 12 + 1}{'d' if self.mode == 'major' else 'm'}"

    @property
    def _wheel(self) -> int:
        major = self.tonic if self.mode == "major" else self.tonic + 3
        return (7 * major + 7) % 12 + 1

    def related(self, other: Key) -> bool:
        """Whether they mix: the same, a step on the wheel, or relative, or the same tonic in the other mode."""
        apart = (self._wheel - other._wheel) % 12
        if self.mode == other.mode:
            return apart in (0, 1, 11)
        return apart == 0 or self.tonic == other.tonic


@dataclass(frozen=True)
class KeyFound:
    """A key that was heard. second: the next likeliest. confidence: 0 to 1, how far ahead the first one is."""

    key: Key
    second: Key
    confidence: float


def key_of(notes: Array) -> KeyFound | None:
    """The key out of how much of each note sounds, [12], C first; None for silence."""
    if not np.any(notes > 0) or np.ptp(notes) == 0:
        return None
    scores = {
        Key(tonic, mode): float(np.corrcoef(notes, np.roll(profile, tonic))[0, 1])
        for mode, profile in _PROFILES.items()
        for tonic in range(12)
    }
    first, second = sorted(scores, key=lambda key: -scores[key])[:2]
    return KeyFound(first, second, min(1.0, max(0.0, 2 * (scores[first] - scores[second]))))


def parsed(text: str) -> Key | None:
    """A key out of what tags hold: "Am", "A minor", "F#m", "Bbmaj", "8A", "1m", "11B - Energy 7"; None for others.

    >>> [parsed(one) and parsed(one).name for one in ("8A", "1m", "Db minor", "gm", "F♯", "o", "Energy")]
    ['Am', 'Am', 'C#m', 'Gm', 'F#', None, None]
    """
    word = text.strip()
    for key in (Key(tonic, mode) for mode in _PROFILES for tonic in range(12)):
        first = word.split(" ")[0].lower().lstrip("0")
        if first in (key.camelot.lower(), key.open_key.lower()):
            return key
    tonic = _LETTERS.get(word[:1].upper())
    if tonic is None:
        return None
    rest = word[1:]
    if rest[:1] in _SHIFTS:
        tonic, rest = tonic + _SHIFTS[rest[:1]], rest[1:]
    mode = {"": "major", "m": "minor", "min": "minor", "minor": "minor", "maj": "major", "major": "major"}.get(
        rest.strip() if rest.strip() == "M" else rest.strip().lower()
    )
    return None if mode is None else Key(tonic % 12, mode)
