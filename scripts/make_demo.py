"""Make ``stem_cli/data/demo.flac``, the song that ships with the program.

::

    python scripts/make_demo.py             # write it; twice gives the same bytes
    python scripts/make_demo.py --check     # is the shipped file still what the code makes? exit 1 if not

Another machine may round its arithmetic differently in the last bit, so the check allows one step of 16 bits.
"""

from __future__ import annotations

import argparse
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import soundfile
from mutagen.flac import FLAC, Picture
from numpy.typing import NDArray

from stem_cli.stems import FOUR, TABLE
from stem_cli.synth import demo_song, mix, pcm16, render

TARGET = Path(__file__).resolve().parent.parent / "stem_cli" / "data" / "demo.flac"
RATE = 44100
COVER_PIXELS = 480

TAGS = {
    "title": "Morning Platform",
    "artist": "stem-cli",
    "album": "Demo",
    "genre": "House",
    "date": "2026",
    "comment": "Composed and played by stem-cli itself.",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the shipped file with a fresh one")
    wanted = pcm16(mix(render(demo_song(), RATE))).T
    if parser.parse_args().check:
        return check(wanted)
    write(wanted)
    print(f"{TARGET} ({TARGET.stat().st_size / 1e6:.2f} MB, {len(wanted) / RATE:.1f} s)")
    return 0


def check(wanted: NDArray[np.int16]) -> int:
    """Compare the samples [frames, 2] with the shipped ones."""
    shipped, rate = soundfile.read(TARGET, dtype="int16")
    if rate != RATE or shipped.shape != wanted.shape:
        print(f"{TARGET}: {shipped.shape} at {rate} Hz, expected {wanted.shape} at {RATE} Hz", file=sys.stderr)
        return 1
    off = np.abs(shipped.astype(int) - wanted)
    print(f"{TARGET}: {np.count_nonzero(off)} samples differ, by {off.max()} at most")
    return int(off.max() > 1)


def write(samples: NDArray[np.int16]) -> None:
    """Write the FLAC beside its place, tag it, and put it there."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    partial = TARGET.with_name(f".{TARGET.name}.partial")
    soundfile.write(partial, samples, RATE, format="FLAC", subtype="PCM_16", compression_level=1.0)
    song, tags = demo_song(), FLAC(partial)
    tags.update({**TAGS, "bpm": f"{song.bpm:g}", "initialkey": song.key})
    picture = Picture()
    picture.type, picture.mime, picture.desc = 3, "image/png", "Front cover"
    picture.width = picture.height = COVER_PIXELS
    picture.depth, picture.data = 24, png(cover(COVER_PIXELS))
    tags.add_picture(picture)
    tags.save(padding=lambda _: 1024)
    partial.replace(TARGET)


def cover(size: int) -> NDArray[np.uint8]:
    """A sun over a platform, [size, size, 3]: four tracks in the colours of the stems run towards it."""
    y, x = np.mgrid[0:size, 0:size] / size
    night, dawn = np.array([22, 26, 54]), np.array([246, 158, 92])
    picture = night + (dawn - night) * np.clip(y / 0.62, 0, 1)[..., None] ** 1.6
    picture[np.hypot(x - 0.5, y - 0.58) < 0.2] = (255, 222, 150)
    picture[y > 0.62] = (18, 20, 34)
    depth = np.maximum(y - 0.62, 1e-6) / 0.38
    for track, name in enumerate(FOUR):
        colour = tuple(bytes.fromhex(TABLE[name].colour.removeprefix("#")))
        middle = 0.5 + (track - 1.5) * 0.3 * depth
        picture[(y > 0.62) & (np.abs(x - middle) < 0.055 * depth)] = colour
    return np.asarray(np.rint(picture), dtype=np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The file of an RGB picture [height, width, 3]; every row is stored as its difference to the row above."""
    height, width, _ = pixels.shape
    above = np.vstack([np.zeros((1, width, 3), np.uint8), pixels[:-1]])
    rows = np.hstack([np.full((height, 1), 2, np.uint8), (pixels - above).reshape(height, -1)])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


if __name__ == "__main__":
    sys.exit(main())
