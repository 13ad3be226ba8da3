"""Boxes of MP4 files (ISO/IEC 14496-12): finding them, putting one in, and moving `moov` in front of the sound.

Damage raises ValueError; whoever opened the file says which one it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

_HEAD, _LONG_HEAD = 8, 16
_LONG, _TO_THE_END = 1, 0  # sizes that mean: eight bytes of size follow; all that is left
_COPIED_BYTES = 1 << 20
_TABLES = ("trak", "mdia", "minf", "stbl")
_OFFSETS = {"stco": ">u4", "co64": ">u8"}
"""Where each chunk of sound begins in the file, and how wide those numbers are."""


@dataclass(frozen=True)
class Box:
    """One box. start: of its header. body: of its content. end: behind it; all in bytes."""

    kind: str
    start: int
    body: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> list[Box]:
    """The boxes that stand in this stretch, one behind the other. Raises ValueError."""
    end = len(data) if end is None else end
    found = []
    while start < end:
        if end - start < _HEAD and not any(data[start:end]):
            break  # zeros that QuickTime puts behind the last one
        one = _box(data[start : min(end, start + _LONG_HEAD)], start, end)
        found.append(one)
        start = one.end
    return found


def boxes_of(file: BinaryIO) -> list[Box]:
    """The outermost boxes of an open file; their content is not read. Raises ValueError."""
    start, end = 0, file.seek(0, 2)
    found = []
    while start < end:
        file.seek(start)
        found.append(_box(file.read(_LONG_HEAD), start, end))
        start = found[-1].end
    return found


def _box(head: bytes, start: int, end: int) -> Box:
    if len(head) < _HEAD:
        raise ValueError(f"a box at byte {start} ends within its header")
    size, kind = struct.unpack_from(">I4s", head)
    length = _HEAD
    if size == _LONG:
        if len(head) < _LONG_HEAD:
            raise ValueError(f"a box at byte {start} ends within its header")
        size, length = struct.unpack_from(">Q", head, _HEAD)[0], _LONG_HEAD
    elif size == _TO_THE_END:
        size = end - start
    if size < length or start + size > end:
        raise ValueError(f"the box {kind.decode('latin-1')!r} at byte {start} goes on behind its end")
    return Box(kind.decode("latin-1"), start, start + length, start + size)


def child(data: bytes, parent: Box, kind: str) -> Box | None:
    """The first box of that kind in another one. Raises ValueError."""
    return next((one for one in boxes(data, parent.body, parent.end) if one.kind == kind), None)


def inside(data: bytes, parent: Box, *kinds: str) -> Box:
    """The box that is reached by going down these kinds. Raises ValueError where one is missing."""
    for kind in kinds:
        found = child(data, parent, kind)
        if found is None:
            raise ValueError(f"there is no {kind!r} in {parent.kind!r}")
        parent = found
    return parent


def made(kind: str, content: bytes) -> bytes:
    """The bytes of a box.

    >>> made("free", b"ab")
    b'\\x00\\x00\\x00\\nfreeab'
    """
    return struct.pack(">I4s", _HEAD + len(content), kind.encode("latin-1")) + content


def put(content: bytes, kinds: tuple[str, ...], payload: bytes) -> bytes:
    """The content of a box with another one put in, or in the place of its like, at the end of the way down `kinds`.

    >>> put(b"", ("udta", "stem"), b"{}")
    b'\\x00\\x00\\x00\\x12udta\\x00\\x00\\x00\\nstem{}'
    """
    kind, below = kinds[0], kinds[1:]
    old = next((one for one in boxes(content) if one.kind == kind), None)
    held = content[old.body : old.end] if old else b""
    box = made(kind, put(held, below, payload) if below else payload)
    return content[: old.start] + box + content[old.end :] if old else content + box


def moved(moov: bytes, shift: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The content of a `moov` whose chunks of sound lie elsewhere; its length stays.

    shift: the new offsets, int64, of the old ones. Raises ValueError where one no longer fits.
    """
    new = bytearray(moov)
    for track in (one for one in boxes(moov) if one.kind == _TABLES[0]):
        table = inside(moov, track, *_TABLES[1:])
        for one in (one for one in boxes(moov, table.body, table.end) if one.kind in _OFFSETS):
            old = numbers(moov, one, _OFFSETS[one.kind])
            offsets = shift(old.astype(np.int64))
            if offsets.size and (offsets.min() < 0 or offsets.max() > np.iinfo(old.dtype).max):
                raise ValueError("a chunk of sound lies where its number cannot reach")
            first = one.body + 8
            new[first : first + old.nbytes] = offsets.astype(old.dtype).tobytes()
    return bytes(new)


def offsets_of(data: bytes, table: Box) -> np.ndarray:
    """Where the chunks of sound of a track begin, by its `stbl`. Raises ValueError."""
    for kind, width in _OFFSETS.items():
        found = child(data, table, kind)
        if found is not None:
            return numbers(data, found, width).astype(np.int64)
    raise ValueError("a track does not say where its sound is")


def numbers(data: bytes, box: Box, width: str, before: int = 0, each: int = 1) -> np.ndarray:
    """The numbers of a table: version, `before` bytes, how many entries, and `each` numbers an entry.

    width: numpy's name of their type. Raises ValueError where the table is shorter than it says.
    """
    at = box.body + 4 + before
    if at + 4 > box.end:
        raise ValueError(f"the box {box.kind!r} is too short")
    count = struct.unpack_from(">I", data, at)[0] * each
    if count * np.dtype(width).itemsize > box.end - at - 4:
        raise ValueError(f"the box {box.kind!r} announces more than it holds")
    return np.frombuffer(data, width, count, at + 4)


def front_with(source: Path, target: Path, kinds: tuple[str, ...], payload: bytes) -> None:
    """Write an MP4 anew: `moov` behind `ftyp`, a box put into it, every offset corrected. Raises ValueError, OSError.

    The sound streams by in pieces; only `moov` is held.
    """
    with source.open("rb") as file, target.open("wb") as out:
        found = boxes_of(file)
        moov = next((one for one in found if one.kind == "moov"), None)
        if moov is None:
            raise ValueError("there is no 'moov' in it")
        file.seek(moov.body)
        content = put(file.read(moov.end - moov.body), kinds, payload)
        rest = [one for one in found if one is not moov]
        first = [one for one in rest if one.kind == "ftyp"]
        others = [one for one in rest if one.kind != "ftyp"]
        start = sum(one.end - one.start for one in first) + len(made("moov", content))
        content = moved(content, lambda old: _shifted(old, others, start))
        for one in first:
            _copy(file, out, one)
        out.write(made("moov", content))
        for one in others:
            _copy(file, out, one)


def _shifted(offsets: np.ndarray, order: list[Box], start: int) -> np.ndarray:
    """Offsets into boxes that now stand one behind the other from `start` on."""
    new = offsets.copy()
    for one in order:
        new[(offsets >= one.body) & (offsets < one.end)] += start - one.start
        start += one.end - one.start
    return new


def _copy(file: BinaryIO, out: BinaryIO, box: Box) -> None:
    file.seek(box.start)
    left = box.end - box.start
    while left:
        piece = file.read(min(left, _COPIED_BYTES))
        if not piece:
            raise ValueError("it ends too soon")
        out.write(piece)
        left -= len(piece)
