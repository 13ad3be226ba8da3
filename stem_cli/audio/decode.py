"""A file's sound as blocks, by soundfile or by PyAV. Whatever they raise becomes DamagedError."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stem_cli.audio.probe import Shape, native
from stem_cli.errors import DamagedError

_HINT = "Copy it again, or use --damaged take to separate what can be read."
_SEEKABLE = ("WAV", "WAVEX", "AIFF", "FLAC", "RF64", "W64", "CAF")


def blocks(shape: Shape, size: int, start: int = 0, tolerant: bool = False) -> Iterator[np.ndarray]:
    """The sound from frame `start` on, as float32 [channels, frames] of at most `size` frames.

    With `tolerant`, garbage is passed over and the sound ends where nothing more can be read; else DamagedError.
    """
    if shape.reader == "soundfile" and not (tolerant and shape.codec == "MPEG_LAYER_III"):
        yield from _by_soundfile(shape, size, start, tolerant)
    else:
        yield from _skip(_by_av(shape, tolerant), start)


def _by_soundfile(shape: Shape, size: int, start: int, tolerant: bool) -> Iterator[np.ndarray]:
    import soundfile

    try:
        with soundfile.SoundFile(native(shape.path)) as file:
            if shape.container in _SEEKABLE:
                file.seek(min(start, file.frames))
                start = 0
            yield from _skip(_read(file, size), start)
    except soundfile.LibsndfileError as error:
        if not tolerant:
            raise DamagedError("it holds data that cannot be decoded", shape.path, _HINT) from error


def _read(file: Any, size: int) -> Iterator[np.ndarray]:
    while True:
        block = file.read(size, dtype="float32", always_2d=True)
        if not len(block):
            return
        yield np.ascontiguousarray(block.T)


def _by_av(shape: Shape, tolerant: bool) -> Iterator[np.ndarray]:
    import av

    with av.open(str(shape.path)) as box:
        stream = box.streams.audio[0]
        # threads would reorder errors and take cores that --threads does not grant
        stream.codec_context.thread_type = "NONE"
        to_float: Any = None
        try:
            for packet in box.demux(stream):
                for frame in _frames(packet, tolerant):
                    if to_float is None:
                        to_float = av.AudioResampler(format="fltp", layout=frame.layout, rate=shape.rate)
                    for out in to_float.resample(frame):
                        yield out.to_ndarray()
        except av.FFmpegError as error:
            if not tolerant:
                raise DamagedError("it holds data that cannot be decoded", shape.path, _HINT) from error
        if to_float is not None:
            for out in to_float.resample(None):
                yield out.to_ndarray()


def _frames(packet: Any, tolerant: bool) -> list[Any]:
    import av

    try:
        return list(packet.decode())
    except av.FFmpegError:
        if not tolerant:
            raise
        return []


def _skip(blocks: Iterator[np.ndarray], frames: int) -> Iterator[np.ndarray]:
    """The blocks without the first `frames` frames."""
    for block in blocks:
        if frames < block.shape[1]:
            yield block[:, frames:] if frames else block
        frames = max(0, frames - block.shape[1])
