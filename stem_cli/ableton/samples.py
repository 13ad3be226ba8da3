"""Sound files of a project: copied where Live plays them as they are, made anew as WAV where not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stem_cli import disk
from stem_cli.ableton.clip import Sample
from stem_cli.audio import FORMATS, Mix, Shape, fingerprint, open_sink, probe
from stem_cli.errors import InputError
from stem_cli.folder import Record, copy_file
from stem_cli.folder.exact import to_ints

FOLDER = "Samples/Imported"
MADE = FORMATS["wav"].suffix
"""What files that are made anew end with."""
_PLAYED = {
    **dict.fromkeys(("WAV", "WAVEX", "RF64"), ("PCM_16", "PCM_24", "FLOAT")),
    **dict.fromkeys(("AIFF", "FLAC"), ("PCM_16", "PCM_24")),
}
"""Containers and codecs that Live plays, and whose first sample is where we think it is.

Not among them: integers of 32 bits, which it refuses, and MP3 and AAC, where its decoder starts elsewhere than ours."""
_CRC_BYTES, _CRC_POLYNOMIAL = 16384, 0x8005


def plays(shape: Shape) -> bool:
    """Whether Live plays a file as it is."""
    return shape.codec in _PLAYED.get(shape.container, ()) and shape.channels <= 2


def suffix_of(shape: Shape) -> str:
    """What the file's name in the project ends with."""
    return shape.path.suffix.lower() if plays(shape) else MADE


def put_stem(source: Path, target: Path, link: bool) -> None:
    """A stem into the project. link: as a hard link, where Live plays it as it is. Raises InputError, OutputError."""
    if plays(probe(source)):
        _copied(source, target, link)
    else:
        mix = Mix.open(source)
        depth = mix.shape.depth or "float"  # a lossy file may pass full scale: nothing is clipped
        _write(target, mix.rate, mix.channels, depth, mix.frames, mix.blocks())
        _as_old_as(target, source)


def put_original(source: Path | None, record: Record, stems: Sequence[Path], target: Path, link: bool) -> None:
    """The song itself into the project. source: the file to take it from; None is the sum of these stems."""
    if source is not None and _is_all(record, source):
        _copied(source, target, link)
        return
    if source is not None:
        mix = Mix.open(source, record.span, fold=True, tolerant=True)  # it was separated, whatever is wrong with it
        blocks = mix.blocks()
    else:
        mixes = [Mix.open(path) for path in stems]
        mix, blocks = mixes[0], _sum(mixes)
    _write(target, mix.rate, mix.channels, record.depth, mix.frames, blocks)
    _as_old_as(target, source or max(stems, key=lambda path: path.stat().st_mtime_ns))


def origin_of(record: Record, adds_up: bool) -> tuple[Path | None, str] | None:
    """What the song itself is taken from - a file, or None for the sum of its stems - and the suffix it gets.

    None where there is neither. adds_up: whether the stems do. Their sum is the song as it was separated, bit for bit,
    unless they are lossy.
    """
    source = original_file(record)
    if source is not None and _is_all(record, source):
        return source, source.suffix.lower()
    if adds_up and (FORMATS[record.format].exact or source is None):
        return None, MADE
    return None if source is None else (source, MADE)


def _is_all(record: Record, source: Path) -> bool:
    """Whether Live plays a song's file as it is, and all of it was separated."""
    return record.span is None and plays(probe(source))


def original_file(record: Record) -> Path | None:
    """The song that the stems were made of, if it still lies there and sounds the same."""
    path = Path(record.source.path)
    try:
        same = fingerprint(probe(path)).digest == record.source.digest
    except InputError:
        return None
    return path if same else None


def _sum(mixes: list[Mix]) -> Iterator[np.ndarray]:
    for blocks in zip(*(mix.blocks() for mix in mixes), strict=True):
        yield np.add.reduce(blocks, dtype=np.float64).astype(np.float32)


def _write(target: Path, rate: int, channels: int, depth: str, frames: int, blocks: Iterator[np.ndarray]) -> None:
    sink = open_sink(target, "wav", rate, channels, depth, frames)
    try:
        for block in blocks:
            sink.write(block if depth == "float" else to_ints(block, depth)[0])
        sink.close()
    except BaseException:
        sink.abandon()
        raise
    disk.sync(target)


def _copied(source: Path, target: Path, link: bool) -> None:
    copy_file(source, target, link)
    if target.stat().st_nlink == 1:  # a link has the time of its file, and must not be touched
        _as_old_as(target, source)
    disk.sync(target)


def _as_old_as(target: Path, source: Path) -> None:
    """The set tells the time of its samples: from the same stems, the same set."""
    stat = source.stat()
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def sample_of(file: Path, place: Path, project: Path) -> Sample:
    """What a set tells of a file that will lie at `place` in the project."""
    shape, stat = probe(file), file.stat()
    relative = place.relative_to(project).as_posix()
    return Sample(place, relative, stat.st_size, crc_of(file), int(stat.st_mtime), shape.frames, shape.rate)


def crc_of(path: Path) -> int:
    """Live's check sum: CRC-16, polynomial 0x8005, highest bit first, of the first 16 KiB."""
    crc = 0
    with path.open("rb") as file:
        for byte in file.read(_CRC_BYTES):
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ _CRC_POLYNOMIAL) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc
