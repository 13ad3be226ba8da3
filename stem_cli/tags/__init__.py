"""Reading and writing the tags of a song: its names, tempo, key, loudness and cover.

music-tag opens a file and gives the fields it knows; tempo, key, ReplayGain and the rest come from mutagen below it,
by the table of the kind of file (``id3``, ``vorbis``, ``mp4``); what neither knows is asked of FFmpeg (``container``).
A damaged tag is no reason to refuse a song: whatever cannot be read is left out with a warning in the log.
"""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from stem_cli import stems
from stem_cli.errors import InputError, OutputError
from stem_cli.tags import container, id3, mp4, riff, vorbis
from stem_cli.tags.fields import DAMAGE, Cover, Pictures, Tags, build, pick, texts
from stem_cli.tags.outline import Outline, outline

__all__ = ["Cover", "Outline", "Tags", "add", "kind_of", "of_stem", "outline", "read", "write"]

log = logging.getLogger(__name__)

_Found = tuple[dict[str, str], Pictures]

_BY_MUSIC_TAG: dict[str, tuple[str, ...]] = {
    "title": ("tracktitle",),
    "artist": ("artist",),
    "album": ("album",),
    "album_artist": ("albumartist",),
    "composer": ("composer",),
    "genre": ("genre",),
    "isrc": ("isrc",),
}
"""What music-tag tells truly. Its year is the original one and only a number, its track number loses the total,
its comment is all comments in one, iTunes' notes included, and its artwork needs Pillow."""

_CLASSES = {
    "wav": ("mutagen.id3", "ID3FileType"),
    "rf64": ("mutagen.id3", "ID3FileType"),
    "aiff": ("mutagen.aiff", "AIFF"),
    "flac": ("mutagen.flac", "FLAC"),
    "mp4": ("mutagen.mp4", "MP4"),
    "mp3": ("mutagen.mp3", "MP3"),
}
_FAMILIES: dict[str, Any] = {"Id3File": id3, "FlacFile": vorbis, "OggFile": vorbis, "Mp4File": mp4}
_WRITERS: dict[str, Callable[[Path, Mapping[str, str], Cover | None], None]] = {
    "wav": id3.write_wav,
    "rf64": id3.write_wav,
    "aiff": id3.write_aiff,
    "flac": vorbis.write_flac,
    "mp4": mp4.write_mp4,
    "mp3": id3.write_mp3,
    "id3": id3.write_mp3,
}
_ADDERS: dict[str, Callable[[Path, Mapping[str, str]], None]] = {
    "wav": id3.add_wav,
    "rf64": id3.add_wav,
    "aiff": id3.add_aiff,
    "flac": vorbis.add_flac,
    "mp4": mp4.add_mp4,
    "mp3": id3.add_mp3,
    "id3": id3.add_mp3,
}
_WAVES = ("wav", "rf64")
_MAGIC = (
    ("wav", 0, b"RIFF"),
    ("rf64", 0, b"RF64"),
    ("aiff", 0, b"FORM"),
    ("flac", 0, b"fLaC"),
    ("mp4", 4, b"ftyp"),
    ("id3", 0, b"ID3"),
)


def read(path: Path) -> Tags:
    """The tags of a song; Tags() where it has none or they are damaged.

    Raises InputError only if the file cannot be opened.
    """
    kind = kind_of(path)
    faults: list[str] = []
    found, pictures = _tried(partial(_by_mutagen, path, kind), faults)
    found = _tried(partial(_by_info, path, kind), faults)[0] | found
    if not (found or pictures) and not _has_none(path, kind, faults):
        found, pictures = _tried(partial(_by_ffmpeg, path), faults)
    if faults and not found:
        log.warning("%s: its tags cannot be read: %s", path, "; ".join(faults))
    return build(found, pictures)


def write(path: Path, tags: Tags) -> None:
    """Give a file that we made these tags and no others. Its audio stays as it is; same tags, same bytes."""
    writer = _for_kind(_WRITERS, path)
    with _told(path):
        writer(path, texts(tags), tags.cover)


def check(path: Path) -> None:
    """Raises OutputError where `add` can do nothing for this kind of file."""
    _for_kind(_ADDERS, path)


def add(path: Path, tags: Tags) -> None:
    """Put the fields of these tags, but for a cover, into a file beside all else that it holds.

    The file is changed where it lies, but for its audio: give it a copy. Raises OutputError, and InputError for a WAV
    that ends too soon.
    """
    adder = _for_kind(_ADDERS, path)
    with _told(path):
        adder(path, texts(tags))


_Kind = TypeVar("_Kind")


def _for_kind(table: Mapping[str, _Kind], path: Path) -> _Kind:
    try:
        return table[kind_of(path)]
    except InputError as fault:
        raise OutputError(fault.what, path) from fault
    except KeyError:
        hint = "WAV, AIFF, FLAC, M4A and MP3 do."
        raise OutputError("this kind of file takes no tags from us", path, hint) from None


@contextmanager
def _told(path: Path) -> Iterator[None]:
    import mutagen

    try:
        yield
    except (mutagen.MutagenError, *DAMAGE) as fault:
        raise OutputError(f"its tags cannot be written ({fault})", path) from fault


def of_stem(tags: Tags, stem: str, source_digest: str, engine_id: str) -> Tags:
    """The tags of a stem of this song: "Song (Vocals)", and all else the song's, so that it sorts and mixes like it.

    A song without a title gives stems without one: decks then show the name of the file.
    The note on the stem stands behind the comment, as DJs search for the "8A - Energy 7" at its front.
    """
    name = stems.title(stem)
    return replace(
        tags,
        title=f"{tags.title} ({name})" if tags.title else None,
        comment=" - ".join(filter(None, (tags.comment, f"{name} stem"))),
        stem=stem,
        stem_source=source_digest,
        stem_engine=engine_id,
    )


def kind_of(path: Path) -> str:
    """The kind of a file by its first bytes, as names lie and a file in the making is a .partial; "" if unknown."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as fault:
        raise InputError(f"it cannot be opened ({fault.strerror})", path) from fault
    named = (kind for kind, at, magic in _MAGIC if head[at:].startswith(magic))
    return next(named, "mp3" if _is_mpeg(head) else "")


def _is_mpeg(head: bytes) -> bool:
    """Whether a frame of MPEG audio begins here: eleven ones, then a layer (AAC has none)."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _tried(reader: Callable[[], _Found], faults: list[str]) -> _Found:
    """What a reader finds; what goes wrong is noted."""
    try:
        return reader()
    except InputError as fault:
        faults.append(fault.what)
        return {}, []


def _has_none(path: Path, kind: str, faults: Sequence[str]) -> bool:
    """Whether a sound file without tags is just that: FFmpeg would find none either, and takes 50 ms for it."""
    return not faults and (kind == "flac" or (kind == "wav" and riff.has_sound(path)))


def _by_mutagen(path: Path, kind: str) -> _Found:
    import mutagen

    try:
        song = _song(path, kind)
        return ({}, []) if song is None else _by_tables(song)
    except (mutagen.MutagenError, *DAMAGE) as fault:
        raise InputError(f"mutagen finds no tags in it ({fault!r})", path) from fault


def _by_info(path: Path, kind: str) -> _Found:
    """The INFO list of a WAV, which fills what its ID3 tag leaves out."""
    try:
        return (pick(riff.TABLE, riff.info(path)) if kind in _WAVES else {}), []
    except OSError as fault:
        raise InputError(f"its chunks cannot be read ({fault.strerror})", path) from fault


def _by_ffmpeg(path: Path) -> _Found:
    values, pictures = container.read(path)
    return pick(container.TABLE, values), pictures


def _song(path: Path, kind: str) -> Any:
    """The file as music-tag opens it, or None without tags or for a kind it does not know; ``mfile`` is mutagen's."""
    import music_tag

    file = _file(path, kind)
    return music_tag.load_file(file, err="ignore") if file is not None and file.tags is not None else None


def _file(path: Path, kind: str) -> Any:
    """The file as mutagen opens it; of a WAV only the ID3 tag, as mutagen knows no RF64."""
    module, name = _CLASSES.get(kind, ("mutagen", "File"))
    source = io.BytesIO(riff.id3(path)) if kind in _WAVES else path
    return getattr(importlib.import_module(module), name)(source)


def _by_tables(song: Any) -> _Found:
    """The fields that music-tag knows, then those of the table of this kind of file; nothing for kinds without one."""
    family = next((_FAMILIES[base.__name__] for base in type(song).__mro__ if base.__name__ in _FAMILIES), None)
    if family is None:
        return {}, []
    known = {name: _by_name(song, name) for (name,) in _BY_MUSIC_TAG.values()}
    found = pick(family.TABLE, family.values(song.mfile)) | pick(_BY_MUSIC_TAG, known)
    return found, family.pictures(song.mfile)


def _by_name(song: Any, name: str) -> list[str]:
    try:
        return [str(value) for value in song.raw[name].values]
    except (ValueError, LookupError):
        return []
