"""`.serato-stems`, the four stems that Serato DJ 3 keeps beside a song: MP3s, each byte changed by one mask.

Experimental: the layout is what others found out, and no Serato has opened a file of ours. A head with the song's
length, then a chunk for each stem. Serato takes it only where the length is that of the song as it decodes it, to the
sample. (rdkrl/sidecaramel, which reads files of Serato 3; docs of nuo-stems.)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stem_cli.audio import open_sink
from stem_cli.disk import disk_errors, replaced
from stem_cli.dj.ni_stem import ORDER, Clipped, recipe, tracks
from stem_cli.errors import InputError, OutputError, UsageError

SUFFIX = ".1.2.serato-stems"
"""Behind the name of the song's file without its ending; the numbers are the version."""
RATES = (44100, 48000)
"""Hz of songs whose length is certain."""

_MAGIC, _HEAD, _CHUNK = b"srtshead", struct.Struct(">IHHIII"), struct.Struct(">4sII")
_HEAD_BYTES, _VERSION = 16, (1, 2)
_KINDS = {"vocals": 0, "other": 3, "drums": 2, "bass": 1}
"""The number of each stem, in the order of the file."""
_MASK = 0x26
_MASKED = bytes(byte ^ _MASK for byte in range(256))
_MP3_FRAME = 1152
_SIDE_INFO_BYTES = {True: 17, False: 32}  # of MPEG-1 layer III, by whether it is mono
_LAME_BYTES = 21  # from the end of the Xing header to delay and padding
_DAMAGED = (ValueError, struct.error, IndexError, KeyError)


@dataclass(frozen=True)
class SeratoStems:
    """What such a file holds. frames: of the song, at `rate` Hz. mp3: by stem its MP3."""

    frames: int
    rate: int
    mp3: Mapping[str, bytes]


def write_serato_stems(target: Path, files: Mapping[str, Path], frames: int) -> None:
    """Write the four stems of a song, whole or not at all; a file of that name is replaced.

    files: by the stems' names, those beyond four are summed into their families. frames: of the song as it is decoded.
    Raises UsageError for a song of another rate than RATES or stems of another length, InputError, OutputError.
    """
    plan = recipe(files, None)
    lengths = {mix.frames for mixes in plan.parts.values() for mix in mixes}
    if plan.old_rate not in RATES or lengths != {frames}:
        raise UsageError("stems for Serato need a song of 44.1 or 48 kHz, and its length", target, "Leave it out.")
    with TemporaryDirectory() as folder, disk_errors(target), replaced(target) as partial:
        partial.touch()  # a place that takes no files is told before the work
        made = {name: Path(folder, f"{name}.mp3") for name in ORDER}
        with ExitStack() as stack:
            sinks = [open_sink(made[name], "mp3", plan.rate, 2, plan.depth, frames) for name in ORDER]
            for sink in sinks:
                stack.callback(sink.abandon)
            for _, *four in tracks(plan, Clipped()):
                for sink, block in zip(sinks, four, strict=True):
                    sink.write(block)
            for sink in sinks:
                sink.close()
        with partial.open("wb") as file:
            file.write(_MAGIC + _HEAD.pack(_HEAD_BYTES, *_VERSION, len(_KINDS), frames, plan.rate))
            for name, number in _KINDS.items():
                mp3 = made[name].read_bytes()
                _refuse_length(name, mp3, frames, target)
                file.write(_CHUNK.pack(b"stem", 4 + len(mp3), number) + mp3.translate(_MASKED))


def _refuse_length(name: str, mp3: bytes, frames: int, target: Path) -> None:
    found = _length(mp3)
    if found != frames:
        raise OutputError(f"the MP3 of its {name} has {found} samples, the song {frames}", target, "Leave it out.")


def read_serato_stems(path: Path) -> SeratoStems:
    """What lies in such a file. Raises InputError where it is none, or damaged."""
    try:
        return _read(path.read_bytes())
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error
    except _DAMAGED as error:
        raise InputError(f"these are no stems for Serato ({error})", path, "Make them anew.") from error


def _read(raw: bytes) -> SeratoStems:
    """Raises _DAMAGED."""
    if raw[: len(_MAGIC)] != _MAGIC:
        raise ValueError("it does not begin as they do")
    size, major, minor, count, frames, rate = _HEAD.unpack_from(raw, len(_MAGIC))
    if (size, major, minor, count) != (_HEAD_BYTES, *_VERSION, len(_KINDS)):
        raise ValueError(f"version {major}.{minor} with {count} stems is not known")
    names = {number: name for name, number in _KINDS.items()}
    found: dict[str, bytes] = {}
    at = len(_MAGIC) + _HEAD.size
    while at < len(raw):
        tag, length, number = _CHUNK.unpack_from(raw, at)
        end = at + 8 + length
        if tag != b"stem" or end > len(raw) or length < 4 or names[number] in found:
            raise ValueError(f"there is no stem at byte {at}")
        mp3 = raw[at + _CHUNK.size : end].translate(_MASKED)
        if _length(mp3) != frames:
            raise ValueError(f"{names[number]} has {_length(mp3)} samples, the song {frames}")
        found[names[number]] = mp3
        at = end
    if len(found) != len(_KINDS):
        raise ValueError(f"there are {len(found)} stems")
    return SeratoStems(frames, rate, found)


def _length(mp3: bytes) -> int:
    """Samples that an MP3 plays, by its first frame. (LAME's "Mp3 Info Tag revision 1".) Raises _DAMAGED."""
    at = 4 + _SIDE_INFO_BYTES[mp3[3] >> 6 == 3]
    if mp3[:1] != b"\xff" or mp3[at : at + 4] not in (b"Xing", b"Info"):
        raise ValueError("a stem is no MP3 with a length")
    flags, frames = struct.unpack_from(">II", mp3, at + 4)
    behind = at + 8 + sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1)
    delays = int.from_bytes(mp3[behind + _LAME_BYTES : behind + _LAME_BYTES + 3], "big")
    if not flags & 1:
        raise ValueError("a stem is no MP3 with a length")
    return int(frames) * _MP3_FRAME - (delays >> 12) - (delays & 0xFFF)
