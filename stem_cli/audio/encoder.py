"""One stream of AAC or ALAC inside a container that PyAV holds open."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

AAC_BITS_PER_SECOND = 256_000
"""Of a stereo stream; a mono one takes half."""
_ANY_FRAMES = 4096  # of a codec that does not ask for a size


class Encoder:
    """A stream held open: integers in, packets into the container. Same samples, same packets, whatever the blocks."""

    def __init__(self, box: Any, codec: str, rate: int, channels: int, depth: str) -> None:
        self._box = box
        self._layout = "mono" if channels == 1 else "stereo"
        self._depth, self._rate, self._done = depth, rate, 0
        self._held: list[np.ndarray] = []
        self._sample_format = "fltp" if codec == "aac" else "s16p" if depth == "16" else "s32p"
        stream: Any = box.add_stream(codec, rate=rate, layout=self._layout)
        stream.time_base = Fraction(1, rate)
        stream.codec_context.format = self._sample_format
        if codec == "aac":
            stream.bit_rate = AAC_BITS_PER_SECOND * channels // 2
        self._stream = stream

    def packets(self, block: np.ndarray) -> list[Any]:
        """What a block of integers, int32 [channels, frames], adds to the stream, ready to be muxed."""
        self._held.append(block)
        ready = np.concatenate(self._held, axis=1) if len(self._held) > 1 else block
        size = self._stream.codec_context.frame_size or _ANY_FRAMES
        whole = ready.shape[1] // size * size
        self._held = [ready[:, whole:]]
        return [one for at in range(0, whole, size) for one in self._encoded(ready[:, at : at + size])]

    def last_packets(self) -> list[Any]:
        """The rest of the stream, once all blocks are in."""
        rest = self._held[0] if self._held else np.zeros((1, 0), np.int32)
        last = self._encoded(rest) if rest.shape[1] else []
        return [*last, *self._stream.encode(None)]

    def _encoded(self, samples: np.ndarray) -> list[Any]:
        import av

        frame = av.AudioFrame.from_ndarray(self._converted(samples), format=self._sample_format, layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._done, Fraction(1, self._rate)
        self._done += samples.shape[1]
        return list(self._stream.encode(frame))

    def _converted(self, samples: np.ndarray) -> np.ndarray:
        if self._sample_format == "fltp":
            return np.ascontiguousarray(samples * np.float32(2.0 ** -(int(self._depth) - 1)), np.float32)
        kind = np.int16 if self._sample_format == "s16p" else np.int32
        return np.ascontiguousarray(samples << (8 if self._depth == "24" else 0), kind)
