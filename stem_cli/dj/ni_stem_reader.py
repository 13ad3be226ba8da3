"""What a `.stem.mp4` holds: names and colours of its stems, its tracks, where their sound lies. Nothing is decoded."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stem_cli.dj import atoms
from stem_cli.dj.atoms import Box
from stem_cli.dj.ni_stem import BOX
from stem_cli.errors import InputError

_LARGEST_MOOV = 1 << 28  # bytes; that of a recording of ten hours has some 40 MB
_ENTRY = 36  # bytes of an entry of `stsd` before its boxes
AAC_LC = 2
_ESCAPE = 31  # kinds of AAC beyond those of five bits
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Hz, by the index in an AudioSpecificConfig (ISO/IEC 14496-3, table 1.18)."""
_DAMAGED = (ValueError, struct.error, IndexError, OverflowError, MemoryError, RecursionError)


@dataclass(frozen=True)
class StemTrack:
    """One track of sound. codec: "mp4a" or "alac". object_type: the kind of AAC (2 is LC), 0 where none is told.

    frames: that are played; coded: that are stored.
    priming: frames at the beginning that are left out; None where no edit list says so. empty: how long it waits before
    it begins, in ticks of the movie. outside: chunks of it that lie nowhere in the file's sound. sound: whether its
    tables agree with one another.
    """

    enabled: bool
    codec: str
    object_type: int
    channels: int
    rate: int
    coded: int
    frames: int
    priming: int | None
    empty: int
    outside: int
    sound: bool


@dataclass(frozen=True)
class StemInfo:
    """A `.stem.mp4` as it is. told: the JSON of its `stem` box, None without; fault: why that cannot be read.

    names, colours: of the four stems, as told. clock: ticks of the movie in a second. first: the file's first box.
    """

    path: Path
    first: str
    clock: int
    tracks: tuple[StemTrack, ...]
    told: Any
    fault: str
    names: tuple[str, ...]
    colours: tuple[str, ...]


def read_stem(path: Path) -> StemInfo:
    """Look into a `.stem.mp4`, also one that is not as it should be. Raises InputError where it is no whole MP4."""
    try:
        with path.open("rb") as file:
            found = atoms.boxes_of(file)
            moov = next((one for one in found if one.kind == "moov"), None)
            if moov is None:
                raise ValueError("there is no 'moov' in it")
            if moov.end - moov.body > _LARGEST_MOOV:
                raise ValueError("its 'moov' is too large")
            file.seek(moov.body)
            held = file.read(moov.end - moov.body)
        mdat = [(one.body, one.end) for one in found if one.kind == "mdat"]
        return _info(path, found[0].kind, held, mdat)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error
    except _DAMAGED as error:
        raise InputError(f"it is no whole MP4 ({error})", path, "Make it anew.") from error


def _info(path: Path, first: str, moov: bytes, mdat: list[tuple[int, int]]) -> StemInfo:
    whole = Box("moov", 0, 0, len(moov))
    head = atoms.inside(moov, whole, "mvhd")
    clock = struct.unpack_from(">I", moov, head.body + (20 if moov[head.body] else 12))[0]
    traks = [one for one in atoms.boxes(moov) if one.kind == "trak"]
    tracks = tuple(_track(moov, one, clock, mdat) for one in traks if _handler(moov, one) == "soun")
    told, fault = _told(moov, whole)
    listed = told.get("stems") if isinstance(told, dict) else None
    stems = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = tuple(str(one.get("name") or "") for one in stems)
    return StemInfo(path, first, clock, tracks, told, fault, names, tuple(str(one.get("color")) for one in stems))


def _told(moov: bytes, whole: Box) -> tuple[Any, str]:
    """The JSON of the `stem` box, or why there is none; real files may fill it up with zeros."""
    try:
        box = atoms.inside(moov, whole, *BOX)
        return json.loads(moov[box.body : box.end].rstrip(b"\0").decode("utf-8")), ""
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _handler(moov: bytes, trak: Box) -> str:
    box = atoms.inside(moov, trak, "mdia", "hdlr")
    return moov[box.body + 8 : box.body + 12].decode("latin-1")


def _track(moov: bytes, trak: Box, clock: int, mdat: list[tuple[int, int]]) -> StemTrack:
    flags = moov[atoms.inside(moov, trak, "tkhd").body + 3]
    head = atoms.inside(moov, trak, "mdia", "mdhd").body
    rate_of_clock = struct.unpack_from(">I", moov, head + (20 if moov[head] else 12))[0]
    table = atoms.inside(moov, trak, "mdia", "minf", "stbl")
    codec, kind, channels, rate = _codec(moov, atoms.inside(moov, table, "stsd"))
    times = atoms.numbers(moov, atoms.inside(moov, table, "stts"), ">u4", each=2).reshape(-1, 2)
    coded = sum(int(count) * int(length) for count, length in times)
    edit = _edit(moov, trak)
    priming, lasts, empty = edit or (0, 0, 0)
    left = coded - priming
    frames = min(left, round(lasts * rate_of_clock / clock)) if lasts and clock else left
    outside, sound = _chunks(moov, table, mdat)
    return StemTrack(
        enabled=bool(flags & 1),
        codec=codec,
        object_type=kind,
        channels=channels,
        rate=rate,
        coded=coded,
        frames=frames,
        priming=priming if edit else None,
        empty=empty,
        outside=outside,
        sound=sound,
    )


def _codec(moov: bytes, stsd: Box) -> tuple[str, int, int, int]:
    """Codec, kind of AAC, channels and rate of the first entry; what its own box says wins over the entry."""
    at = stsd.body + 8
    size = struct.unpack_from(">I", moov, at)[0]
    end = at + size
    if size < _ENTRY or end > stsd.end:
        raise ValueError("the box 'stsd' is too short")
    codec = moov[at + 4 : at + 8].decode("latin-1")
    channels, rate = struct.unpack_from(">H", moov, at + 24)[0], struct.unpack_from(">I", moov, at + 32)[0] >> 16
    held = {one.kind: one for one in atoms.boxes(moov, at + _ENTRY, end)} if codec in ("alac", "mp4a") else {}
    kind, cookie, told = 0, held.get("alac"), held.get("esds")
    if cookie is not None and cookie.end - cookie.body >= 28:
        channels, rate = moov[cookie.body + 13], struct.unpack_from(">I", moov, cookie.body + 24)[0]
    elif told is not None:
        kind, own_rate, own_channels = _aac(moov[told.body + 4 : told.end])
        channels, rate = own_channels or channels, own_rate or rate
    return codec, kind, channels, rate


def _aac(descriptors: bytes) -> tuple[int, int, int]:
    """Kind of AAC, rate and channels by the AudioSpecificConfig in an `esds`; zeros where that is not told."""
    try:
        _, at = _descriptor(descriptors, 0, 3)
        flags = descriptors[at + 2]
        at += 3 + (2 if flags & 0x80 else 0) + (1 + descriptors[at + 3] if flags & 0x40 else 0) + (flags & 0x20) // 16
        _, at = _descriptor(descriptors, at, 4)
        _, at = _descriptor(descriptors, at + 13, 5)
    except (IndexError, ValueError):
        return 0, 0, 0
    bits = int.from_bytes(descriptors[at : at + 8].ljust(8, b"\0"), "big")
    kind, index = bits >> 59, bits >> 55 & 15
    if kind == _ESCAPE:
        return 0, 0, 0
    if index == 15:
        return kind, bits >> 31 & 0xFFFFFF, bits >> 27 & 15
    return kind, _AAC_RATES[index] if index < len(_AAC_RATES) else 0, bits >> 51 & 15


def _descriptor(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """The length of a descriptor of MPEG-4 and where its content begins. Raises IndexError, ValueError."""
    if data[at] != tag:
        raise ValueError(f"there is no descriptor {tag}")
    length = 0
    for place in range(at + 1, at + 5):
        length = length << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return length, place + 1
    raise ValueError("the length of a descriptor does not end")


def _edit(moov: bytes, trak: Box) -> tuple[int, int, int] | None:
    """Frames to leave out, how long to play and how long to wait before, in the movie's ticks; None without a list."""
    edts = atoms.child(moov, trak, "edts")
    elst = atoms.child(moov, edts, "elst") if edts else None
    if elst is None:
        return None
    long = bool(moov[elst.body])
    width = np.dtype([("lasts", ">u8"), ("start", ">i8"), ("speed", ">u4")] if long else
                     [("lasts", ">u4"), ("start", ">i4"), ("speed", ">u4")])  # fmt: skip
    count = struct.unpack_from(">I", moov, elst.body + 4)[0]
    if count * width.itemsize > elst.end - elst.body - 8:
        raise ValueError("the box 'elst' announces more than it holds")
    rows = np.frombuffer(moov, width, count, elst.body + 8)
    played = [row for row in rows if row["start"] >= 0]
    waits = sum(int(row["lasts"]) for row in rows if row["start"] < 0)
    return (int(played[0]["start"]) if played else 0, sum(int(row["lasts"]) for row in played), waits)


def _chunks(moov: bytes, table: Box, mdat: list[tuple[int, int]]) -> tuple[int, bool]:
    """How many chunks of sound lie outside of the file's sound, and whether all packets have a place in one."""
    starts = atoms.offsets_of(moov, table)
    held = _packets_per_chunk(moov, table, len(starts))
    sizes = atoms.inside(moov, table, "stsz")
    fixed, count = struct.unpack_from(">II", moov, sizes.body + 4)
    ends = np.minimum(np.cumsum(held), count)
    if fixed:
        bytes_to = ends * fixed
    else:
        packets = atoms.numbers(moov, sizes, ">u4", before=4).astype(np.int64)
        bytes_to = np.concatenate([[0], np.cumsum(packets)])[ends]
    lengths = np.diff(bytes_to, prepend=0)
    inside = np.zeros(len(starts), bool)
    for begin, end in mdat:
        inside |= (starts >= begin) & (starts + lengths <= end)
    return int(np.count_nonzero(~inside)), int(held.sum()) == count


def _packets_per_chunk(moov: bytes, table: Box, chunks: int) -> np.ndarray:
    rows = atoms.numbers(moov, atoms.inside(moov, table, "stsc"), ">u4", each=3).reshape(-1, 3).astype(np.int64)
    firsts = np.clip(rows[:, 0] - 1, 0, chunks)
    if not len(rows) or firsts[0] or np.any(np.diff(firsts) < 0):
        return np.zeros(chunks, np.int64)
    return np.repeat(rows[:, 1], np.diff(firsts, append=chunks))
