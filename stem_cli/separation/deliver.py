"""Stems on their way to the disk: into the cache and into the user's folder, from an engine or from the cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, text

from stem_cli import artifacts, quality, verify
from stem_cli.audio import Mix
from stem_cli.database import Database, text_of
from stem_cli.disk import write_synced
from stem_cli.dsp.loudness import Levels
from stem_cli.engines import StemBlock
from stem_cli.folder import (
    Measured,
    Place,
    Record,
    Spec,
    Staging,
    StemFile,
    StemFolder,
    Tag,
    Target,
    Writer,
    copy_file,
    exact,
    finished,
    stage,
    to_text,
    untagged,
)
from stem_cli.separation.order import order_of, parts_of_sum
from stem_cli.separation.stream import Settled, Sum, Tap, settled


@dataclass(frozen=True)
class Wanted:
    """The folder to make. check: read it back. old: what of ours lies there already."""

    place: Place
    spec: Spec
    check: bool
    link: bool
    old: StemFolder | None

    @property
    def obsolete(self) -> tuple[str, ...]:
        """The files of ours that lie there already."""
        return () if self.old is None else self.old.names()

    def target(self, folder: Path, tag: Tag) -> Target:
        """The same for the writer, in a folder of its own."""
        return Target(folder, self.place, self.spec, tag)


@dataclass(frozen=True)
class Outlets:
    """Held open over the blocks of one separation. kept: the cache's entry, where there is to be one."""

    wanted: Wanted
    stems: tuple[str, ...]
    writer: Writer
    staged: Staging
    kept: Staging | None

    def write(self, block: Settled) -> None:
        """One block into every file."""
        self.writer.write(block.named(self.writer.names))

    def keep(self, record: Record) -> None:
        """Move the cache's entry into its place, if there is to be one."""
        if self.kept is not None:
            commit(self.kept, record, check=False, obsolete=None)

    def deliver(self, record: Record) -> StemFolder:
        """Move the folder into its place, when it has been read back."""
        whole = merged(self.staged, record, self.wanted.old, self.stems)
        return commit(self.staged, whole, self.wanted.check, self.wanted.obsolete)


@contextmanager
def opened(wanted: Wanted, tag: Tag, stems: tuple[str, ...], entry: Place | None) -> Iterator[Outlets]:
    """Open the files of a folder and of a cache entry, if there is to be one. What is not finished will be gone.

    stems: all that the engine makes. The cache holds them as WAV, without tags.
    """
    with ExitStack() as stack:
        staged = stack.enter_context(stage(wanted.place))
        kept = stack.enter_context(stage(entry)) if entry is not None else None
        targets = [wanted.target(staged.stems, tag)]
        if kept is not None:
            targets.append(Target(kept.stems, kept.place, replace(wanted.spec, names=stems, format="wav")))
        writer = Writer(*targets)
        stack.callback(writer.stop)
        yield Outlets(wanted, stems, writer, staged, kept)


def commit(staged: Staging, record: Record, check: bool, obsolete: tuple[str, ...] | None) -> StemFolder:
    """Read everything back, write metadata.json, move it all into place; `obsolete` as for `Staging.commit`.

    Raises OutputError where it reads back wrong.
    """
    folder = StemFolder(staged.place, record)
    if check:
        verify.refuse_faults(folder, staged.stems)
    write_synced(staged.stems / staged.place.metadata.name, to_text(record))
    staged.commit(obsolete)
    return folder


def merged(staged: Staging, record: Record, old: StemFolder | None, stems: tuple[str, ...]) -> Record:
    """The record with the stems that lie there already, where they are of the same making as the new ones."""
    if old is None or old.record.making != record.making or old.record.muted:
        return record
    fresh = {file.name for file in record.files}
    kept = [file for file in old.record.files if file.name not in fresh and old.path(file).exists()]
    for file in kept:
        copy_file(old.path(file), staged.stems / file.file, link=True)
    files = tuple(sorted((*record.files, *kept), key=lambda file: order_of(file.name)))
    parts = parts_of_sum(tuple(file.name for file in files), stems)
    divided = {**old.record.divided, **record.divided}
    merged_record = replace(record, files=files, song=replace(record.song, parts=parts), divided=divided)
    if not record.quality.per_stem:
        return merged_record
    figures = {**old.record.quality.per_stem, **record.quality.per_stem}
    both = replace(record.quality, per_stem=figures)
    judged = quality.again(both, files, record.residual_db, record.song.clipped)
    return replace(merged_record, quality=judged)


def from_cache(
    kept: StemFolder,
    mix: Mix,
    wanted: Wanted,
    tag: Tag,
    record: Callable[[tuple[StemFile, ...], Sum | None], Record],
) -> StemFolder:
    """A folder out of a cache entry: copied where nothing changes, else written anew."""
    same_depth = kept.record.depth == wanted.spec.depth
    copied = {
        file.name: file
        for file in kept.record.files
        if same_depth and wanted.spec.format == "wav" and file.name in wanted.spec.names
    }
    with stage(wanted.place) as staged:
        target = wanted.target(staged.stems, untagged if wanted.link else tag)
        with ThreadPoolExecutor() as pool:
            copies = pool.map(lambda file: _copy(kept, file, target, wanted.link), copied.values())
            files = {file.name: file for file in copies}
        rest = tuple(name for name in wanted.spec.names if name not in copied)
        total: Sum | None = None
        if rest:
            total = None if same_depth and wanted.spec.depth != "float" else Sum()
            files |= _write(kept, mix, wanted, staged, rest, tag, total)
        ordered = tuple(files[name] for name in wanted.spec.names)
        whole = merged(staged, record(ordered, total), wanted.old, tuple(file.name for file in kept.record.files))
        return commit(staged, whole, wanted.check and bool(rest), wanted.obsolete)


def _copy(kept: StemFolder, file: StemFile, target: Target, link: bool) -> StemFile:
    copy_file(kept.path(file), target.path(file.name), link)
    levels = Levels(file.peak_db, file.rms_db, file.lufs, file.bandwidth_hz)
    return finished(target, file.name, Measured(file.frames, file.samples_sha256, levels))


def _write(
    kept: StemFolder, mix: Mix, wanted: Wanted, staged: Staging, names: tuple[str, ...], tag: Tag, total: Sum | None
) -> dict[str, StemFile]:
    """Write files anew from kept stems; with a `total` beside the song, whose samples they do not give to the bit."""
    writer = Writer(Target(staged.stems, wanted.place, replace(wanted.spec, names=names), tag))
    try:
        if total is None:
            blocks = _kept_blocks(kept)
        else:
            tap = Tap(mix)
            blocks = settled(_beside(tap, _kept_floats(kept)), tap, wanted.spec.depth, total)
        with closing(blocks):
            for block in blocks:
                writer.write(block.named(names))
        return {file.name: file for file in writer.finish()[0]}
    finally:
        writer.stop()


def _beside(tap: Tap, stems: Iterator[StemBlock]) -> Generator[StemBlock, None, None]:
    """Kept stems, with the song read as far as they go."""
    song, read, given = tap.blocks(), 0, 0
    for block in stems:
        given += next(iter(block.values())).shape[1]
        while read < given:
            read += next(song).shape[1]
        yield block


def _kept_floats(kept: StemFolder) -> Iterator[StemBlock]:
    """The stems of a cache entry, as the engine gave them."""
    readers = {file.name: Mix.open(kept.path(file)).blocks() for file in kept.record.files}
    while block := {name: part for name, reader in readers.items() if (part := next(reader, None)) is not None}:
        yield block


def _kept_blocks(kept: StemFolder) -> Generator[Settled, None, None]:
    """The stems of a cache entry of integers, in its own depth; their sum is the song."""
    for block in _kept_floats(kept):
        parts = {name: exact.to_ints(part, kept.record.depth)[0] for name, part in block.items()}
        yield Settled(parts, np.add.reduce(list(parts.values()), dtype=np.int32))


def note(database: Database, job: int, folder: StemFolder, status: str, seconds: float) -> tuple[str, ...]:
    """Record a separation, its quality and its files in the database; returns the artifacts' ids."""
    record = folder.record
    with database.change() as connection:
        made = connection.execute(
            text(
                "INSERT INTO separations (job_id, digest, engine_id, span, folder, cached, seconds, made_at) VALUES"
                " (:job, :digest, :engine, :span, :folder, :cached, :seconds, :made_at) RETURNING id"
            ),
            {
                "job": job,
                "digest": record.source.digest,
                "engine": record.made.engine_id,
                "span": artifacts.span_text(record.span),
                "folder": text_of(folder.place.metadata.absolute()),
                "cached": int(status == "cached"),
                "seconds": seconds,
                "made_at": record.made_at,
            },
        ).scalar_one()
        for stem, measures in record.quality.per_stem.items():
            for measure, value in measures.items():
                row = {"separation": made, "stem": stem, "measure": measure, "value": finite(value)}
                connection.execute(
                    text(
                        "INSERT INTO quality (separation_id, stem, measure, value)"
                        " VALUES (:separation, :stem, :measure, :value)"
                    ),
                    row,
                )
        _note_attempts(connection, made, record)
    return artifacts.register(database, folder)


def _note_attempts(connection: Connection, separation: int, record: Record) -> None:
    """The engines that were tried, in turn, where there was more than one."""
    columns = ("separation_id", "place", "engine_id", "model", "vocals_db", "poor", "kept", "why")
    names = ", ".join(f":{name}" for name in columns)
    statement = text(f"INSERT INTO attempts ({', '.join(columns)}) VALUES ({names})")  # noqa: S608 - all ours
    for place, one in enumerate(record.quality.attempts):
        flags = {"poor": int(one.poor), "kept": int(one.kept)}
        row = {name: getattr(one, name) for name in ("engine_id", "model", "vocals_db", "why")}
        connection.execute(statement, {"separation_id": separation, "place": place, **row, **flags})


def finite(value: float) -> float | None:
    """The value as a database takes it; silence is NULL."""
    return value if math.isfinite(value) else None
