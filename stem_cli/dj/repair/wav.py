"""A WAV written anew: the short header that every deck reads, true sizes, its format first, integers of 24 bits."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stem_cli import tags
from stem_cli.audio import RATES
from stem_cli.disk import disk_errors, replaced
from stem_cli.dj.check.wav import FLOAT, LONG, PCM, RIFF_BYTES, Chunk, WavHeader, read_header
from stem_cli.errors import InputError
from stem_cli.tags import Tags

_COPIED_BYTES = 3 << 20  # whole frames of every depth, up to 16 channels
_FORM = 16
_BITS, _TOP = 24, 2**23
_DEPTHS = {PCM: (8, 16, 24, LONG), FLOAT: (32, 64)}
_INTEGERS = "Write it anew with --bit-depth 16 or 24."
_LEFT_OUT = (b"ds64", b"fact", b"PEAK")
"""Chunks of RF64 and of floating point, wrong in what we write."""


def repair_wav(source: Path, target: Path) -> None:
    """Write a copy of a WAV that decks play. Integers of 8, 16 and 24 bits stay as they are, to the last sample.

    Floating point and 32 bits become 24, rounded: every stem of a song by itself, so they add up to it within a step
    of 24 bits each. Raises InputError where it is none, is cut off, too long, or goes above full scale; OutputError.
    """
    try:
        header = read_header(source)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", source, "Check its permissions.") from error
    _refuse(header, source)
    assert header is not None
    with disk_errors(target), replaced(target) as partial:
        with source.open("rb") as file, partial.open("wb") as out:
            out.write(struct.pack("<4sI4s", b"RIFF", 0, b"WAVE"))
            out.write(_form(header))
            for chunk in header.chunks:
                _write(file, out, chunk, header, source)
            size = out.tell() - 8
            out.seek(4)
            out.write(struct.pack("<I", size))
        _give_tags(source, partial, header)


def _refuse(header: WavHeader | None, source: Path) -> None:
    if header is None or header.bits not in _DEPTHS.get(header.inner, ()) or not _is_whole(header):
        raise InputError("only WAVs of integers or floating point can be repaired", source, _INTEGERS)
    if any(chunk.end > header.size for chunk in header.chunks):
        raise InputError("it ends too soon", source, "Copy it again.")
    if header.size > RIFF_BYTES:
        raise InputError("it is too long for a plain header", source, "Write it as FLAC, or in pieces.")


def _is_whole(header: WavHeader) -> bool:
    lowest, highest = RATES
    return lowest <= header.rate <= highest and 0 < header.align == header.channels * header.bits // 8


def _is_converted(header: WavHeader) -> bool:
    return header.inner == FLOAT or header.bits == LONG


def _form(header: WavHeader) -> bytes:
    bits = _BITS if _is_converted(header) else header.bits
    align = header.channels * bits // 8
    told = (PCM, header.channels, header.rate, header.rate * align, align, bits)
    return struct.pack("<4sIHHIIHH", b"fmt ", _FORM, *told)


def _write(file: BinaryIO, out: BinaryIO, chunk: Chunk, header: WavHeader, source: Path) -> None:
    if chunk.name == b"fmt " or chunk.name in _LEFT_OUT:
        return
    start = out.tell()
    out.write(struct.pack("<4sI", chunk.name, 0))
    pieces = _pieces(file, chunk)
    for piece in pieces if chunk.name != b"data" or not _is_converted(header) else _rounded(pieces, header, source):
        out.write(piece)
    length = out.tell() - start - 8
    out.write(b"\0" * (length % 2))
    end = out.tell()
    out.seek(start + 4)
    out.write(struct.pack("<I", length))
    out.seek(end)


def _pieces(file: BinaryIO, chunk: Chunk) -> Iterator[bytes]:
    file.seek(chunk.start)
    left = chunk.size
    while left and (piece := file.read(min(left, _COPIED_BYTES))):
        yield piece
        left -= len(piece)


def _rounded(pieces: Iterator[bytes], header: WavHeader, source: Path) -> Iterator[bytes]:
    """Samples as integers of 24 bits, without dither, as everywhere else in this program."""
    kind = {(FLOAT, 32): "<f4", (FLOAT, 64): "<f8", (PCM, LONG): "<i4"}[header.inner, header.bits]
    size = header.bits // 8
    for piece in pieces:
        with np.errstate(invalid="ignore", over="ignore"):  # what is no number is told below
            samples = np.frombuffer(piece[: len(piece) - len(piece) % size], kind).astype(np.float64)
            scaled = np.rint(samples * (_TOP if header.inner == FLOAT else 2.0 ** (_BITS - LONG)))
        if not np.isfinite(scaled).all() or (scaled.size and (scaled.max() > _TOP or scaled.min() < -_TOP)):
            hint = "Run stem organize on its folder: it brings all stems of the song down together."
            raise InputError("it goes above full scale, and would be clipped", source, hint)
        whole = np.minimum(scaled, _TOP - 1).astype("<i4")
        yield whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _give_tags(source: Path, partial: Path, header: WavHeader) -> None:
    """Title and artist that stood only where DJ programs do not look."""
    names = {chunk.name for chunk in header.chunks}
    if b"LIST" in names and not names & {b"id3 ", b"ID3 "}:
        held = tags.read(source)
        if held != Tags():
            tags.write(partial, held)
