"""What a check finds and a copy of the file can do without: so far headers of WAVs."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from stem_cli.disk import disk_errors, replaced
from stem_cli.dj.check.wav import PCM, Chunk, read_header
from stem_cli.errors import InputError

_COPIED_BYTES = 1 << 20
_FORM = 16


def repair_wav(source: Path, target: Path) -> None:
    """Write a copy of a WAV of integers with the short header (format tag 1) and true sizes; every sample stays.

    Raises InputError where it is none, or is cut off, OutputError.
    """
    try:
        header = read_header(source)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", source, "Check its permissions.") from error
    if header is None or header.kind != "RIFF" or header.inner != PCM:
        raise InputError("only WAVs of integers can be repaired", source, "Write it anew with --bit-depth 16 or 24.")
    if any(chunk.end > header.size for chunk in header.chunks):
        raise InputError("it ends too soon", source, "Copy it again.")
    with disk_errors(target), replaced(target) as partial, source.open("rb") as file, partial.open("wb") as out:
        out.write(struct.pack("<4sI4s", b"RIFF", 0, b"WAVE"))
        for chunk in header.chunks:
            _copy(file, out, chunk)
        size = out.tell() - 8
        out.seek(4)
        out.write(struct.pack("<I", size))


def _copy(file: BinaryIO, out: BinaryIO, chunk: Chunk) -> None:
    file.seek(chunk.start)
    if chunk.name == b"fmt ":
        form = file.read(_FORM)
        out.write(struct.pack("<4sI", b"fmt ", _FORM) + struct.pack("<H", PCM) + form[2:])
        return
    out.write(struct.pack("<4sI", chunk.name, chunk.size))
    left = chunk.size
    while left and (piece := file.read(min(left, _COPIED_BYTES))):
        out.write(piece)
        left -= len(piece)
    out.write(b"\0" * (chunk.size % 2))
