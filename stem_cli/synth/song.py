"""What a song is before it is sound: its score, which is also its truth.

Times are seconds from the first sample, pitches are MIDI numbers (69 is the A of 440 Hz), velocities lie in 0..1.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

PARTS: dict[str, str] = {
    "lead": "vocals",
    "chop": "vocals",
    "harmony": "vocals",
    "bass": "bass",
    "pad": "other",
    "stab": "other",
    "pluck": "other",
    "riser": "other",
}
"""Every part that plays notes, and the stem it is heard in. Hits are always heard in the stem of drums."""


@dataclass(frozen=True)
class Hit:
    """One stroke on a drum of the kit; ``drum`` is a name of :data:`stem_cli.synth.drums.DRUMS`."""

    start: float
    drum: str
    velocity: float


@dataclass(frozen=True)
class Note:
    """One note of a part; ``text`` is the syllable a voice sings, a name of :data:`stem_cli.synth.voice.SYLLABLES`."""

    start: float
    seconds: float
    pitch: int
    velocity: float
    part: str
    text: str = ""

    @property
    def end(self) -> float:
        """When the key is let go; what rings on after that is the sound's own release."""
        return self.start + self.seconds


@dataclass(frozen=True)
class Chord:
    """One chord of the harmony: its name ("Fm7") and the pitches of its voicing, lowest first."""

    start: float
    end: float
    name: str
    pitches: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """A stretch of the song; ``tone`` is how far the filter on the chords is open (0..1) at its start and its end."""

    start: float
    end: float
    name: str
    tone: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Tempo:
    """From ``start`` on the beats come at ``bpm`` a minute, on average until the next of these."""

    start: float
    bpm: float


@dataclass(frozen=True)
class Song:
    """A whole song as events.

    bpm: beats a minute, where the tempo moves the one it begins with or keeps to; tempi: what it is along the song,
    one where it stands, else one a bar, or one from each jump on. genre: as a tag names it.
    key: "Fm" or "Ab". beats and downbeats: while the band plays, not in the last seconds that only ring out.
    beat_unit: 4 where a beat is a quarter, 8 where it is an eighth; the meter is beats_per_bar over beat_unit.
    sections: without gaps from 0 to ``seconds``. hits and notes: as played, so off the
    beats by the swing and by human hands; sorted by start.
    """

    style: str
    seed: int
    genre: str
    bpm: float
    tempi: tuple[Tempo, ...]
    beats_per_bar: int
    beat_unit: int
    key: str
    seconds: float
    beats: tuple[float, ...]
    downbeats: tuple[float, ...]
    chords: tuple[Chord, ...]
    sections: tuple[Section, ...]
    hits: tuple[Hit, ...]
    notes: tuple[Note, ...]

    def part(self, name: str) -> tuple[Note, ...]:
        """The notes of one part, in order."""
        return tuple(note for note in self.notes if note.part == name)

    def drum(self, name: str) -> tuple[Hit, ...]:
        """The hits of one drum, in order."""
        return tuple(hit for hit in self.hits if hit.drum == name)

    def to_dict(self) -> dict[str, Any]:
        """The event list, of nothing but dicts, tuples, strings and numbers: ready for JSON."""
        return asdict(self)


def dice(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose of one song, so that a new part leaves the luck of the others alone."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
