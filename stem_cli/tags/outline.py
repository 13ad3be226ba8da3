"""How long a song says it is and how many stars it has, from its headers alone: the sound is not decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stem_cli.tags.fields import DAMAGE

_STARS = (1, 58, 115, 175, 230)
"""From so much on a POPM byte is 1, 2 ... 5 stars: between the steps of Windows (1, 64, 128, 196, 255) and those of DJ
programs (51, 102, 153, 204, 255)."""
_WORDS = ("rating", "fmps_rating", "txxx:rating", "rate", "----:com.apple.itunes:rating")


@dataclass(frozen=True)
class Outline:
    """seconds: of its length. rating: 0 to 5 stars. None is what the file does not say. lyrics: whether it has any."""

    seconds: float | None = None
    rating: int | None = None
    lyrics: bool = False


def outline(path: Path) -> Outline:
    """What the headers say; Outline() where they cannot be read."""
    import mutagen

    try:
        song = mutagen.File(path)
        if song is None:
            return Outline()
        seconds = float(getattr(song.info, "length", 0.0) or 0.0)
        tags = song.tags if song.tags is not None else {}
        return Outline(seconds if 0 < seconds < 1e7 else None, _rating(tags), _lyrics(tags))
    except (mutagen.MutagenError, *DAMAGE):
        return Outline()


def _rating(tags: Any) -> int | None:
    for value in _values(tags, "popm"):
        byte = int(getattr(value, "rating", 0))
        if byte:
            return sum(byte >= least for least in _STARS)
    for word in _WORDS:
        for value in _values(tags, word):
            stars = stars_of(_text(value))
            if stars is not None:
                return stars
    return None


def stars_of(text: str) -> int | None:
    """Stars out of the numbers that programs write: 0 to 1, 1 to 5, or per cent.

    >>> [stars_of(one) for one in ("3", "0.8", "80", "none")]
    [3, 4, 4, None]
    """
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    if not 0 <= value <= 100:
        return None
    whole = "." not in text.replace(",", ".")
    return round(value * 5 if value <= 1 and not whole else value if value <= 5 else value / 20)


def _lyrics(tags: Any) -> bool:
    names = ("uslt", "lyrics", "unsyncedlyrics", "©lyr")
    return any(_text(value).strip() for name in names for value in _values(tags, name))


def _values(tags: Any, name: str) -> Iterator[Any]:
    """The values under a name, in whatever way this kind of tag holds them."""
    for key in tags.keys():  # noqa: SIM118 - mutagen's tags are no mappings throughout
        if key.lower() == name or key.lower().startswith(f"{name}:"):
            found = tags[key]
            yield from found if isinstance(found, list) else [found]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
