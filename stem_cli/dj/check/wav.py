"""The header of a WAV as decks read it, chunk by chunk; the sound itself is not looked at."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stem_cli.dj.check.finding import FAULT, WARNING, Finding, Target, names_of
from stem_cli.errors import counted

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
"""Format tags (Microsoft, mmreg.h)."""
LONG = 32
"""Bits of an integer that decks do not take."""
_RATE = "Run stem organize --for cdj on the stems: all of a song are brought to 44100 or 48000 Hz together."
_DEPTH = "Write it with --bit-depth 16 or 24."
_UNTOLD = 0xFFFFFFFF
_HEAD = struct.Struct("<4sI")
_MOST_CHUNKS = 10_000
_TAGS = (b"id3 ", b"ID3 ")
_KNOWN = (b"fmt ", b"data", b"fact", b"LIST", b"JUNK", b"bext", b"cue ", b"smpl", b"PEAK", b"iXML", *_TAGS)
"""What may stand where a chunk of odd length should have been filled up."""
_OTHERS = (
    *((start, "MP3") for start in (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")),
    (b"fLaC", "FLAC"),
    (b"FORM", "AIFF"),
    (b"OggS", "OGG"),
)
"""How files of other kinds begin, which somebody has called .wav."""
RIFF_BYTES = 2**32 - 1
"""Of the largest file that a RIFF header can announce."""


@dataclass(frozen=True)
class Chunk:
    """A chunk: its name, where its content begins, and how long that says it is."""

    name: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """Behind the content; a byte more where that is odd."""
        return self.start + self.size


@dataclass(frozen=True)
class WavHeader:
    """What a WAV says of itself. kind: "RIFF" or "RF64". announced: bytes of the file by its header.

    inner: the format tag that a long header holds in place of 0xFFFE. align: bytes of a frame, speed: of a second, as
    it says. loose: chunks of odd length are not filled up. untold: it does not say how long its sound is.
    """

    kind: str
    announced: int
    size: int
    tag: int
    inner: int
    channels: int
    rate: int
    bits: int
    align: int
    speed: int
    frames: int
    chunks: tuple[Chunk, ...]
    loose: bool
    untold: bool


def read_header(path: Path) -> WavHeader | None:
    """The header of a WAV; None where it is none, or has no format or no sound. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        chunks: list[Chunk] = []
        inside: dict[bytes, bytes] = {}
        loose = untold = False
        while len(chunks) < _MOST_CHUNKS and len(raw := file.read(_HEAD.size)) == _HEAD.size:
            name, length = _HEAD.unpack(raw)
            start = file.tell()
            inside.setdefault(name, file.read(min(length, 40)) if name in (b"fmt ", b"ds64") else b"")
            if name == b"data" and length == _UNTOLD and head[:4] == b"RIFF":  # what is written into a pipe
                length, untold = size - start, True
            elif name == b"data" and length == _UNTOLD and len(inside.get(b"ds64", b"")) >= 16:
                length = struct.unpack_from("<Q", inside[b"ds64"], 8)[0]
            chunks.append(Chunk(name, start, length))
            unfilled = length % 2 == 1 and _follows_at_once(file, start + length)
            loose |= unfilled
            file.seek(min(start + length + (0 if unfilled else length % 2), size))
    return _header(head, size, chunks, inside, loose, untold)


def _follows_at_once(file: BinaryIO, end: int) -> bool:
    file.seek(end)
    return file.read(4) in _KNOWN


def _header(
    head: bytes, size: int, chunks: Sequence[Chunk], inside: dict[bytes, bytes], loose: bool, untold: bool
) -> WavHeader | None:
    form, data = inside.get(b"fmt ", b""), next((one for one in chunks if one.name == b"data"), None)
    if len(form) < 16 or data is None:
        return None
    tag, channels, rate, speed, align, bits = struct.unpack_from("<HHIIHH", form)
    inner = struct.unpack_from("<H", form, 24)[0] if tag == EXTENSIBLE and len(form) >= 26 else tag
    announced, large = struct.unpack_from("<I", head, 4)[0], inside.get(b"ds64", b"")
    if announced == _UNTOLD and len(large) >= 8:
        announced = struct.unpack_from("<Q", large)[0]
    kind = head[:4].decode()
    frames = data.size // max(1, align)
    return WavHeader(
        kind, announced + 8, size, tag, inner, channels, rate, bits, align, speed, frames, tuple(chunks), loose, untold
    )


def judge(header: WavHeader | None, targets: Sequence[Target], head: bytes = b"") -> Iterator[Finding]:
    """What these decks would stumble over. head: the first bytes of a file that is no WAV."""
    if header is None:
        yield _none(head)
        return
    yield from _format(header, targets)
    yield from _shape(header, targets)
    yield from _chunks(header)


def _none(head: bytes) -> Finding:
    other = next((kind for start, kind in _OTHERS if head.startswith(start)), "")
    if other:
        return Finding(FAULT, "wav.parse", f"it is no WAV: it begins as {other} does", f"Call it .{other.lower()}.")
    return Finding(FAULT, "wav.parse", "it is no whole WAV", "Copy it again, or make it anew.")


def _format(header: WavHeader, targets: Sequence[Target]) -> Iterator[Finding]:
    refusing = [target for target in targets if not target.extensible]
    if header.tag == EXTENSIBLE:
        what = "its header is the long one (format tag 0xFFFE, WAVE_FORMAT_EXTENSIBLE)"
        if refusing:
            what += f", which {names_of(refusing)} may refuse (E-8305)"
        pcm = header.inner == PCM
        yield Finding(
            FAULT if refusing else WARNING, "wav.extensible", what, "Write it with format tag 1.", fixable=pcm
        )
    if header.inner == FLOAT:
        refusing = [target for target in targets if not target.floats]
        what = "its samples are floating point" + (f", which {names_of(refusing)} cannot play" if refusing else "")
        yield Finding(FAULT if refusing else WARNING, "wav.float", what, _DEPTH, fixable=header.bits in (32, 64))
    elif header.inner != PCM:
        yield Finding(
            FAULT, "wav.codec", f"its samples are compressed (format tag {header.inner:#x})", "Write it as plain PCM."
        )
    if header.kind == "RF64":
        short = header.size <= RIFF_BYTES and header.inner in (PCM, FLOAT)
        hint = "It is short enough for a plain header." if short else "Write it as FLAC, or in pieces."
        yield Finding(FAULT, "wav.rf64", "it is RF64, which decks do not play", hint, fixable=short)


def _shape(header: WavHeader, targets: Sequence[Target]) -> Iterator[Finding]:
    if header.inner == PCM and header.bits not in (16, 24):
        refusing = [target for target in targets if not target.floats and header.bits == LONG]
        what = f"it has {header.bits} bits" + (f", which {names_of(refusing)} cannot play" if refusing else "")
        yield Finding(FAULT if refusing else WARNING, "wav.bits", what, _DEPTH, fixable=header.bits == LONG)
    whole = header.channels * header.bits // 8
    if header.inner in (PCM, FLOAT) and (header.align, header.speed) != (whole, whole * header.rate):
        what = f"it says that a frame has {header.align} bytes and a second {header.speed}"
        yield Finding(WARNING, "wav.form", what, "Make it anew.", fixable=header.align == whole)
    if header.channels != 2:
        yield Finding(WARNING, "wav.stereo", f"it has {counted(header.channels, 'channel')}", "Most decks expect two.")
    yield from rate_findings("wav", header.rate, targets)


def rate_findings(kind: str, rate: int, targets: Sequence[Target]) -> Iterator[Finding]:
    """What a sample rate means: 44.1 and 48 kHz play everywhere."""
    refusing = [target for target in targets if rate not in target.rates]
    if refusing:
        what = f"its rate of {rate} Hz does not play on {names_of(refusing)}"
        yield Finding(FAULT, f"{kind}.rate", what, _RATE)
    elif rate not in (44100, 48000):
        yield Finding(WARNING, f"{kind}.rate", f"its rate is {rate} Hz", "44100 and 48000 Hz play everywhere.")


def _chunks(header: WavHeader) -> Iterator[Finding]:
    last = header.chunks[-1]
    if any(one.end > header.size for one in header.chunks):
        yield Finding(FAULT, "wav.truncated", f"it ends within its chunk {_readable(last.name)}", "Copy it again.")
    elif header.untold:
        yield Finding(FAULT, "wav.size", "its header does not say how long it is", "Make it anew.", fixable=True)
    elif header.announced not in (header.size, header.size - header.size % 2):
        what = f"its header announces {header.announced} bytes of {header.size}"
        yield Finding(WARNING, "wav.size", what, "Make it anew.", fixable=True)
    if header.loose:
        what = "a part of odd length is not filled up, so players lose their way in it"
        yield Finding(FAULT, "wav.padding", what, "Make it anew.", fixable=True)
    names = [one.name for one in header.chunks]
    if names[0] not in (b"fmt ", b"ds64"):
        what = f"its first chunk is {_readable(names[0])}; players expect that of its format"
        yield Finding(WARNING, "wav.order", what, "Make it anew.", fixable=True)
    if not set(names) & set(_TAGS):
        what = "it has no tags that Serato, rekordbox and Traktor read (no id3 chunk)"
        yield Finding(WARNING, "wav.tags", what, "Run stem organize on its folder.", fixable=b"LIST" in names)
    elif b"LIST" in names:
        yield Finding(WARNING, "wav.tags.two", "it has tags of two kinds, and programs differ in which they show")


def _readable(name: bytes) -> str:
    return repr(name.decode("latin-1"))
