"""A stem that should be silent is made so: what is in it goes to the rest, and all files still add up to the song."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import artifacts, quality, stems
from stem_cli.audio import FORMATS
from stem_cli.disk import write_synced
from stem_cli.errors import UsageError
from stem_cli.folder import Record, Spec, StemFile, StemFolder, Target, Writer, exact, stage, to_text
from stem_cli.separation import Shop
from stem_cli.split.rewriting import channels_of, checked, ours_replaced, place_key, samples_of, tag_again

Samples = NDArray[Any]


def mute(shop: Shop, folder: StemFolder, stem: str) -> StemFolder:
    """Silence one stem of a folder of ours. Raises UsageError where not all stems are there, OutputError."""
    record = folder.record
    names = record.song.parts
    if stem in record.muted:
        return folder
    if not FORMATS[record.format].exact:
        raise UsageError(
            f"{record.format} loses with each writing: nothing is muted in it", None, "Choose --format flac."
        )
    if (
        {file.name for file in record.files} != set(names)
        or stem not in names
        or stems.REMAINDER not in names
        or stem == stems.REMAINDER
    ):
        what = f"{stem} cannot be muted: {stems.REMAINDER} takes what is in it, and not all stems of the song are here"
        raise UsageError(what, folder.place.home, "Leave out --stems, --two-stems and --also.")
    files = {file.name: file for file in record.files if file.name in names}
    with shop.cache.lock(place_key(folder)), stage(folder.place) as staged:
        one = next(iter(files.values()))
        spec = Spec(tuple(files), one.format, one.depth, record.source.rate, channels_of(folder, one), one.frames)
        tag = tag_again(folder, one, record.engine_of)
        written = _written(folder, Target(staged.stems, folder.place, spec, tag), stem)
        made = StemFolder(folder.place, _record(record, written, stem))
        write_synced(staged.stems / folder.place.metadata.name, to_text(made.record))
        staged.commit(ours_replaced(folder, made.record, written))
    checked(made)
    artifacts.register(shop.database, made)
    return made


def _written(folder: StemFolder, target: Target, stem: str) -> tuple[StemFile, ...]:
    writer = Writer(target)
    readers = {name: samples_of(folder, name) for name in target.spec.names}
    try:
        while block := {name: part for name, reader in readers.items() if (part := next(reader, None)) is not None}:
            writer.write(muted(block, stem, target.spec.depth))
        (files,) = writer.finish()
        return files
    finally:
        writer.stop()


def muted(parts: dict[str, Samples], stem: str, depth: str) -> dict[str, Samples]:
    """The samples with one stem silent: the remainder takes it, and others what that cannot hold."""
    whole = np.add.reduce(list(parts.values()), dtype=next(iter(parts.values())).dtype)
    silent = {**parts, stem: np.zeros_like(parts[stem])}
    return exact.balanced(whole, silent, depth)


def _record(record: Record, written: tuple[StemFile, ...], stem: str) -> Record:
    fresh = {file.name: file for file in written}
    files = tuple(fresh.get(file.name, file) for file in record.files)
    found = quality.quick(files, record.residual_db, record.song.clipped, quality.verdict_of(record.quality))
    return replace(record, files=files, muted=(*record.muted, stem), quality=found)
