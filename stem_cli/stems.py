"""The table of stems: every stem this program knows, once.

Whoever needs to know something about a stem asks this table instead of comparing names.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Stem:
    """One stem.

    name: as in options and file names. title: as in tags, "Song (Vocals)". singular: ends the artifact kind.
    colour: of pads and tracks. family: the stem of FOUR it belongs to. order: place in every list.
    without: name of everything else ("no_drums").
    spill: who takes what `other` cannot hold in the exact sum, lowest first; None takes nothing.
    """

    name: str
    title: str
    singular: str
    colour: str
    family: str
    order: int
    without: str
    spill: int | None = None

    @property
    def kind(self) -> str:
        """The kind of artifact a file of this stem is registered as, ``audio_stem_vocal``."""
        return f"audio_stem_{self.singular}"


_OKABE_ITO = {"green": "#009E73", "red": "#D55E00", "pink": "#CC79A7", "blue": "#56B4E9", "yellow": "#F0E442",
              "orange": "#E69F00", "navy": "#0072B2", "grey": "#999999"}  # fmt: skip

_ROWS = (
    # name, title, singular, colour, family, without, spill
    ("vocals", "Vocals", "vocal", "blue", "vocals", "instrumental", 2),
    ("lead_vocals", "Lead Vocals", "lead_vocal", "blue", "vocals", "no_lead_vocals", None),
    ("backing_vocals", "Backing Vocals", "backing_vocal", "navy", "vocals", "no_backing_vocals", None),
    ("drums", "Drums", "drum", "green", "drums", "no_drums", 0),
    ("kick", "Kick", "kick", "green", "drums", "no_kick", None),
    ("snare", "Snare", "snare", "green", "drums", "no_snare", None),
    ("toms", "Toms", "tom", "green", "drums", "no_toms", None),
    ("hats", "Hats", "hat", "green", "drums", "no_hats", None),
    ("cymbals", "Cymbals", "cymbal", "green", "drums", "no_cymbals", None),
    ("ride", "Ride", "ride", "green", "drums", "no_ride", None),
    ("crash", "Crash", "crash", "green", "drums", "no_crash", None),
    ("bass", "Bass", "bass", "red", "bass", "no_bass", 1),
    ("guitar", "Guitar", "guitar", "orange", "other", "no_guitar", None),
    ("piano", "Piano", "piano", "yellow", "other", "no_piano", None),
    ("other", "Other", "other", "pink", "other", "no_other", None),
)

TABLE: dict[str, Stem] = {
    name: Stem(name, title, singular, _OKABE_ITO[colour], family, order, without, spill)
    for order, (name, title, singular, colour, family, without, spill) in enumerate(_ROWS)
}

FOUR = ("vocals", "drums", "bass", "other")
SIX = ("vocals", "drums", "bass", "guitar", "piano", "other")
SEVEN = ("lead_vocals", "backing_vocals", "drums", "bass", "guitar", "piano", "other")

PARTS = {
    "vocals": ("lead_vocals", "backing_vocals"),
    "drums": ("kick", "snare", "toms", "hats", "cymbals", "ride", "crash"),
}
"""What a stem can be divided into by a second pass; a model need not know all of them."""

REMAINDER = "other"
"""The stem that takes what the others leave of the song, so that the sum is exact."""

COMPLEMENTS: dict[str, str] = {stem.without: stem.name for stem in TABLE.values()}
"""``instrumental`` -> ``vocals``: the song without that stem."""

ALIASES: dict[str, str] = {"acapella": "vocals"}
"""Other names for a stem, each written as a file of its own by ``--also``."""


def is_voice(name: str) -> bool:
    """Whether a name is a stem of the family of vocals; a song without one is none."""
    return name in TABLE and TABLE[name].family == "vocals"


def whole_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names with parts replaced by the stems that they are parts of, each once.

    >>> whole_of(("lead_vocals", "drums"))
    ('vocals', 'drums')
    """
    wholes = {part: stem for stem, parts in PARTS.items() for part in parts}
    return tuple(dict.fromkeys(wholes.get(name, name) for name in names))


def adding_up(names: Collection[str]) -> tuple[str, ...]:
    """Of files known by their names, those that are the stems of a song, none of them twice.

    >>> adding_up(["vocals", "lead_vocals", "drums", "instrumental"]), adding_up(["vocals", "instrumental"])
    (('vocals', 'drums'), ('vocals', 'instrumental'))
    """
    there = [name for name in names if name in TABLE]
    found = [name for name in there if not any(name in parts for stem, parts in PARTS.items() if stem in there)]
    if len(found) == 1 and TABLE[found[0]].without in names:
        found.append(TABLE[found[0]].without)
    return tuple(found)


def is_whole(names: Collection[str]) -> bool:
    """Whether stems, none of them twice, are all of a song: one of every family, or one and the song without it."""
    families = {TABLE[name].family for name in names if name in TABLE}
    return families >= set(FOUR) or any(COMPLEMENTS.get(name) in names for name in names)


def ordered(names: tuple[str, ...] | list[str] | set[str]) -> tuple[str, ...]:
    """The names in the order of the table, each once; unknown names come last, sorted."""
    return tuple(sorted(dict.fromkeys(names), key=lambda name: (TABLE[name].order if name in TABLE else 99, name)))


def title(name: str) -> str:
    """What a tag calls a stem, a complement or an alias: "Vocals", "Instrumental", "No Drums"."""
    if name in TABLE:
        return TABLE[name].title
    return name.replace("_", " ").title()


def kind(name: str) -> str:
    """The kind of artifact a file is registered as, for stems and for complements (``audio_stem_instrumental``)."""
    return TABLE[name].kind if name in TABLE else f"audio_stem_{name}"
