"""Tags of MP4 files: AAC and ALAC in .m4a, stems in .stem.mp4, video.

What Apple has no atom for stands in free atoms, under the names that Mp3tag, Traktor and Mixxx use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stem_cli.tags.fields import FRONT, Cover, Pictures, Values

PADDING = 1024  # bytes; always the same, so that the file depends on its tags and not on its past
_FREE = "----:com.apple.iTunes:"
_GAPLESS = f"{_FREE}iTunSMPB"  # where the sound begins and ends: no tag, so it stays


def _free(*names: str) -> tuple[str, ...]:
    return tuple(f"{_FREE}{name}" for name in names)


TABLE: dict[str, tuple[str, ...]] = {
    "title": ("©nam",),
    "artist": ("©ART",),
    "album": ("©alb",),
    "album_artist": ("aART",),
    "genre": ("©gen",),
    "year": ("©day",),
    "bpm": (*_free("BPM"), "tmpo"),
    "key": _free("initialkey", "KEY"),
    "comment": ("©cmt",),
    "isrc": _free("ISRC"),
    "label": _free("LABEL", "PUBLISHER"),
    "grouping": ("©grp",),
    "composer": ("©wrt",),
    "track_number": ("trkn",),
    "disc_number": ("disk",),
    "remixer": _free("REMIXER", "MIXARTIST"),
    "replaygain_track_gain": _free("replaygain_track_gain"),
    "replaygain_track_peak": _free("replaygain_track_peak"),
    "replaygain_album_gain": _free("replaygain_album_gain"),
    "replaygain_album_peak": _free("replaygain_album_peak"),
    "stem": _free("STEM"),
    "stem_source": _free("STEM_SOURCE"),
    "stem_engine": _free("STEM_ENGINE"),
}
_PAIRS = ("trkn", "disk")
_PAIR = re.compile(r"\s*0*([0-9]{1,4})\s*(?:/\s*0*([0-9]{1,4})\s*)?")


def _library() -> Any:
    """mutagen's MP4, loaded when first needed."""
    import mutagen.mp4

    return mutagen.mp4


def values(song: Any) -> Values:
    """All atoms by their names in lower case, as text; pictures are left out."""
    return {name.lower(): [_text(one) for one in held] for name, held in _listed(song) if name != "covr"}


def _listed(song: Any) -> list[tuple[str, list[Any]]]:
    return [(name, held if isinstance(held, list) else [held]) for name, held in song.tags.items()]


def _text(value: object) -> str:
    """A value as text: bytes of a free atom, a number, or a pair such as (3, 12)."""
    if isinstance(value, bytes):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, tuple):
        return "/".join(str(number) for number in value if number)
    return str(value)


def pictures(song: Any) -> Pictures:
    """All pictures; MP4 does not say what they show."""
    return [(FRONT, bytes(data)) for data in song.tags.get("covr", [])]


def write_mp4(path: Path, texts: Mapping[str, str], cover: Cover | None) -> None:
    """Put the atoms into an MP4, in place of those it has; streams and other boxes stay."""
    library = _library()
    song = library.MP4(path)
    if song.tags is None:
        song.add_tags()
    kept = {_GAPLESS: song.tags[_GAPLESS]} if _GAPLESS in song.tags else {}
    song.tags.clear()
    song.tags.update(kept)
    for field, text in texts.items():
        song.tags.update(_atoms(field, text))
    if cover is not None:
        kind = library.MP4Cover.FORMAT_PNG if cover.mime == "image/png" else library.MP4Cover.FORMAT_JPEG
        song.tags["covr"] = [library.MP4Cover(cover.data, imageformat=kind)]
    song.save(padding=lambda _: PADDING)


def add_mp4(path: Path, texts: Mapping[str, str]) -> None:
    """Put fields into the atoms of an MP4, beside all else that it holds."""
    song = _library().MP4(path)
    if song.tags is None:
        song.add_tags()
    for field, text in texts.items():
        song.tags.update(_atoms(field, text))
    song.save(padding=lambda _: PADDING)


def _atoms(field: str, text: str) -> dict[str, list[Any]]:
    """The atoms of a field; `tmpo` holds whole numbers only, so the tempo stands in a free atom as well."""
    name = TABLE[field][0]
    if name in _PAIRS:
        match = _PAIR.fullmatch(text)
        return {name: [(int(match[1]), int(match[2] or 0))]} if match else {}
    if not name.startswith(_FREE):
        return {name: [text]}
    whole = {"tmpo": [int(float(text) + 0.5)]} if field == "bpm" else {}
    return {name: [_library().MP4FreeForm(text.encode())], **whole}
