"""What tells one recording from another: a digest of the sound, not of the tags; and whether the file is whole.

Retagging a file leaves its digest alone: for WAV and AIFF it covers the bytes of the samples, for everything else the
compressed packets, with codec, rate, channels and the encoder's delay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stem_cli.audio import chunks
from stem_cli.audio.probe import NO_HEADER, Shape
from stem_cli.errors import InputError

_READ_BYTES = 1 << 20
_CUT = "it is cut off"
_SLACK_SECONDS = 1.0  # headers of video are rounded
_MP3_SLACK_SECONDS = 0.1
_MP3 = ("MPEG_LAYER_III", "mp3", "mp3float")
_MPEG_BITRATES = {  # kbit/s of layer III by the four bits of the header, ISO 11172-3 table 2.4.2.3 and 13818-3
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = (44100, 48000, 32000)


@dataclass(frozen=True)
class Fingerprint:
    """digest: SHA-256 of the sound. md5: of the whole file. damage: what is wrong with its structure, or ""."""

    digest: str
    md5: str
    damage: str


def fingerprint(shape: Shape) -> Fingerprint:
    """Read the file once: what sound it holds and whether it is whole. Raises InputError if it cannot be read."""
    try:
        samples = chunks.find_samples(shape.path)
        if samples is not None:
            digest, damage = _of_samples(shape, samples)
        else:
            digest, damage = _of_packets(shape)
        return Fingerprint(digest, _md5(shape.path), damage)
    except OSError as error:
        raise _unreadable(shape.path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.")


def require_whole(path: Path) -> None:
    """Raises InputError where a WAV or AIFF holds fewer samples than it says. Other kinds do not decode when cut."""
    try:
        samples = chunks.find_samples(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if samples is not None and samples.missing:
        raise InputError(_CUT, path, "Copy it again.")


def _delay(shape: Shape, stream: Any) -> str:
    """The encoder's delay, and the length it tells where it knows it (a Xing header, an edit list)."""
    if not stream.start_time:
        return "0"
    start, length = (float(ticks * stream.time_base) for ticks in (stream.start_time, stream.duration or 0))
    return f"{round(start * shape.rate)}/{round(length * shape.rate)}"


def _start(shape: Shape, delay: str) -> Any:
    return hashlib.sha256(f"{shape.codec} {shape.rate} {shape.channels} {delay}\n".encode())


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _of_samples(shape: Shape, samples: chunks.SampleBytes) -> tuple[str, str]:
    digest = _start(shape, "0")
    with shape.path.open("rb") as file:
        file.seek(samples.start)
        left = samples.size
        while left and (piece := file.read(min(left, _READ_BYTES))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest(), _CUT if samples.missing else ""


@dataclass
class _Walk:
    """What was seen while walking the packets."""

    digest: Any
    packets: int = 0
    seconds: float = 0.0
    all_seconds: float = 0.0
    corrupt: bool = False
    last: bytes = field(default=b"", repr=False)


def _of_packets(shape: Shape) -> tuple[str, str]:
    import av

    try:
        with av.open(str(shape.path)) as box:
            stream = box.streams.audio[0]
            walk = _walk(_start(shape, _delay(shape, stream)), shape.rate, stream, box.demux())
            return walk.digest.hexdigest(), _damage(shape, box, stream, walk)
    except av.FFmpegError as error:
        hint = "Copy or download it again."
        raise InputError("its packets cannot be read", shape.path, hint) from error


def _walk(digest: Any, rate: int, stream: Any, packets: Iterator[Any]) -> _Walk:
    walk = _Walk(digest)
    for packet in packets:
        end = _end(packet)
        walk.all_seconds = max(walk.all_seconds, end)
        if not packet.size or packet.stream.index != stream.index:
            continue
        if not walk.packets and packet.pts is not None:
            walk.digest.update(f"{round(float(packet.pts * packet.time_base) * rate)}\n".encode())
        walk.last = bytes(packet)
        walk.digest.update(walk.last)
        walk.packets += 1
        walk.corrupt |= packet.is_corrupt
        walk.seconds = end or walk.seconds
    return walk


def _end(packet: Any) -> float:
    """Where a packet ends, in seconds, or begins where it does not say how long it is; 0 without either."""
    known = packet.size and packet.pts is not None
    return float((packet.pts + (packet.duration or 0)) * packet.time_base) if known else 0.0


def _damage(shape: Shape, box: Any, stream: Any, walk: _Walk) -> str:
    """What the structure tells, before anything is decoded."""
    mp3 = shape.codec in _MP3
    if shape.container in NO_HEADER:
        short = False
    elif stream.duration:
        promised = float(stream.duration * stream.time_base)
        short = walk.seconds < promised - (_MP3_SLACK_SECONDS if mp3 else _SLACK_SECONDS)
    else:  # only the whole container tells its length, and the sound may be shorter than the pictures
        short = walk.all_seconds < (box.duration or 0) / 1_000_000 - _SLACK_SECONDS
    fewer = walk.packets < stream.frames and shape.codec in ("aac", "alac") and shape.container.startswith("mov")
    if walk.corrupt or short or fewer or (mp3 and _half_frame(walk.last)) or _ends_early(shape):
        return _CUT
    return ""


def _ends_early(shape: Shape) -> bool:
    """A container that ends inside of its last part."""
    if shape.container in ("OGG", "ogg"):
        return chunks.page_is_missing(shape.path)
    return "mp4" in shape.container and chunks.box_is_cut(shape.path)


def _half_frame(packet: bytes) -> bool:
    """An MP3 whose last frame is shorter than its own header says."""
    if len(packet) < 4 or packet[0] != 0xFF:
        return False
    version = {3: 1, 2: 2, 0: 2.5}.get(packet[1] >> 3 & 3)
    bitrate_index, rate_index, padding = packet[2] >> 4, packet[2] >> 2 & 3, packet[2] >> 1 & 1
    if version is None or bitrate_index in (0, 15) or rate_index == 3:
        return False
    kbits = _MPEG_BITRATES[1 if version == 1 else 2][bitrate_index]
    rate = _MPEG_RATES[rate_index] // {1: 1, 2: 2, 2.5: 4}[version]
    return len(packet) < (144 if version == 1 else 72) * kbits * 1000 // rate + padding
