"""ID3 tags: MP3, AIFF and WAV.

Read in every version, written as ID3v2.3, which all decks know; text that is not plain ASCII is UTF-16 there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stem_cli.tags import riff
from stem_cli.tags.fields import FRONT, Cover, Pictures, Values

PADDING = 1024  # bytes; always the same, so that the file depends on its tags and not on its past
_V1_BYTES = 128  # of the old tag at the end of an MP3

TABLE: dict[str, tuple[str, ...]] = {
    "title": ("TIT2",),
    "artist": ("TPE1",),
    "album": ("TALB",),
    "album_artist": ("TPE2", "TXXX:ALBUM ARTIST"),
    "genre": ("TCON",),
    "year": ("TDRC", "TYER", "TDRL", "TDOR"),
    "bpm": ("TBPM", "TXXX:BPM"),
    "key": ("TKEY", "TXXX:INITIALKEY", "TXXX:KEY"),
    "comment": ("COMM",),
    "isrc": ("TSRC", "TXXX:ISRC"),
    "label": ("TPUB", "TXXX:LABEL"),
    "grouping": ("TIT1", "GRP1"),
    "composer": ("TCOM",),
    "track_number": ("TRCK",),
    "disc_number": ("TPOS",),
    "remixer": ("TPE4",),
    "replaygain_track_gain": ("TXXX:replaygain_track_gain",),
    "replaygain_track_peak": ("TXXX:replaygain_track_peak",),
    "replaygain_album_gain": ("TXXX:replaygain_album_gain",),
    "replaygain_album_peak": ("TXXX:replaygain_album_peak",),
    "stem": ("TXXX:STEM",),
    "stem_source": ("TXXX:STEM_SOURCE",),
    "stem_engine": ("TXXX:STEM_ENGINE",),
}
_ALSO = {"grouping": "GRP1"}  # where iTunes looks; the others look at TIT1
_NOTES_OF_PROGRAMS = ("itun", "songs-db")  # descriptions of comments that no person wrote
_YEAR = re.compile(r"[0-9]{4}(?:-[0-9]{2}-[0-9]{2})?")


def _library() -> Any:
    """mutagen's frames, loaded when first needed."""
    import mutagen.id3

    return mutagen.id3


def values(song: Any) -> Values:
    """The texts of all frames by frame, those of TXXX by "txxx:description"."""
    found: Values = {"comm": _comment(song.tags)}
    for frame in song.tags.values():
        name = f"txxx:{frame.desc.lower()}" if frame.FrameID == "TXXX" else frame.FrameID.lower()
        if frame.FrameID.startswith("T") or frame.FrameID == "GRP1":
            found.setdefault(name, []).extend(map(str, frame.genres if name == "tcon" else frame.text))
    return found


def _comment(tags: Any) -> list[str]:
    """The comment a person wrote: without a description, in English, or else the first."""
    frames = [frame for frame in tags.getall("COMM") if not frame.desc.lower().startswith(_NOTES_OF_PROGRAMS)]
    ranked = sorted(frames, key=lambda frame: (frame.desc != "", frame.lang != "eng"))
    return next((list(frame.text) for frame in ranked if any(frame.text)), [])


def pictures(song: Any) -> Pictures:
    """All pictures with their types."""
    return [(int(frame.type), frame.data) for frame in song.tags.getall("APIC")]


def write_mp3(path: Path, texts: Mapping[str, str], cover: Cover | None) -> None:
    """Put the tag in front of an MP3, in place of the one it has."""
    _tags(texts, cover).save(path, v1=0, v2_version=3, padding=_padding)


def write_aiff(path: Path, texts: Mapping[str, str], cover: Cover | None) -> None:
    """Put the tag into the ``ID3 `` chunk of an AIFF."""
    import mutagen.aiff

    aiff: Any = mutagen.aiff
    song = aiff.AIFF(path)
    song.tags = None
    song.add_tags()
    song.tags.update(_tags(texts, cover))
    song.save(v2_version=3, padding=_padding)


def write_wav(path: Path, texts: Mapping[str, str], cover: Cover | None) -> None:
    """Put the tag into an ``id3 `` chunk behind the audio of a WAV or RF64."""
    payload = io.BytesIO()
    _tags(texts, cover).save(payload, v1=0, v2_version=3, padding=_padding)
    riff.put(path, payload.getvalue())


def add_mp3(path: Path, texts: Mapping[str, str]) -> None:
    """Put fields into the tag of an MP3, beside all else that it holds; the old tag at its end stays as it is."""
    tags, version = _opened(path)
    _add(tags, texts)
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _V1_BYTES))
        old = file.read()
    tags.save(path, v1=1, v2_version=version, v23_sep=None, padding=_padding)
    if old.startswith(b"TAG"):
        with path.open("r+b") as file:
            file.seek(-_V1_BYTES, 2)
            file.write(old)


def add_aiff(path: Path, texts: Mapping[str, str]) -> None:
    """The same for an AIFF."""
    import mutagen.aiff

    aiff: Any = mutagen.aiff
    song = aiff.AIFF(path, translate=False)
    if song.tags is None:
        song.add_tags()
    tags, version = _at_least_v23(song.tags)
    _add(tags, texts)
    tags.save(path, v2_version=version, v23_sep=None, padding=_padding)


def add_wav(path: Path, texts: Mapping[str, str]) -> None:
    """The same for a WAV or RF64; its INFO list stays as well."""
    tags, version = _opened(io.BytesIO(riff.id3(path)))
    _add(tags, texts)
    payload = io.BytesIO()
    tags.save(payload, v1=0, v2_version=version, v23_sep=None, padding=_padding)
    riff.put(path, payload.getvalue(), info=True)


def _opened(source: Path | io.BytesIO) -> tuple[Any, int]:
    """The tag as it is, or a new one, and the version it is to be saved in: its own, 3 at least."""
    library = _library()
    try:
        return _at_least_v23(library.ID3(source, translate=False))
    except library.ID3NoHeaderError:
        return library.ID3(), 3


def _at_least_v23(tags: Any) -> tuple[Any, int]:
    version = tags.version[1] if tags.version[0] == 2 else 3  # ID3v1 is told as 1
    if version < 3:  # whose frames have other names
        tags.update_to_v23()
    return tags, max(3, version)


def _add(tags: Any, texts: Mapping[str, str]) -> None:
    for field, text in texts.items():
        tags.setall(TABLE[field][0], [_frame(TABLE[field][0], text)])


def _padding(_: object) -> int:
    return PADDING


def _tags(texts: Mapping[str, str], cover: Cover | None) -> Any:
    """The frames of a new tag, ready for version 2.3."""
    library = _library()
    tags = library.ID3()
    for field, text in texts.items():
        for name in filter(None, (TABLE[field][0], _ALSO.get(field))):
            tags.add(_frame(name, text))
    if cover is not None:
        tags.add(library.APIC(encoding=0, mime=cover.mime, type=FRONT, desc="", data=cover.data))
    tags.update_to_v23()
    return tags


def _frame(name: str, text: str) -> Any:
    """The frame of a name of the table; a year that is none gives an empty frame, which is not written."""
    frame, _, description = name.partition(":")
    more = {"TXXX": {"desc": description}, "COMM": {"lang": "eng", "desc": ""}}.get(frame, {})
    if frame == "TDRC":
        match = _YEAR.search(text)
        text = match[0] if match else ""
    return getattr(_library(), frame)(encoding=0 if text.isascii() else 1, text=[text], **more)
