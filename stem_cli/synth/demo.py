"""The song that ships with the program as ``stem_cli/data/demo.flac``, and how its samples become 16-bit integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stem_cli.synth.compose import compose
from stem_cli.synth.song import Song

STYLE, SEED, SECONDS, BPM = "house", 18, 36.0, 124.0


def demo_song() -> Song:
    """The score of "Morning Platform"; its true stems are ``render(demo_song())``, at the very level of the file."""
    return compose(STYLE, SEED, SECONDS, bpm=BPM)


def pcm16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Float audio in -1..1 as 16-bit samples, rounded to the nearest without dither; the shape is kept."""
    return np.asarray(np.clip(np.rint(audio.astype(np.float64) * 32767), -32768, 32767), dtype=np.int16)
