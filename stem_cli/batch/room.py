"""Whether the disk holds what a batch will write, asked before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stem_cli import stems
from stem_cli.batch.queue import Entry
from stem_cli.cache import Cache
from stem_cli.errors import FullError, counted
from stem_cli.folder import Spec, space
from stem_cli.settings import Settings
from stem_cli.split import Asked

_RATE, _CHANNELS, _UNKNOWN_SECONDS = 44100, 2, 240.0
_LOSSY = (".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wma", ".mpc")
_LEAST_BYTES = 4000
"""A second of sound has at least so many, 32 kbit/s: broken files of a few bytes need no room."""
_16_BIT_BYTES = 200_000
"""A WAV of 16 bits has 176,400 bytes a second; what has more is deeper, or of a higher rate."""


def needed_bytes(entries: Sequence[Entry], asked: Asked, settings: Settings) -> int:
    """About how much the stems of these songs take."""
    names = 2 if asked.two_stems else len(asked.stems or stems.FOUR)
    names += len(asked.also) + (1 if settings.vocal_sub_separation else 0)
    return sum(_bytes_of(entry, names, settings) for entry in entries)


def _bytes_of(entry: Entry, names: int, settings: Settings) -> int:
    seconds = entry.seconds or min(_UNKNOWN_SECONDS, entry.size / _LEAST_BYTES)
    rich = entry.path.suffix.lower() in _LOSSY or entry.size > seconds * _16_BIT_BYTES
    depth = settings.bit_depth or ("24" if rich else "16")
    kinds = tuple(str(number) for number in range(names))
    return space.bytes_of(Spec(kinds, settings.format, depth, _RATE, _CHANNELS, round(seconds * _RATE)))


def require(output: Path, entries: Sequence[Entry], asked: Asked, settings: Settings) -> int:
    """About how much the stems of these songs take. Raises FullError where the disk cannot hold it, by how much."""
    needed, free = needed_bytes(entries, asked, settings), space.free_bytes(output)
    if free < needed:
        what = (
            f"the stems of {counted(len(entries), 'song')} need about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are"
            f" free: {(needed - free) / 1e9:.1f} GB are missing"
        )
        hint = "Free some space, use --limit, --format flac, --two-stems, `stem cache clear`, or another disk."
        raise FullError(what, output, hint)
    return needed


def beside(cache: Cache, output: Path, needed: int) -> Cache:
    """The cache, with a limit that leaves room for so many bytes of stems on the same disk; nothing in it is lost."""
    if not cache.limit_bytes or not space.same_disk(cache.root, output):
        return cache
    spare = space.free_bytes(output) - needed
    if spare >= cache.limit_bytes:
        return cache
    held = sum(entry.bytes for entry in cache.entries())
    return replace(cache, limit_bytes=min(cache.limit_bytes, max(1, held + spare)))
