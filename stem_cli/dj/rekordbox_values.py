"""Values of a rekordbox.xml: how each must look, and what was meant by one that looks otherwise.

Only what can be meant in one way is mended: "124,00" is 124.00 BPM, "A minor" is Am, a space in a Location is %20.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from stem_cli.dj.rekordbox_xml import HOST, PLAIN, RATINGS, location
from stem_cli.errors import UsageError

INT, FLOAT = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_TEXT = re.compile(r".*", re.DOTALL)
FORMS: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(("TrackID", "Size", "TotalTime", "DiscNumber", "TrackNumber", "Year", "BitRate", "PlayCount"), INT),
    **dict.fromkeys(("AverageBpm", "SampleRate"), FLOAT),
    **dict.fromkeys(("DateModified", "DateAdded", "LastPlayed"), re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?")),
    **dict.fromkeys(
        ("Name", "Artist", "Composer", "Album", "Grouping", "Genre", "Kind", "Comments", "Location"), _TEXT
    ),
    **dict.fromkeys(("Remixer", "Tonality", "Label", "Mix"), _TEXT),
    "Rating": re.compile("|".join(map(str, RATINGS))),
    "Colour": re.compile("0x[0-9A-Fa-f]{6}"),
}
"""Of the attributes of a TRACK; others rekordbox does not know."""
URL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
"""What stands behind the host in a Location."""

_KEY = re.compile("(1[0-2]|0?[1-9])[ABdm]|[A-G][#b]?m?|")
"""Camelot ("8A"), Open Key ("1m") or letters ("Am"); nothing at all where no key is known."""
_LONG_KEY = re.compile(r"([A-Ga-g])\s*([#b\u266f\u266d]?)[\s-]*(major|maj|dur|minor|min|moll|m|)", re.IGNORECASE)
_MINOR = ("minor", "min", "moll", "m")
_LOOSE_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNSAFE = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+")


def number(text: str) -> str | None:
    """A number with a comma for its point, as it should be; None where it is none.

    >>> number("124,00"), number(" 9.5 "), number("1,240,00")
    ('124.00', '9.5', None)
    """
    plain = text.strip().replace(",", ".")
    return plain if FLOAT.fullmatch(plain) else None


def key(text: str) -> str | None:
    """A musical key as rekordbox shows it; None where it cannot be told.

    >>> key("Am"), key("A minor"), key("f\u266f min"), key("8a"), key("H-Moll")
    ('Am', 'Am', 'F#m', '8A', None)
    """
    plain = text.strip()
    if _KEY.fullmatch(plain):
        return plain
    if re.fullmatch("(1[0-2]|0?[1-9])[ab]", plain):
        return plain.upper()
    found = _LONG_KEY.fullmatch(plain)
    if not found or (plain[0].islower() and not found[3]):  # a lone "a" is minor for some, major for others
        return None
    sign = found[2].lower().replace("\u266f", "#").replace("\u266d", "b")
    return found[1].upper() + sign + ("m" if found[3].lower() in _MINOR else "")


def meant(name: str, text: str) -> str | None:
    """What an attribute of a TRACK should say in place of this; None where it cannot be told.

    >>> meant("AverageBpm", "124,0"), meant("Colour", "#FF007F"), meant("Rating", "3"), meant("BitRate", "320.0")
    ('124.00', '0xFF007F', '153', '320')
    """
    if name == "Location":
        return place(text)
    if name == "Tonality":
        return key(text)
    if name == "AverageBpm":
        bpm = number(text)
        return bpm and f"{float(bpm):.2f}"
    if name == "Rating" and text in ("1", "2", "3", "4", "5"):
        return str(RATINGS[int(text)])
    if name == "Colour" and re.fullmatch("(#|0X)[0-9A-Fa-f]{6}", text):
        return f"0x{text[-6:]}"
    form = FORMS.get(name)
    if form is INT:
        return re.sub(r"[.,]0+$", "", text.strip()) if re.fullmatch(r"\s*-?[0-9]{1,18}([.,]0+)?\s*", text) else None
    return number(text) if form is FLOAT else None


def place(text: str) -> str | None:
    """A Location as rekordbox writes it; None where it cannot be told which file is meant.

    >>> place("file://localhost//Users/dj/a b.wav"), place("C:\\\\Music\\\\100%.wav"), place("music/a.wav")
    ('file://localhost/Users/dj/a%20b.wav', 'file://localhost/C:/Music/100%25.wav', None)
    """
    scheme = re.match("file:/*(localhost(?=/))?", text, re.IGNORECASE)
    if not scheme:
        try:
            return location(text)
        except UsageError:
            return None
    rest = unicodedata.normalize("NFC", text[scheme.end() :].lstrip("/"))
    if re.match(r"[A-Za-z]:[\\/]", rest) or re.match("[A-Za-z]:%5[Cc]", rest):
        rest = re.sub(r"\\|%5[Cc]", "/", rest)
    try:
        whole = _UNSAFE.sub(lambda found: quote(found[0], safe=PLAIN), _LOOSE_ESCAPE.sub("%25", rest))
        return HOST + whole if whole else None
    except UnicodeEncodeError:
        return None
