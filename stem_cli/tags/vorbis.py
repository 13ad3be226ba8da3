"""Vorbis comments: FLAC, Ogg Vorbis and Opus."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stem_cli.tags.fields import FRONT, Cover, Pictures, Values

PADDING = 1024  # bytes; always the same, so that the file depends on its tags and not on its past
_R128_TO_REPLAYGAIN = 5.0  # dB: Opus gains aim at -23 LUFS, ReplayGain at -18

TABLE: dict[str, tuple[str, ...]] = {
    "title": ("TITLE",),
    "artist": ("ARTIST",),
    "album": ("ALBUM",),
    "album_artist": ("ALBUMARTIST", "ALBUM ARTIST", "ALBUM_ARTIST"),
    "genre": ("GENRE",),
    "year": ("DATE", "YEAR"),
    "bpm": ("BPM", "TBPM"),
    "key": ("INITIALKEY", "KEY", "INITIAL_KEY"),
    "comment": ("COMMENT", "DESCRIPTION"),
    "isrc": ("ISRC",),
    "label": ("LABEL", "ORGANIZATION", "PUBLISHER"),
    "grouping": ("GROUPING", "CONTENTGROUP"),
    "composer": ("COMPOSER",),
    "track_number": ("TRACKNUMBER", "TRACK"),
    "disc_number": ("DISCNUMBER", "DISC"),
    "remixer": ("REMIXER", "MIXARTIST"),
    "replaygain_track_gain": ("REPLAYGAIN_TRACK_GAIN",),
    "replaygain_track_peak": ("REPLAYGAIN_TRACK_PEAK",),
    "replaygain_album_gain": ("REPLAYGAIN_ALBUM_GAIN",),
    "replaygain_album_peak": ("REPLAYGAIN_ALBUM_PEAK",),
    "stem": ("STEM",),
    "stem_source": ("STEM_SOURCE",),
    "stem_engine": ("STEM_ENGINE",),
}
_TOTALS = {"tracknumber": ("TRACKTOTAL", "TOTALTRACKS"), "discnumber": ("DISCTOTAL", "TOTALDISCS")}


def values(song: Any) -> Values:
    """All comments by their names in lower case; "3" of "12" as "3/12"; the gains of Opus as ReplayGain."""
    found: Values = {}
    for name, text in song.tags:
        found.setdefault(name.lower(), []).append(text)
    for number, totals in _TOTALS.items():
        found |= _with_total(found, number, totals)
    for which in ("track", "album"):
        found = {f"replaygain_{which}_gain": _r128(found.get(f"r128_{which}_gain", []))} | found
    return found


def _with_total(found: Values, number: str, totals: tuple[str, ...]) -> Values:
    """The number and the total in one text, where they are two."""
    total = next((found[name.lower()][0] for name in totals if found.get(name.lower())), "")
    numbers = found.get(number, [])
    return {number: [f"{numbers[0]}/{total}"]} if numbers and total and "/" not in numbers[0] else {}


def _r128(texts: list[str]) -> list[str]:
    """A gain of Opus, in 1/256 dB, as ReplayGain writes it.

    >>> _r128(["-1280"])
    ['+0.00 dB']
    """
    with contextlib.suppress(ValueError, IndexError):
        steps = int(texts[0])
        if -(2**15) <= steps < 2**15:
            return [f"{steps / 256 + _R128_TO_REPLAYGAIN:+.2f} dB"]
    return []


def pictures(song: Any) -> Pictures:
    """All pictures with their types: blocks of FLAC, or comments in Base64."""
    import mutagen.flac

    flac: Any = mutagen.flac
    blocks = list(getattr(song, "pictures", []))
    for text in song.tags.get("METADATA_BLOCK_PICTURE", []):
        with contextlib.suppress(binascii.Error, ValueError, flac.error):
            blocks.append(flac.Picture(base64.b64decode(text)))
    return [(int(block.type), block.data) for block in blocks]


def write_flac(path: Path, texts: Mapping[str, str], cover: Cover | None) -> None:
    """Put the comments and the picture into a FLAC, in place of those it has."""
    import mutagen.flac

    flac: Any = mutagen.flac
    song = flac.FLAC(path)
    if song.tags is None:
        song.add_tags()
    song.tags.clear()
    song.clear_pictures()
    for field, text in texts.items():
        song.tags.update(_comments(field, text))
    if cover is not None:
        picture = flac.Picture()
        picture.type, picture.mime, picture.data = FRONT, cover.mime, cover.data
        song.add_picture(picture)
    song.save(padding=lambda _: PADDING)


def add_flac(path: Path, texts: Mapping[str, str]) -> None:
    """Put fields into the comments of a FLAC, beside all else that it holds."""
    import mutagen.flac

    flac: Any = mutagen.flac
    song = flac.FLAC(path)
    if song.tags is None:
        song.add_tags()
    for field, text in texts.items():
        song.tags.update(_comments(field, text))
    song.save(padding=lambda _: PADDING)


def _comments(field: str, text: str) -> dict[str, str]:
    """The comments of a field: one, or two for "3/12"."""
    name = TABLE[field][0]
    number, slash, total = text.partition("/")
    if slash and name.lower() in _TOTALS:
        return {name: number, _TOTALS[name.lower()][0]: total}
    return {name: text}
