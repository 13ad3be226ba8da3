"""Where the samples lie in a WAV, RF64 or AIFF file, and whether such a file, an MP4 or an Ogg is all there."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""Sizes that a program streaming into a pipe leaves in a WAV header: the data goes on to the end of the file."""


@dataclass(frozen=True)
class SampleBytes:
    """The samples of a chunked file: `start` and `size` in bytes, and how many the header `promised`."""

    start: int
    size: int
    promised: int

    @property
    def missing(self) -> int:
        """Bytes that the header promises and the file does not have."""
        return max(0, self.promised - self.size)


def find_samples(path: Path) -> SampleBytes | None:
    """The place of the samples, or None where the file is no WAV, RF64 or AIFF."""
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12:
            return None
        if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
            return _walk(file, "<I", b"data", 0, length)
        if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
            return _walk(file, ">I", b"SSND", 8, length)
    return None


def _walk(file: BinaryIO, size_format: str, wanted: bytes, lead: int, length: int) -> SampleBytes | None:
    """Walk the chunks until the wanted one; `lead` bytes at its start are no samples."""
    long_size: int | None = None
    while len(head := file.read(8)) == 8:
        name, size = head[:4], struct.unpack(size_format, head[4:])[0]
        if name == b"ds64":
            body = file.read(size + size % 2)
            long_size = struct.unpack("<Q", body[8:16])[0] if len(body) >= 16 else None
        elif name == wanted:
            return _samples(file.tell() + lead, size - lead, long_size, length)
        else:
            file.seek(size + size % 2, 1)
    return None


def _samples(start: int, size: int, long_size: int | None, length: int) -> SampleBytes:
    there = max(0, length - start)
    if long_size is not None and size == 0xFFFFFFFF:
        size = long_size
    if size in _UNKNOWN_SIZES or size < 0:
        return SampleBytes(start, there, there)
    return SampleBytes(start, min(size, there), size)


def box_is_cut(path: Path) -> bool:
    """Whether the last box of an MP4 file (ISO 14496-12) goes on after the end of the file."""
    at, length = 0, path.stat().st_size
    with path.open("rb") as file:
        while at + 16 <= length:
            file.seek(at)
            size, _, long_size = struct.unpack(">I4sQ", file.read(16))
            if size == 1:
                size = long_size
            if size < 8:  # 0 goes to the end of the file, anything else is none
                return False
            at += size
    return at > length


def page_is_missing(path: Path) -> bool:
    """Whether an Ogg file ends before the page that says it is the last (RFC 3533, flag 0x04), or inside of it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 66000))  # a page has at most 65,307 bytes
        tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS\0")) :]
    if len(page) < 27 or not page[5] & 4:
        return True
    segments = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(segments)
