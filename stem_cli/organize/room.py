"""What the output's disk can take, asked before the first file is written: room, the size of a file, hard links."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from stem_cli.dj import ni_stem
from stem_cli.errors import FullError, StemError, TooLargeError, counted
from stem_cli.folder import Spec, space
from stem_cli.organize.plan import Item, Plan

LARGEST_FAT_BYTES = 2**32 - 1
"""Of a file. (Microsoft, "FAT32 File System Specification", 1.03.)"""
_EACH_BYTES = 1500
"""What a file takes beside its sound: its lines in lists, the rest of its last block."""
_SHARING = ("btrfs", "xfs", "bcachefs")
"""File systems where a copy takes no room."""


def without_large(wanted: Plan, output: Path, codec: str) -> tuple[Plan, dict[str, StemError]]:
    """The plan without files that the stick's file system or their own format cannot hold, and by song why."""
    system = file_system(output)
    failed: dict[str, StemError] = {}
    kept = []
    for item in wanted.items:
        there = os.path.lexists(output / item.path)
        error = None if there else _too_large(item, _bytes_of(item, codec), output, system)
        if error is None:
            kept.append(item)
        else:
            failed.setdefault(item.song.name, error)
    return replace(wanted, items=tuple(kept)), failed


def require(items: Sequence[Item], output: Path, link: bool, codec: str) -> None:
    """Raises FullError where the disk has not the room for what is not there yet, and says how much is missing."""
    system = file_system(output)
    new = [(item, _bytes_of(item, codec)) for item in items if not os.path.lexists(output / item.path)]
    needed = sum(_EACH_BYTES + (0 if _is_shared(item, output, link, system) else size) for item, size in new)
    needed += max((size for item, size in new if not item.kind), default=0)  # put together beside its place
    free = space.free_bytes(output)
    if new and free < needed:
        songs = counted(len({id(item.song) for item, _ in new}), "song")
        missing = f"{_size(free)} are free: {_size(needed - free)} are missing"
        what = f"the files of {songs} need about {_size(needed)}, {missing}"
        raise FullError(what, output, "Free some space, name fewer songs or --stems, or choose another --output.")


def told(wanted: Plan, output: Path, link: bool) -> list[str]:
    """A note where hard links are asked for and cannot be made."""
    sources = [item.source for item in wanted.items if item.kind and item.as_it_is]
    if not link or not (_is_fat(file_system(output)) or any(not space.same_disk(one, output) for one in sources)):
        return []
    return [f"{output}: files are copied: there are no hard links on FAT, nor to files of another disk"]


def file_system(folder: Path) -> str:
    """What the disk of a folder is formatted as, in lower case, "" where that is not told."""
    here = folder.absolute()
    parts = [part for part in psutil.disk_partitions(all=True) if here.is_relative_to(part.mountpoint)]
    parts.sort(key=lambda part: len(part.mountpoint))  # of two on one place the later one is seen
    return parts[-1].fstype.lower() if parts else ""


def _is_fat(system: str) -> bool:
    """Whether it is FAT32 or older: "vfat" on Linux, "msdos" on a Mac, "FAT32" on Windows."""
    return system == "msdos" or ("fat" in system and "exfat" not in system)


def _bytes_of(item: Item, codec: str) -> int:
    """About how large the file will be."""
    source = item.song.folder.record.source
    frames = max((file.frames for file in item.song.folder.record.files), default=source.frames)
    seconds = frames / source.rate
    if not item.kind:
        tracks = Spec((*ni_stem.ORDER, "song"), "alac", item.depth, source.rate, 2, frames)
        return round(ni_stem.least_bytes(seconds, codec)) or space.bytes_of(tracks)
    if item.as_it_is:
        return item.source.stat().st_size if item.source.exists() else 0
    spec = Spec((item.kind,), item.form, item.depth, item.rate, source.channels, round(seconds * item.rate))
    return space.bytes_of(spec)


def _too_large(item: Item, size: int, output: Path, system: str) -> TooLargeError | None:
    if not item.kind and size > ni_stem.LARGEST_BYTES:
        return ni_stem.too_large(output / item.path)
    if _is_fat(system) and size > LARGEST_FAT_BYTES:
        what = f"it would have {_size(size)}, and the disk's file system, FAT, holds files up to 4 GiB"
        return TooLargeError(what, output / item.path, "Choose a disk that is formatted as exFAT.")
    return None


def _is_shared(item: Item, output: Path, link: bool, system: str) -> bool:
    """Whether the file takes no room: it has that of the stem that lies on the same disk."""
    shares = item.as_it_is and bool(item.kind) and (system in _SHARING or (link and not _is_fat(system)))
    return shares and item.source.exists() and space.same_disk(item.source, output)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
