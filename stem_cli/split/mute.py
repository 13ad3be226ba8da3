"""A stem that should be silent is made so: what is in it goes to the rest, and all files still add up to the song."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import quality, stems
from stem_cli.audio import FORMATS
from stem_cli.cache import place_key
from stem_cli.errors import UsageError
from stem_cli.folder import Record, Spec, StemFile, StemFolder, Target, Writer, exact, open_folder, stage
from stem_cli.separation import Order, Shop
from stem_cli.split.rewriting import channels_of, put_in_place, refuse_changed, samples_of, tag_again

Samples = NDArray[Any]


def refuse(order: Order) -> None:
    """What can be known before any work of stems that are to be silent. Raises UsageError."""
    if not order.mute:
        return
    settings = order.settings
    if not FORMATS[settings.format].exact:
        raise UsageError(f"--mute: {settings.format} loses with each writing", None, "Choose --format flac.")
    if order.names or order.two_stems or order.also or settings.vocal_sub_separation:
        what = "--mute wants all stems of the song and nothing else"
        raise UsageError(what, None, "Leave out --stems, --two-stems, --also and --split-vocals.")
    if stems.REMAINDER in order.mute:
        raise UsageError(f"--mute: {stems.REMAINDER} takes what is in the others", None, "Mute another stem.")


def mute(shop: Shop, folder: StemFolder, stem: str) -> StemFolder:
    """Silence one stem of a folder of ours, that what is in it goes to the rest.

    Raises UsageError where not all stems of the song are there, OutputError.
    """
    with shop.cache.lock(place_key(folder.place)):
        folder = open_folder(folder.place.metadata)
        record = folder.record
        if stem in record.muted:
            return folder
        names = record.song.parts
        if {file.name for file in record.files} != set(names) or stem not in names or stem == _rest(names):
            what = f"{stem} cannot be muted: the files there are not the stems of the song, with a rest beside it"
            raise UsageError(what, folder.place.home, "Separate the song again with --force.")
        refuse_changed(folder, record.files)
        return _muted(shop, folder, stem)


def _rest(names: tuple[str, ...]) -> str:
    """The stem that takes what another one loses."""
    return stems.REMAINDER if stems.REMAINDER in names else names[-1]


def _muted(shop: Shop, folder: StemFolder, stem: str) -> StemFolder:
    """With the folder held."""
    record = folder.record
    files = {file.name: file for file in record.files}
    one = next(iter(files.values()))
    with stage(folder.place) as staged:
        spec = Spec(tuple(files), one.format, one.depth, record.source.rate, channels_of(folder, one), one.frames)
        written = _written(
            folder, Target(staged.stems, folder.place, spec, tag_again(folder, one, record.engine_of)), stem
        )
        made = StemFolder(folder.place, _record(record, written, stem))
        put_in_place(shop.database, folder, made, written, staged)
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
    found = quality.again(record.quality, written, record.residual_db, record.song.clipped, without=stem)
    return replace(record, files=written, muted=(*record.muted, stem), quality=found)
