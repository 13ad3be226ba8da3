"""Is there room for the stems, asked before any work begins?"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from stem_cli.audio import FORMATS
from stem_cli.errors import FullError
from stem_cli.folder import Spec

_BYTES = {"16": 2, "24": 3, "float": 4}
_SHARE = {"flac": 0.8, "alac": 0.8}  # of the bytes of a WAV: noise packs worse, songs pack better
_LOSSY_BYTES_PER_SECOND = {"mp3": 40_000, "aac": 32_000}
_SPARE_BYTES = 16_000_000  # metadata, covers, the database


def bytes_of(spec: Spec) -> int:
    """About how much space its files need."""
    if not FORMATS[spec.format].exact:
        return round(spec.frames / spec.rate * _LOSSY_BYTES_PER_SECOND[spec.format] * len(spec.names))
    samples = spec.frames * spec.channels * len(spec.names)
    return round(samples * _BYTES[spec.depth] * _SHARE.get(spec.format, 1.0))


def free_bytes(folder: Path) -> int:
    """Free space on the disk that holds this folder, or will hold it; endless where its file system does not say."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.free if usage.total else sys.maxsize


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders, there or not yet, lie on the same disk."""
    one, other = one.absolute(), other.absolute()
    while not one.exists():
        one = one.parent
    while not other.exists():
        other = other.parent
    return one.stat().st_dev == other.stat().st_dev


def require(folder: Path, needed: int) -> None:
    """Raises FullError where the disk cannot hold so many bytes more."""
    free = free_bytes(folder)
    if free < needed + _SPARE_BYTES:
        what = f"the disk has {free / 1e9:.2f} GB free, the stems need about {(needed + _SPARE_BYTES) / 1e9:.2f} GB"
        raise FullError(what, folder, "Free some space, choose another --output or --format flac.")
