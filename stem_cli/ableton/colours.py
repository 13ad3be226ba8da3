"""Live's colours by number: 70 of them, named by their place in its palette.

Numbers and values: the palette as others read it off Live 11.3, equal to the tables in Ableton's control surfaces.
"""

from __future__ import annotations

from stem_cli import stems

GROUP = 13
"""White."""
ORIGINAL = 27
"""Grey."""

_STEMS = {
    "vocals": 12,  # pink, e553a0
    "lead_vocals": 12,
    "backing_vocals": 0,  # pale pink, ff94a6
    "drums": 19,  # green, 3dc300
    "kick": 19,
    "snare": 61,  # 539f31
    "toms": 47,  # 7db04d
    "hats": 18,  # 87ff67
    "cymbals": 5,  # 1aff2f
    "ride": 34,  # 9bc48d
    "crash": 33,  # bad074
    "bass": 9,  # blue, 5480e4
    "guitar": 15,  # dark orange, f66c03
    "piano": 2,  # gold, cc9927
    "other": 1,  # orange, ffa529
    "instrumental": 1,
}
_WITHOUT = {"vocals": 0, "drums": 34, "bass": 8, "other": 30}
"""A song without a stem: a pale shade of what is not in it."""


def colour_of(name: str) -> int:
    """The number of a stem's colour, of a part's, or of a song without a stem."""
    if name in _STEMS:
        return _STEMS[name]
    return _WITHOUT[stems.TABLE[stems.COMPLEMENTS[name]].family] if name in stems.COMPLEMENTS else ORIGINAL
