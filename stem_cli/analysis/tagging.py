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


def tag_stems(folder: StemFolder, found: Analysis, over: bool) -> StemFolder:
    """Tag the files of a folder of ours; gives it with a record that tells of them, which is still to be written.

    over: whether a BPM and a key that stand there are replaced. Raises OutputError.
    """
    files = tuple(_tagged(folder.path(file), file, found, over) for file in folder.record.files)
    return replace(folder, record=replace(folder.record, files=files))


def _tagged(path: Path, file: StemFile, found: Analysis, over: bool) -> StemFile:
    fields = _wanted(path, found, over) if path.exists() else Tags()
    if fields == Tags():
        return file
    with disk_errors(path), replaced(path) as partial:
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
    fields = _wanted(target, found, over=False)
    if fields == Tags():
        return fields
    with disk_errors(target, "Leave out --write-tags"), replaced(target) as partial:
        copy_file(target, partial)
        shutil.copystat(target, partial)
        tags_of.add(partial, fields)
        if fingerprint(probe(partial)).digest != fingerprint(probe(target)).digest:
            raise OutputError("its tags cannot be written without a change to its sound", path, "It was left as it is.")
    return fields


def _wanted(path: Path, found: Analysis, over: bool) -> Tags:
    """What a file is to get of BPM and key."""
    now, grid = tags_of.read(path), found.sure_grid
    bpm = grid.bpm if grid is not None and (over or now.bpm is None) else None
    key = found.key.key.name if found.key is not None and (over or now.key is None) else None
    same = (now.bpm is not None and bpm is not None and round(bpm, 2) == round(now.bpm, 2), key == now.key)
    return Tags(bpm=None if same[0] else bpm, key=None if same[1] else key)
