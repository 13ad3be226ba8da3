"""Blocks of samples into a file: integers as they are, whatever the format."""

from __future__ import annotations

import errno
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stem_cli.audio.encoder import Encoder
from stem_cli.audio.formats import FORMATS
from stem_cli.audio.probe import native
from stem_cli.errors import FullError, OutputError

WAV_LIMIT = 2**32 - 2**20
"""Bytes from which on a WAV is written as RF64 (EBU Tech 3306); leaves room for tags."""

_FULL_BYTES = 1_000_000  # a buffer that did not fit leaves less than its own size free
_MP3_BEST = 0.0  # libsndfile's compression level: with a constant bitrate 0 is 320 kbit/s


class Sink(Protocol):
    """Something held open that takes int32 [channels, frames] (or float32 at depth "float")."""

    def write(self, block: np.ndarray) -> None:
        """Append the block. Raises OutputError when there is no space."""

    def close(self) -> None:
        """Finish the file; after this it is whole. Raises OutputError."""

    def abandon(self) -> None:
        """Let go of the file, which is of no use any more; raises nothing. A library that is left to do so when Python
        ends may be gone by then, and the process with it."""


def open_sink(path: Path, format_name: str, rate: int, channels: int, depth: str, frames: int) -> Sink:
    """Open a new file for writing.

    depth: "16", "24" or "float"; blocks carry integers of that depth, in int32, or float32. frames: expected, decides
    between WAV and RF64. Raises OutputError where the format cannot hold the song.
    """
    form = FORMATS[format_name]
    if not form.holds_rate(rate):
        raise OutputError(f"{form.name} cannot hold {rate} Hz", path, "Choose --format flac or wav.")
    size = frames * channels * (2 if depth == "16" else 3 if depth == "24" else 4)
    if form.largest is not None and size > form.largest:
        raise OutputError(f"{form.name} cannot hold more than 4 GiB", path, "Choose --format flac.")
    with encoding_errors(path):
        if form.suffix == ".m4a":
            return _AvSink(path, "alac" if form.exact else "aac", rate, channels, depth)
        return _SoundfileSink(path, form.name, rate, channels, depth, size)


@contextmanager
def encoding_errors(path: Path) -> Iterator[None]:
    """What libsndfile, FFmpeg or the disk refuses becomes an OutputError about this path."""
    import av
    import soundfile

    try:
        yield
    except (OSError, av.FFmpegError, soundfile.LibsndfileError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC or _is_full(path.parent):
            raise FullError("the disk is full", path, "Free some space or choose another --output.") from error
        hint = "Check the disk and the folder's permissions."
        raise OutputError(f"it cannot be written ({str(error).rstrip('.')})", path, hint) from error


def _is_full(folder: Path) -> bool:
    """libsndfile does not say why it could not write."""
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


class _SoundfileSink:
    """WAV, RF64, FLAC, AIFF and MP3 by libsndfile (MP3 by LAME inside it, with its own header)."""

    def __init__(self, path: Path, name: str, rate: int, channels: int, depth: str, size: int) -> None:
        import soundfile

        self._path = path
        self._shift = {"16": 16, "24": 8}.get(depth, 0)  # libsndfile wants integers left-justified in 32 bits
        self._float = depth == "float" or name == "mp3"
        self._scale = np.float32(2.0 ** -(int(depth) - 1)) if name == "mp3" else None
        container = "RF64" if name == "wav" and size > WAV_LIMIT else name.upper()
        extra: dict[str, Any] = {"bitrate_mode": "CONSTANT", "compression_level": _MP3_BEST} if name == "mp3" else {}
        subtype = {"mp3": "MPEG_LAYER_III"}.get(name, "FLOAT" if depth == "float" else f"PCM_{depth}")
        self._file = soundfile.SoundFile(native(path), "w", rate, channels, format=container, subtype=subtype, **extra)

    def write(self, block: np.ndarray) -> None:
        if self._scale is not None:
            block = block * self._scale
        elif not self._float:
            block = np.left_shift(block, self._shift)
        with encoding_errors(self._path):
            self._file.write(np.ascontiguousarray(block.T))

    def close(self) -> None:
        with encoding_errors(self._path):
            self._file.close()
        if self._float and self._scale is None:
            _forget_time(self._path)

    def abandon(self) -> None:
        with suppress(OutputError), encoding_errors(self._path):
            self._file.close()


def _forget_time(path: Path) -> None:
    """Clear the time stamp in the PEAK chunk that libsndfile puts into float files: same in, same bytes out."""
    with path.open("r+b") as file:
        head = file.read(256)
        at = head.find(b"PEAK")
        if at >= 0:
            file.seek(at + 12)
            file.write(struct.pack("<I", 0))


class _AvSink:
    """ALAC and AAC in .m4a by PyAV; the edit list is exact because the movie's clock ticks in samples."""

    def __init__(self, path: Path, codec: str, rate: int, channels: int, depth: str) -> None:
        import av

        self._path = path
        options = {"movie_timescale": str(rate), "fflags": "+bitexact"}
        self._box: Any = av.open(str(path), "w", format="ipod", options=options)
        self._encoder = Encoder(self._box, codec, rate, channels, depth)

    def write(self, block: np.ndarray) -> None:
        with encoding_errors(self._path):
            self._box.mux(self._encoder.packets(block))

    def close(self) -> None:
        with encoding_errors(self._path):
            self._box.mux(self._encoder.last_packets())
            self._box.close()

    def abandon(self) -> None:
        with suppress(OutputError), encoding_errors(self._path):
            self._box.close()
