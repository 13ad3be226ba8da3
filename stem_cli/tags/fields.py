"""What a song says about itself, and the cleaning that every word of it goes through.

Each kind of file has a module beside this one with a table ``{field: (names in the file, best first)}``
and a function that gives the file's values under those names; ``pick`` brings the two together.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

LONGEST = 10_000  # characters of a field; a long comment has some hundreds
LARGEST_COVER = 16_000_000  # bytes; a picture block of FLAC ends at 16 MiB
SLOWEST, FASTEST = 1.0, 999.0  # BPM; outside of it is a typing error, or the 0 of a program that did not know
FRONT = 3  # the type of a front cover in ID3, FLAC and Vorbis

DAMAGE = (OSError, ValueError, LookupError, ArithmeticError, AssertionError, struct.error)
"""What mutagen raises on damaged files beside MutagenError."""

Table = Mapping[str, tuple[str, ...]]
Values = dict[str, list[str]]
Pictures = list[tuple[int, bytes]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cover:
    """A picture: its bytes as they are, and image/jpeg or image/png."""

    data: bytes
    mime: str


@dataclass(frozen=True)
class Tags:
    """The tags of a song; None is what the file does not say.

    key: as given, "8A", "Am" or "1m". year: as given, "1999" or "1999-05-03". numbers: "3" or "3/12".
    replaygain: as given, "-6.50 dB". stem, stem_source, stem_engine: ours, on files that we made.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    genre: str | None = None
    year: str | None = None
    bpm: float | None = None
    key: str | None = None
    comment: str | None = None
    isrc: str | None = None
    label: str | None = None
    grouping: str | None = None
    composer: str | None = None
    track_number: str | None = None
    disc_number: str | None = None
    remixer: str | None = None
    replaygain_track_gain: str | None = None
    replaygain_track_peak: str | None = None
    replaygain_album_gain: str | None = None
    replaygain_album_peak: str | None = None
    cover: Cover | None = None
    stem: str | None = None
    stem_source: str | None = None
    stem_engine: str | None = None


_WORDS = tuple(field.name for field in fields(Tags) if field.name not in ("bpm", "cover"))
_SEVERAL = ("title", "artist", "album", "album_artist", "genre", "comment", "label", "grouping", "composer", "remixer")

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
_UNPRINTABLE_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
_LINE_END = re.compile("\r\n?")
_BPM = re.compile(r"([0-9]{1,6}(?:[.,][0-9]*)?)\s*(?:bpm)?", re.IGNORECASE)
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def line(text: str) -> str:
    """One line: a run of control characters, line ends and half characters becomes a space, the ends are stripped."""
    return _UNPRINTABLE.sub(" ", text[:LONGEST]).strip()


def lines(text: str) -> str:
    """The same for a comment, which keeps its tabs and line ends."""
    return _UNPRINTABLE_IN_LINES.sub(" ", _LINE_END.sub("\n", text[:LONGEST])).strip()


def bpm(text: str) -> float | None:
    """The tempo in what people and programs write: "124.50", "124,5", "128 BPM"; None for what makes no tempo."""
    match = _BPM.fullmatch(text.strip())
    value = float(match[1].replace(",", ".")) if match else 0.0
    return value if SLOWEST <= value <= FASTEST else None


def bpm_text(value: float | None) -> str:
    """A tempo as every program reads it, with two decimals at most: "124.5", "128"; "" for what makes no tempo."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value is not None and SLOWEST <= value <= FASTEST else ""


def _cleaned(field: str, text: str) -> str:
    if field == "bpm":
        return bpm_text(bpm(text))
    return lines(text) if field == "comment" else line(text)


def _joined(field: str, values: Sequence[str]) -> str:
    cleaned = list(dict.fromkeys(text for value in values if (text := _cleaned(field, value))))
    return "; ".join(cleaned if field in _SEVERAL else cleaned[:1])[:LONGEST]


def pick(table: Table, values: Values) -> dict[str, str]:
    """The fields of a table that the values fill: for each the first name that holds something.

    >>> pick({"key": ("INITIALKEY", "KEY")}, {"key": ["8A"]})
    {'key': '8A'}
    """
    found = {}
    for field, names in table.items():
        texts = (_joined(field, values.get(name.lower(), ())) for name in names)
        if text := next(filter(None, texts), None):
            found[field] = text
    return found


def mime_of(data: bytes) -> str | None:
    """image/jpeg or image/png by the first bytes, whatever the file calls it; None for other pictures."""
    return next((mime for magic, mime in _MAGIC.items() if data.startswith(magic)), None)


def best_cover(pictures: Iterable[tuple[int, bytes]]) -> Cover | None:
    """The front cover, or else the first picture that decks can show."""
    for _, data in sorted(pictures, key=lambda picture: picture[0] != FRONT):
        mime = mime_of(data)
        if mime and len(data) <= LARGEST_COVER:
            return Cover(data, mime)
        log.info("a picture of %d bytes is left out: %s", len(data), "too large" if mime else "neither JPEG nor PNG")
    return None


def build(found: Mapping[str, str], pictures: Pictures) -> Tags:
    """Tags out of cleaned texts and pictures."""
    words = {field: found[field] for field in _WORDS if field in found}
    return Tags(bpm=bpm(found.get("bpm", "")), cover=best_cover(pictures), **words)


def texts(tags: Tags) -> dict[str, str]:
    """The fields to write, cleaned as on reading, without the empty ones; the tempo as text."""
    words = {field: getattr(tags, field) or "" for field in _WORDS} | {"bpm": bpm_text(tags.bpm)}
    return {field: text for field, value in words.items() if (text := _cleaned(field, value))}
