"""BPM and key into the tags of files, where they are missing. Each file is changed in a copy that takes its place."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from stem_cli import tags as tags_of
from stem_cli.analysis.found import Analysis
from stem_cli.audio import fingerprint, probe
from stem_cli.disk import disk_errors, replaced
from stem_cli.errors import OutputError
from stem_cli.folder import StemFile, StemFolder, copy_file
from stem_cli.tags import Tags

ELSEWHERE = "Copy the stems to where you may write"


def tag_stems(folder: StemFolder, found: Analysis, before: Analysis | None, over: bool) -> StemFolder:
    """Tag the files of a folder of ours; gives it with a record that tells of them, which is still to be written.

    before: what was found last time; what that has put into tags, where the song had none, is replaced. over: whether
    all that stands there is replaced. Raises OutputError.
    """
    told = fields_of(before) if before is not None else Tags()
    ours = replace(told, **dict.fromkeys({"bpm", "key"} & set(folder.record.tags)))
    files = tuple(_tagged(folder.path(file), file, found, ours, over) for file in folder.record.files)
    return replace(folder, record=replace(folder.record, files=files))


def _tagged(path: Path, file: StemFile, found: Analysis, ours: Tags, over: bool) -> StemFile:
    fields = _wanted(path, found, ours, over) if path.exists() else Tags()
    if fields == Tags():
        return file
    with disk_errors(path, ELSEWHERE), replaced(path) as partial:
        copy_file(path, partial)
        shutil.copymode(path, partial)
        tags_of.add(partial, fields)
        with partial.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        return replace(file, sha256=digest, bytes=partial.stat().st_size)


def tag_song(path: Path, found: Analysis) -> Tags:
    """Put BPM and key into the tags of a user's song, where they are missing; gives those that were.

    Nothing else of it changes; its sound is read back before the copy takes its place. Raises OutputError.
    """
    target = path.resolve()
    fields = _wanted(target, found, Tags(), over=False)
    if fields == Tags():
        return fields
    with disk_errors(target, "Leave out --write-tags"), replaced(target) as partial:
        copy_file(target, partial)
        shutil.copystat(target, partial)
        tags_of.add(partial, fields)
        if fingerprint(probe(partial)).digest != fingerprint(probe(target)).digest:
            raise OutputError("its tags cannot be written without a change to its sound", path, "It was left as it is.")
    return fields


def fields_of(found: Analysis) -> Tags:
    """BPM and key as tags hold them, with two decimals; a tempo or key that is doubted is none."""
    grid, key = found.sure_grid, found.sure_key
    return Tags(bpm=None if grid is None else round(grid.quarters_bpm, 2), key=None if key is None else key.key.name)


def _wanted(path: Path, found: Analysis, ours: Tags, over: bool) -> Tags:
    """What a file is to get. ours: what is not in the way where it stands there."""
    now, wanted = tags_of.read(path), fields_of(found)
    bpm = wanted.bpm if over or now.bpm in (None, ours.bpm) else None
    key = wanted.key if over or now.key in (None, ours.key) else None
    return Tags(bpm=None if bpm == now.bpm else bpm, key=None if key == now.key else key)
