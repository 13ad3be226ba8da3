"""What every pass over a finished folder shares: new files in place of ours, nothing of anybody else touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stem_cli import tags as tags_of
from stem_cli import verify
from stem_cli.audio import Mix
from stem_cli.errors import InputError
from stem_cli.folder import Record, StemFile, StemFolder, Tag, exact


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


def ours_replaced(folder: StemFolder, record: Record, files: tuple[StemFile, ...]) -> tuple[str, ...]:
    """What of ours lies there and goes or is written anew; nothing that is not ours."""
    left = {one.name for one in record.files} - {one.name for one in files}
    return (folder.place.metadata.name, *(one.file for one in folder.record.files if one.name not in left))


def refuse_changed(folder: StemFolder, files: tuple[StemFile, ...]) -> None:
    """Raises InputError where a file is not what its record says: somebody has changed it."""
    only = replace(folder.record, files=files, song=replace(folder.record.song, parts=()))
    faults = [finding for finding in verify.check(StemFolder(folder.place, only)) if finding.fault]
    if faults:
        what = f"it is not what was written there once ({faults[0].what})"
        raise InputError(what, faults[0].path, "Name that file itself, with --is-stem, or separate the song again.")


def refuse_faults(made: StemFolder, files: tuple[StemFile, ...], home: Path) -> None:
    """Raises OutputError where new files do not read back as they were written, before anything is moved."""
    only = replace(made.record, files=files, song=replace(made.record.song, parts=()))
    verify.refuse_faults(StemFolder(made.place, only), home)
