"""Where the samples lie in a WAV, RF64 or AIFF file, and whether all of them are there."""

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
