"""A song that a user gave us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stem_cli import tags as tags_of
from stem_cli.audio import Fingerprint, Shape, fingerprint, probe
from stem_cli.tags import Tags


@dataclass(frozen=True)
class Track:
    """One song: where it lies, what it sounds like (`digest`, of the audio and not of the tags) and what its tags say.

    md5: of the whole file. damage: what is wrong with the file's structure, or "". frames: an estimate where the shape
    is not counted.
    """

    path: Path
    digest: str
    md5: str
    damage: str
    shape: Shape
    tags: Tags

    @property
    def artist(self) -> str:
        """As in the tags, or ""."""
        return self.tags.artist or ""

    @property
    def title(self) -> str:
        """As in the tags, else the file's name."""
        return self.tags.title or self.path.stem

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self.shape.rate

    @property
    def channels(self) -> int:
        """Of the file: 1, 2 or more."""
        return self.shape.channels

    @property
    def frames(self) -> int:
        """Of the whole song."""
        return self.shape.frames

    @property
    def seconds(self) -> float:
        """Of the whole song."""
        return self.shape.seconds


Memory = Callable[[Shape], Fingerprint]
"""Gives a file's fingerprint, from memory where the file has not changed since it was last read."""


def open_track(path: Path, memory: Memory = fingerprint) -> Track:
    """Look at a song: its shape, its digest and its tags. The file is only read. Raises InputError."""
    shape = probe(path)
    print_ = memory(shape)
    return Track(path, print_.digest, print_.md5, print_.damage, shape, tags_of.read(path))
