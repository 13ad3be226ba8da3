"""A crate with its paths as Serato wants them, and their letters in its order of bytes; all else stays."""

from __future__ import annotations

from collections.abc import Callable

from stem_cli.dj.check.crate import is_turned, mended
from stem_cli.dj.serato_crate import Field, parse, path_in, to_bytes, turned, with_path


def repaired(raw: bytes, moved: Callable[[str], str] = lambda path: path) -> bytes:
    """The bytes of a mended crate. moved: where a song of the drive lies now.

    Raises ValueError where it is damaged, or where its songs lie on several drives.
    """
    fields = parse(raw)
    if is_turned(fields):
        fields = turned(fields)
    songs = [path_in(field) for field in fields if field.tag == "otrk"]
    paths = mended(songs)
    if isinstance(paths, str):
        raise ValueError(paths)
    new = iter(paths)
    return to_bytes(_song(field, moved(next(new))) if field.tag == "otrk" else field for field in fields)


def _song(field: Field, path: str) -> Field:
    return field if path_in(field) == path else with_path(field, path)
