"""Stems that cannot be organized: found before a song is begun, and told with what to do."""

from __future__ import annotations

from stem_cli.audio import probe
from stem_cli.errors import InputError, StemError, TooLargeError
from stem_cli.organize.foreign import Adopted
from stem_cli.organize.plan import Item


def refuse_damaged(todo: list[Item]) -> None:
    """Raises InputError where a stem that is needed is gone, or ends sooner than when it was written."""
    folder = todo[0].song.folder
    if isinstance(folder, Adopted):
        return
    every = any(not item.kind or not item.as_it_is for item in todo)
    for file in (one for one in folder.record.files if every or one.name in {item.kind for item in todo}):
        path = folder.paths()[file.name]
        shape = probe(path)
        if shape.counted and shape.frames < file.frames:
            raise InputError(f"it ends after {shape.seconds:.1f} s of {file.frames / shape.rate:.1f} s", path)


def as_told(error: StemError, items: list[Item]) -> StemError:
    """Of a stem that cannot be read, what to do about it."""
    if isinstance(error, TooLargeError):
        return error
    home = items[0].song.folder.place.home
    place = error.path if error.path in items[0].song.folder.paths().values() else home
    return InputError(error.what, place, "Put the stem there again, or separate the song again with --force.")
