"""Time signatures: how many beats a bar has, and what a beat is in the quarters that Live counts."""

from __future__ import annotations

from dataclasses import dataclass

from stem_cli.dsp.beats import BeatGrid

_QUARTER = 4


@dataclass(frozen=True)
class Metre:
    """A time signature, such as 4/4 or 7/8."""

    numerator: int = 4
    denominator: int = 4

    @property
    def number(self) -> int:
        """How Live writes it: 4/4 is 201, 3/4 is 200, 6/8 is 302."""
        return self.numerator - 1 + 99 * (self.denominator.bit_length() - 1)

    @property
    def unit(self) -> float:
        """A beat, in quarters."""
        return _QUARTER / self.denominator

    @property
    def bar(self) -> float:
        """A bar, in quarters."""
        return self.numerator * self.unit


def metre_of(grid: BeatGrid) -> Metre:
    """The time signature of a song's grid.

    >>> metre_of(BeatGrid(124.0, 0.0, (0.0,))), metre_of(BeatGrid(280.0, 0.0, (0.0,), beats_per_bar=7))
    (Metre(numerator=4, denominator=4), Metre(numerator=7, denominator=8))
    """
    return Metre(grid.beats_per_bar, grid.beat_unit)
