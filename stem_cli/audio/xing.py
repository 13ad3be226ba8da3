"""Whether an MP3 says how long it is."""

from __future__ import annotations

from pathlib import Path

_SEARCHED_BYTES = 1 << 16
SIDE_INFO_BYTES = {
    (True, False): 32,
    (True, True): 17,
    (False, False): 17,
    (False, True): 9,
}  # behind a frame's header, by MPEG-1, mono
_HAS_FRAMES = 1  # flag of the header: a count of frames follows


def announces_length(path: Path) -> bool:
    """Whether the first frame is a Xing or Info header with a count of frames.

    Without one, libsndfile guesses a length from the first frames and reads no further than that.
    """
    data = head_of(path)
    at = first_frame(data)
    if at is None:
        return False
    mpeg1, mono = data[at + 1] >> 3 & 3 == 3, data[at + 3] >> 6 == 3
    head = data[at + 4 + SIDE_INFO_BYTES[mpeg1, mono] :][:8]
    return head[:4] in (b"Xing", b"Info") and len(head) == 8 and bool(head[7] & _HAS_FRAMES)


def head_of(path: Path) -> bytes:
    """The beginning of an MP3, behind its tags."""
    with path.open("rb") as file:
        data = file.read(10)
        while data[:3] == b"ID3":
            file.seek(_id3_bytes(data) - len(data), 1)
            data = file.read(10)
        return data + file.read(_SEARCHED_BYTES)


def _id3_bytes(head: bytes) -> int:
    """The length of an ID3v2 tag (ID3v2.4, 3.1): seven bits a byte, without header and footer."""
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def first_frame(data: bytes) -> int | None:
    """Where a header of MPEG layer III starts; padding and junk may lie before it."""
    at = data.find(b"\xff")
    while 0 <= at < len(data) - 4:
        known = data[at + 1] & 0xE6 == 0xE2 and data[at + 2] >> 4 not in (0, 15) and data[at + 2] >> 2 & 3 != 3
        if known:
            return at
        at = data.find(b"\xff", at + 1)
    return None
