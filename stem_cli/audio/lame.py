"""What the first frame of an MP3 says of where its sound begins (LAME's "Mp3 Info Tag", revision 1).

An encoder puts some 576 to 1105 samples before the sound. Who does not read how many plays the song that much later.
"""

from __future__ import annotations

import struct
from enum import Enum
from pathlib import Path

from stem_cli.audio.xing import SIDE_INFO_BYTES, first_frame, head_of

_FIELDS = ((1, 4), (2, 4), (4, 100), (8, 4))
"""Of a Xing header: the flag of each field, and its bytes."""
_DELAY_AT, _CRC_AT = 21, 34  # bytes from the encoder's name on
_ENCODER = b"LAME"
_POLYNOMIAL = 0xA001  # CRC-16/ARC, lowest bit first


class Delay(Enum):
    """How an MP3 tells its delay. FOREIGN: another encoder than LAME does, or none; DAMAGED: the check sum is wrong."""

    NONE = "none"
    FOREIGN = "foreign"
    DAMAGED = "damaged"
    TOLD = "told"


def delay_of(path: Path) -> Delay:
    """What the first frame tells. Raises OSError."""
    data = head_of(path)
    frame = first_frame(data)
    if frame is None:
        return Delay.NONE
    mpeg1, mono = data[frame + 1] >> 3 & 3 == 3, data[frame + 3] >> 6 == 3
    head = frame + 4 + SIDE_INFO_BYTES[mpeg1, mono]
    if data[head : head + 4] not in (b"Xing", b"Info") or len(data) < head + 8:
        return Delay.NONE
    flags = struct.unpack_from(">I", data, head + 4)[0]
    encoder = head + 8 + sum(size for flag, size in _FIELDS if flags & flag)
    if data[encoder : encoder + len(_ENCODER)] != _ENCODER or len(data) < encoder + _CRC_AT + 2:
        return Delay.FOREIGN
    told = struct.unpack_from(">H", data, encoder + _CRC_AT)[0]
    return Delay.TOLD if told == _crc(data[frame : encoder + _CRC_AT]) else Delay.DAMAGED


def id3_version(path: Path) -> int:
    """The version of the tag at the start of a file: 3 of ID3v2.3; 0 where there is none. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(4)
    return head[3] if len(head) == 4 and head[:3] == b"ID3" else 0


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1
    return value
