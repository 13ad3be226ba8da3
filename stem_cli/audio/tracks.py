"""Several tracks of sound in one MP4, side by side: what `.stem.mp4` is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from stem_cli.audio.encoder import Encoder
from stem_cli.audio.sink import encoding_errors
from stem_cli.errors import OutputError


def write_tracks(
    path: Path, blocks: Iterator[Sequence[np.ndarray]], count: int, rate: int, codec: str, depth: str
) -> int:
    """Write a new MP4 of `count` stereo tracks and give the frames of each, in memory that does not grow.

    blocks: one int32 [2, frames] a track, all of one length, as integers of `depth` "16" or "24". codec: "aac" or
    "alac". The movie's clock ticks in samples, so edit lists are exact; only the first track is enabled. The `moov` box
    stands at the end. Same samples, same bytes. Raises OutputError.
    """
    import av

    # clocks and names of programs would make two files of the same sound differ; the brand is that of .m4a
    options = {"movie_timescale": str(rate), "fflags": "+bitexact", "brand": "M4A "}
    with encoding_errors(path):
        box: Any = av.open(str(path), "w", format="mp4", options=options)
    try:
        encoders = [Encoder(box, codec, rate, 2, depth) for _ in range(count)]
        frames = _mux(path, box, encoders, blocks)
        with encoding_errors(path):
            box.close()
    except BaseException:
        with suppress(OutputError), encoding_errors(path):
            box.close()
        raise
    return frames


def _mux(path: Path, box: Any, encoders: list[Encoder], blocks: Iterator[Sequence[np.ndarray]]) -> int:
    """The tracks are encoded side by side, as FFmpeg lets go of Python meanwhile, and muxed in their order."""
    frames = 0
    with ThreadPoolExecutor(len(encoders), "encode") as pool:
        for block in blocks:
            frames += block[0].shape[1]
            with encoding_errors(path):
                for packets in pool.map(lambda pair: pair[0].packets(pair[1]), zip(encoders, block, strict=True)):
                    box.mux(packets)
        with encoding_errors(path):
            for packets in [encoder.last_packets() for encoder in encoders]:
                box.mux(packets)
    return frames
