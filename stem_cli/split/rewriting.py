"""What every pass over a finished folder shares: new files in place of ours, nothing of anybody else touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stem_cli import artifacts, verify
from stem_cli import tags as tags_of
from stem_cli.audio import Mix
from stem_cli.database import Database
from stem_cli.disk import disk_errors, write_synced
from stem_cli.errors import InputError
from stem_cli.folder import Record, Staging, StemFile, StemFolder, Tag, exact, to_text


def channels_of(folder: StemFolder, file: StemFile) -> int:
    """Of one of its files."""
    return Mix.open(folder.path(file)).channels


def samples_of(folder: StemFolder, name: str) -> Iterator[NDArray[Any]]:
    """The samples of a file in blocks, integers of the folder's depth (float32 where that is "float")."""
    depth = folder.record.depth
    for block in Mix.open(folder.paths()[name]).blocks():
        yield block if depth == "float" else exact.to_ints(block, depth)[0]


def tag_again(folder: StemFolder, like: StemFile, engine_id: Callable[[str], str]) -> Tag:
    """Puts the song's tags on new files; cover and what else the record does not hold are taken from a file there."""
    record = folder.record
    own = tags_of.read(folder.path(like))
    titled = replace(
        own, title=record.tags.get("title") or Path(record.source.path).stem, comment=record.tags.get("comment")
    )

    def tag(path: Path, name: str) -> None:
        tags_of.write(path, tags_of.of_stem(titled, name, record.source.digest, engine_id(name)))

    return tag


def refuse_changed(folder: StemFolder, files: tuple[StemFile, ...]) -> None:
    """Raises InputError where a file is not what its record says: somebody has changed it."""
    only = replace(folder.record, files=files, song=replace(folder.record.song, parts=()))
    faults = [finding for finding in verify.check(StemFolder(folder.place, only)) if finding.fault]
    if faults:
        what = f"it is not what was written there once ({faults[0].what})"
        raise InputError(what, faults[0].path, "Name that file itself, with --is-stem, or separate the song again.")


def put_in_place(
    database: Database, folder: StemFolder, made: StemFolder, files: tuple[StemFile, ...], new: Staging
) -> None:
    """Move new files into a folder, with the record that tells of them; what of ours they replace goes.

    Raises OutputError where they do not read back as they were written, before anything is moved.
    """
    only = replace(made.record, files=files, song=replace(made.record.song, parts=()))
    verify.refuse_faults(StemFolder(made.place, only), new.stems)
    write_synced(new.stems / folder.place.metadata.name, to_text(made.record))
    with disk_errors(folder.place.home):
        new.commit(_ours_replaced(folder, made.record, files))
    artifacts.register(database, made)


def _ours_replaced(folder: StemFolder, record: Record, files: tuple[StemFile, ...]) -> tuple[str, ...]:
    """What of ours lies there and goes or is written anew; nothing that is not ours."""
    left = {one.name for one in record.files} - {one.name for one in files}
    return (folder.place.metadata.name, *(one.file for one in folder.record.files if one.name not in left))
