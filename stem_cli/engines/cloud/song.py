"""The song as it is sent: a FLAC file of 24 bits, and what makes it this song and no other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stem_cli.audio import open_sink
from stem_cli.engines import Mix

_FULL = 1 << 23
"""Steps of a 24-bit sample from 0 to full scale: float32 holds each of them exactly."""


@dataclass(frozen=True)
class Song:
    """What is sent. rate: samples per second. frames: counted. sha256: of rate, channels and all samples."""

    path: Path
    rate: int
    channels: int
    frames: int
    sha256: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.rate


def write(mix: Mix, folder: Path) -> Song:
    """Write the mix into a folder. The file is named after its sound, not after the song. Raises OutputError."""
    path = folder / "song.flac"
    digest, frames = hashlib.sha256(f"{mix.rate} {mix.channels}\n".encode()), 0
    sink = open_sink(path, "flac", mix.rate, mix.channels, "24", mix.frames)
    for block in mix.skim():
        whole = np.clip(np.rint(block * np.float32(_FULL)), -_FULL, _FULL - 1).astype("<i4")
        sink.write(whole)
        digest.update(np.ascontiguousarray(whole.T).tobytes())
        frames += whole.shape[1]
    sink.close()
    sha256 = digest.hexdigest()
    named = path.replace(folder / f"stem-{sha256[:8]}.flac")
    return Song(named, mix.rate, mix.channels, frames, sha256)
