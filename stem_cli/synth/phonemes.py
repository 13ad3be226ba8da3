"""What a mouth does: vowels as resonances, consonants as glides and noises, and the syllables made of them."""

from __future__ import annotations

from dataclasses import dataclass

VOWELS: dict[str, tuple[float, float, float]] = {
    "i": (310, 2790, 3310),
    "e": (610, 2330, 2990),
    "ae": (860, 2050, 2850),
    "a": (850, 1220, 2810),
    "o": (590, 920, 2710),
    "u": (370, 950, 2670),
    "uh": (760, 1400, 2780),
    "m": (280, 1100, 2400),
    "n": (290, 1700, 2600),
    "l": (380, 1250, 2900),
}
"""The first three formants in Hz: women's averages of Peterson and Barney (1952); the nasals and l by ear."""

HUMMED: dict[str, float] = {"m": 0.35, "n": 0.35, "l": 0.55}
"""How loud the sounds of a nearly closed mouth are."""


@dataclass(frozen=True)
class Noise:
    """A consonant of breath: a band of noise (Hz, width as a fraction of it) that leads up to the vowel.

    seconds: its length, ending ``gap`` seconds before the vowel's full voice. level: against the vowel.
    centre 0 is breath through the vowel's own resonances.
    """

    centre: float
    width: float
    seconds: float
    level: float
    gap: float = 0.0


NOISES: dict[str, Noise] = {
    "h": Noise(0, 0, 0.08, 0.5),
    "s": Noise(6800, 0.5, 0.1, 0.22),
    "d": Noise(4200, 0.7, 0.018, 0.3, 0.006),
}


@dataclass(frozen=True)
class Syllable:
    """A consonant ("" for none, a name of :data:`NOISES`) and the mouth's way through vowels.

    A first vowel that is a hum, or ``quick``, is left again within a tenth of a second.
    """

    noise: str
    vowels: tuple[str, ...]
    quick: bool = False


SYLLABLES: dict[str, Syllable] = {
    "ah": Syllable("", ("a",)),
    "oh": Syllable("", ("o", "u")),
    "ooh": Syllable("", ("u",)),
    "hey": Syllable("h", ("e", "i")),
    "day": Syllable("d", ("e", "i")),
    "dah": Syllable("d", ("a",)),
    "doo": Syllable("d", ("u",)),
    "say": Syllable("s", ("e", "i")),
    "see": Syllable("s", ("i",)),
    "mah": Syllable("", ("m", "a"), quick=True),
    "nah": Syllable("", ("n", "a"), quick=True),
    "lah": Syllable("", ("l", "a"), quick=True),
    "wah": Syllable("", ("u", "a"), quick=True),
    "way": Syllable("", ("u", "e", "i"), quick=True),
    "yeah": Syllable("", ("i", "e", "ae", "uh"), quick=True),
}
"""Every syllable that a note may carry."""
