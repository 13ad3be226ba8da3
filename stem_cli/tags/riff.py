"""The chunks of a WAV that hold tags: ``id3 ``, which we write, and ``LIST``/``INFO``, in RIFF and RF64.

Audio is never moved: a tag in front of it becomes ``JUNK``, which programs skip, and the new one goes to the end.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from stem_cli.errors import InputError
from stem_cli.tags.fields import Values

_LARGEST_TAG = 1 << 28  # bytes; where ID3 ends as well
_LARGEST_RIFF = 0xFFFFFFFF
_DS64_AT = 12  # the chunk with the true sizes of an RF64 comes first
_HEADER = struct.Struct("<4sI")

TABLE: dict[str, tuple[str, ...]] = {
    "title": ("INAM",),
    "artist": ("IART",),
    "album": ("IPRD",),
    "genre": ("IGNR",),
    "year": ("ICRD",),
    "bpm": ("IBPM",),
    "comment": ("ICMT",),
    "label": ("IPUB",),
    "composer": ("IMUS",),
    "track_number": ("ITRK", "IPRT"),
}  # ISRC is missing: it means "source" here

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Chunk:
    """A chunk: its name, where it begins, the size of its content, and whether it holds tags."""

    name: bytes
    start: int
    size: int
    tags: bool

    @property
    def end(self) -> int:
        return self.start + _HEADER.size + self.size + self.size % 2


def _chunks(file: BinaryIO) -> Iterator[_Chunk]:
    """All chunks of an open WAV; the last one may claim more than there is."""
    length = file.seek(0, 2)
    file.seek(_DS64_AT)
    large = 0
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        start = file.tell() - _HEADER.size
        name, size = _HEADER.unpack(header)
        inside = file.read(16)
        if name == b"ds64" and len(inside) == 16:
            large = struct.unpack("<8xQ", inside)[0]
        if name == b"data" and size == _LARGEST_RIFF:
            size = large
        chunk = _Chunk(name, start, size, name in (b"id3 ", b"ID3 ") or (name == b"LIST" and inside[:4] == b"INFO"))
        yield chunk
        file.seek(min(chunk.end, length))


def has_sound(path: Path) -> bool:
    """Whether this is a WAV with sound in it, as far as its chunks tell. Raises OSError."""
    with path.open("rb") as file:
        return any(chunk.name == b"data" and chunk.size for chunk in _chunks(file))


def info(path: Path) -> Values:
    """The texts of LIST/INFO by their names in lower case; {} without."""
    return _entries(_content(path, b"LIST")[4:])


def id3(path: Path) -> bytes:
    """The ID3 tag; b"" without."""
    return _content(path, b"id3 ") or _content(path, b"ID3 ")


def _content(path: Path, name: bytes) -> bytes:
    """The content of the first chunk of this name that holds tags."""
    with path.open("rb") as file:
        for chunk in _chunks(file):
            if chunk.name == name and chunk.tags:
                file.seek(chunk.start + _HEADER.size)
                return file.read(min(chunk.size, _LARGEST_TAG))
    return b""


def _entries(data: bytes) -> Values:
    """The entries of an INFO list."""
    found: Values = {}
    at = 0
    while at + _HEADER.size <= len(data):
        name, size = _HEADER.unpack_from(data, at)
        text = data[at + _HEADER.size : at + _HEADER.size + size]
        found.setdefault(name.decode("latin-1").lower(), []).append(_decoded(text))
        at += _HEADER.size + size + size % 2
    return found


def _decoded(text: bytes) -> str:
    """INFO names no encoding: UTF-8 if it is that, else that of Western Windows."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


def put(path: Path, tag: bytes, info: bool = False) -> None:
    """Write an ID3 tag into an ``id3 `` chunk behind all else in a WAV; other ID3 tags go.

    info: whether its INFO list stays; else that goes as well.
    """
    with path.open("r+b") as file:
        chunks = [replace(one, tags=one.tags and not (info and one.name == b"LIST")) for one in _chunks(file)]
        end = max((chunk.end for chunk in chunks if not chunk.tags), default=_DS64_AT)
        length = file.seek(0, 2)
        if end > length + 1:
            raise InputError("it ends before its audio does, so no tags can be put behind it", path)
        body = b"\0" * (end - length) + _HEADER.pack(b"id3 ", len(tag)) + tag + b"\0" * (len(tag) % 2)
        if not _fits(file, end + len(body)):
            log.warning("%s: no tags, as a WAV ends at 4 GiB; RF64 and FLAC have room", path)
            return
        _junk(file, [chunk for chunk in chunks if chunk.tags and chunk.start < end])
        file.seek(min(end, length))
        file.write(body)
        file.truncate()
        _resize(file)


def _is_rf64(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == b"RF64"


def _fits(file: BinaryIO, length: int) -> bool:
    return _is_rf64(file) or length - 8 <= _LARGEST_RIFF


def _junk(file: BinaryIO, chunks: list[_Chunk]) -> None:
    for chunk in chunks:
        file.seek(chunk.start)
        file.write(b"JUNK")


def _resize(file: BinaryIO) -> None:
    """Make the size in the header that of the file."""
    size = file.seek(0, 2) - 8
    large = _is_rf64(file)
    file.seek(_DS64_AT + _HEADER.size if large else 4)
    file.write(struct.pack("<Q" if large else "<I", size))
