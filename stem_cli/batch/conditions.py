"""What a rule of priority may ask of a song: a table of conditions, each read from words and told in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from stem_cli.library import VOCALS, Song

ANY = "*"
"""As the name of a list: any list that was named on the command line."""

Value = tuple[str, ...] | float
"""What a condition compares with: names of which one must fit, or a number (BPM, stars, days)."""

_DAYS = {"": 1, "d": 1, "w": 7}
_FUTURE_DAYS = 1  # a file of another time zone may be a day ahead; further ahead stood a wrong clock
_BPM_MOST = 1000.0


@dataclass(frozen=True)
class Known:
    """What is known beside the song. named: the lists on the command line."""

    named: tuple[str, ...]
    today: date


@dataclass(frozen=True)
class Condition:
    """One kind of rule. read raises ValueError for words that make no sense.

    reason: why a song fulfils it, in words, or "". covers(a, b): whether every song that fulfils b fulfils a.
    """

    example: str
    read: Callable[[str], Value]
    reason: Callable[[Song, Value, Known], str]
    covers: Callable[[Value, Value], bool]


def plain(text: str) -> str:
    """Without the differences that nobody means: case, Unicode form, how many spaces."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def parted(text: str, sign: str) -> list[str]:
    """The parts between the signs, save those within double quotes."""
    return [part.strip() for part in re.split(rf'{re.escape(sign)}(?=(?:[^"]*"[^"]*")*[^"]*$)', text)]


# ------------------------------------------------------------------------------------------------------------- names


def _names(text: str) -> Value:
    """Names parted by bars; quotes around one hold bars and semicolons together."""
    names = tuple(part.strip('"').strip() for part in parted(text, "|"))
    if not all(names):
        raise ValueError("no name")
    if len({plain(name) for name in names}) < len(names):
        raise ValueError("a name stands there twice")
    return names


def _within(crate: str, name: str) -> bool:
    """Whether a list is the one of that name, or lies in the folder of that name."""
    return plain(crate) == plain(name) or plain(crate).startswith(f"{plain(name)}/")


def _in_crate(song: Song, value: Value, known: Known) -> str:
    assert isinstance(value, tuple)
    names = [one for name in value for one in (known.named if name == ANY else (name,))]
    found = next((crate for name in names for crate in song.crates if _within(crate, name)), "")
    return f"in {found}" if found else ""


def _crates_cover(wide: Value, narrow: Value) -> bool:
    assert isinstance(wide, tuple)
    assert isinstance(narrow, tuple)
    return all(any(_within(inner, outer) for outer in wide) for inner in narrow)


def _contains(field: str) -> Callable[[Song, Value, Known], str]:
    def reason(song: Song, value: Value, _known: Known) -> str:
        assert isinstance(value, tuple)
        told = str(getattr(song, field))
        return f"{field} {told}" if any(plain(one) in plain(told) for one in value) else ""

    return reason


def _texts_cover(wide: Value, narrow: Value) -> bool:
    assert isinstance(wide, tuple)
    assert isinstance(narrow, tuple)
    return all(any(plain(outer) in plain(inner) for outer in wide) for inner in narrow)


def _vocals(text: str) -> Value:
    if plain(text) not in VOCALS:
        raise ValueError(text)
    return (plain(text),)


def _sings(song: Song, value: Value, _known: Known) -> str:
    return {"yes": "vocals", "no": "no vocals"}.get(song.vocals, "vocals unknown") if (song.vocals,) == value else ""


# ----------------------------------------------------------------------------------------------------------- numbers


def _number(text: str, least: float, most: float) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", text) or not least <= float(text) <= most:
        raise ValueError(text)
    return float(text)


def _bpm(text: str) -> Value:
    return _number(text, 0, _BPM_MOST)


def _stars(text: str) -> Value:
    if _number(text, 1, 5) % 1:
        raise ValueError(text)
    return float(text)


def _days(text: str) -> Value:
    found = re.fullmatch(r"(\d{1,5})\s*([dw]?)", plain(text))
    if not found or not int(found[1]):
        raise ValueError(text)
    return float(int(found[1]) * _DAYS[found[2]])


def _faster(song: Song, value: Value, _known: Known) -> str:
    assert isinstance(value, float)
    return f"{song.bpm:g} BPM" if song.bpm is not None and song.bpm > value else ""


def _slower(song: Song, value: Value, _known: Known) -> str:
    assert isinstance(value, float)
    return f"{song.bpm:g} BPM" if song.bpm is not None and 0 < song.bpm < value else ""


def _rated(song: Song, value: Value, _known: Known) -> str:
    assert isinstance(value, float)
    return f"{song.rating} of 5 stars" if song.rating is not None and song.rating >= value else ""


def _added(song: Song, value: Value, known: Known) -> str:
    assert isinstance(value, float)
    try:
        age = (known.today - date.fromisoformat(song.added)).days
    except ValueError:
        return ""
    return f"added {song.added}" if -_FUTURE_DAYS <= age <= value else ""


def _lower(wide: Value, narrow: Value) -> bool:
    return isinstance(wide, float) and isinstance(narrow, float) and wide <= narrow


def _higher(wide: Value, narrow: Value) -> bool:
    return _lower(narrow, wide)


CONDITIONS: Mapping[str, Condition] = {
    "crate in": Condition("crate in Stem Me | Gigs/Saturday", _names, _in_crate, _crates_cover),
    "genre contains": Condition("genre contains House", _names, _contains("genre"), _texts_cover),
    "artist contains": Condition("artist contains Daft Punk", _names, _contains("artist"), _texts_cover),
    "title contains": Condition("title contains Remix | Edit", _names, _contains("title"), _texts_cover),
    "bpm above": Condition("bpm above 120", _bpm, _faster, _lower),
    "bpm below": Condition("bpm below 100", _bpm, _slower, _higher),
    "vocals": Condition("vocals yes", _vocals, _sings, lambda wide, narrow: wide == narrow),
    "added within": Condition("added within 30d", _days, _added, _higher),
    "rating at least": Condition("rating at least 4", _stars, _rated, _lower),
}
"""By its first words, every condition there is."""
