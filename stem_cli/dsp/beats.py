"""The beats of a song: where they are, which of them begin a bar, and how fast they go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BeatGrid:
    """The beats of a song.

    bpm: exact where the tempo is constant, else what most of the song has. first_downbeat: seconds of the first beat
    that begins a bar. beats: seconds of every beat, rising, from the first to the last in the song; bars that begin
    before the sound does are left out. beats_per_bar: 4, 3, 7 ... constant: whether beats are `first + k * 60 / bpm`.
    confidence: 0 to 1, the share of what was played on the drums that falls on the grid.
    """

    bpm: float
    first_downbeat: float
    beats: tuple[float, ...]
    beats_per_bar: int = 4
    constant: bool = True
    confidence: float = 0.0

    @property
    def downbeats(self) -> tuple[float, ...]:
        """Seconds of the beats that begin a bar."""
        first = self.beats.index(self.first_downbeat)
        return self.beats[first % self.beats_per_bar :: self.beats_per_bar]
