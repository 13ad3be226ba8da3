"""Serato's crates, written: fields of four letters, a length of four bytes, and what is in them.

`vrsn` comes first, then `osrt` (what it is sorted by) and `ovct` (a column each), which may be missing, then `otrk`
with `ptrk` for every song, in its order. Text is UTF-16, the highest byte first. (Three real crates; Mixxx wiki "Serato
Database Format".)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from stem_cli.disk import disk_errors, replaced
from stem_cli.errors import InputError, UsageError
from stem_cli.folder.names import NAME_UNITS, safe

SUFFIX = ".crate"
FOLDER = "Subcrates"
"""Within `_Serato_`; its case matters on some drives."""
SEPARATOR = "%%"
"""Between the levels of a crate, in its file's name."""
VERSION = "1.0/Serato ScratchLive Crate"
COLUMNS = ("song", "artist", "bpm", "key", "comment")
_SORTED_BY, _WIDTH = "#", "0"
COLON = "\uf022"
"""What stands for a colon in names of macOS."""
_HEAD = 8
_NESTED, _TEXTS = "or", "vtp"
"""First letters of fields that hold fields, and text."""


@dataclass(frozen=True)
class Field:
    """One field: its four letters and its bytes, whatever they mean."""

    tag: str
    body: bytes


def parse(raw: bytes) -> tuple[Field, ...]:
    """The fields of a crate or of a field that holds fields. Raises ValueError.

    >>> parse(b"brev\\0\\0\\0\\1\\0")
    (Field(tag='brev', body=b'\\x00'),)
    """
    found, at = [], 0
    while at < len(raw):
        tag = raw[at : at + 4]
        if not re.fullmatch(rb"[a-z][A-Za-z0-9]{3}", tag) or at + _HEAD > len(raw):
            raise ValueError(f"there is no field at byte {at}")
        size = struct.unpack_from(">I", raw, at + 4)[0]
        if at + _HEAD + size > len(raw):
            raise ValueError(f"the field {tag.decode()} at byte {at} goes on behind its end")
        found.append(Field(tag.decode(), raw[at + _HEAD : at + _HEAD + size]))
        at += _HEAD + size
    return tuple(found)


def to_bytes(fields: Iterable[Field]) -> bytes:
    """The bytes of fields, so that those of `parse` come back."""
    return b"".join(field.tag.encode() + struct.pack(">I", len(field.body)) + field.body for field in fields)


def crate(paths: Sequence[str]) -> bytes:
    """A new crate of these songs, by their paths on the drive (see `on_drive`), each once."""
    head = [_text("vrsn", VERSION), _nested("osrt", _text("tvcn", _SORTED_BY), Field("brev", b"\0"))]
    columns = [_nested("ovct", _text("tvcn", name), _text("tvcw", _WIDTH)) for name in COLUMNS]
    return to_bytes([*head, *columns, *map(_song, dict.fromkeys(paths))])


def rewritten(raw: bytes, paths: Sequence[str]) -> bytes:
    """A crate with these songs in place of its own; all else stays as it is, fields that we do not know too.

    Raises ValueError where it is none.
    """
    fields = parse(raw)
    if not fields or fields[0].tag != "vrsn" or _read(fields[0].body) != VERSION:
        raise ValueError("it is no crate of Serato's")
    old = {path_in(field): field for field in fields if field.tag == "otrk"}
    songs = [old.get(path) or _song(path) for path in dict.fromkeys(paths)]
    first = next((place for place, field in enumerate(fields) if field.tag == "otrk"), len(fields))
    before, behind = fields[:first], [field for field in fields[first:] if field.tag != "otrk"]
    return to_bytes([*before, *songs, *behind])


def path_in(song: Field) -> str:
    """The path of an `otrk`. Raises ValueError."""
    paths = [field for field in parse(song.body) if field.tag == "ptrk"]
    if len(paths) != 1:
        raise ValueError(f"a song has {len(paths)} paths")
    return _read(paths[0].body)


def with_path(song: Field, path: str) -> Field:
    """An `otrk` with another path; what else is in it stays. Raises ValueError."""
    return _nested(song.tag, *(_text("ptrk", path) if one.tag == "ptrk" else one for one in parse(song.body)))


def paths_of(raw: bytes) -> tuple[str, ...]:
    """The paths of all songs of a crate, as they stand there. Raises ValueError."""
    return tuple(path_in(field) for field in parse(raw) if field.tag == "otrk")


def turned(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Fields whose text has its lowest byte first, as Serato has it. Raises ValueError for text of half a letter.

    >>> turned(turned(parse(crate(["a.wav"])))) == parse(crate(["a.wav"]))
    True
    """
    return tuple(Field(field.tag, _turned(field)) for field in fields)


def _turned(field: Field) -> bytes:
    if field.tag[0] in _NESTED:
        return to_bytes(turned(parse(field.body)))
    return field.body.decode("utf-16-le").encode("utf-16-be") if field.tag[0] in _TEXTS else field.body


def write_crate(path: Path, paths: Sequence[str]) -> None:
    """Write a crate, whole or not at all; in one that is there only the songs change.

    Raises InputError where the one that is there is damaged, OutputError.
    """
    with disk_errors(path):
        old = path.read_bytes() if path.exists() else None
        try:
            new = crate(paths) if old is None else rewritten(old, paths)
        except ValueError as error:
            raise InputError(f"this crate is damaged ({error})", path, "Move it away first.") from error
        with replaced(path) as partial:
            partial.write_bytes(new)


def crate_name(levels: Sequence[str]) -> str:
    """The name of a crate's file: its folders and itself.

    >>> crate_name(["Stems", "50%", "R&B / Soul"])
    'Stems%%50%%R&B - Soul.crate'
    """
    room = NAME_UNITS // max(1, len(levels)) - len(SEPARATOR)
    named = (safe(level, room).strip("% ") or "_" for level in levels)  # a % at an end would move the separator
    return SEPARATOR.join(named) + SUFFIX


def on_drive(path: PurePath, root: PurePath) -> str:
    """A song's path as a crate holds it: from the root of its drive on, with forward slashes.

    Raises UsageError where it lies on another drive, or is no Unicode.

    >>> from pathlib import PurePosixPath, PureWindowsPath
    >>> on_drive(PurePosixPath("/Volumes/USB/Stems/a.wav"), PurePosixPath("/Volumes/USB"))
    'Stems/a.wav'
    >>> on_drive(PureWindowsPath("C:/Music/a.wav"), PureWindowsPath("C:/"))
    'Music/a.wav'
    """
    try:
        text = path.relative_to(root).as_posix().replace(":", COLON)
        text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise UsageError("its name is no Unicode, which Serato needs", str(path), "Rename it.") from error
    except ValueError as error:
        raise UsageError(f"it does not lie on {root}", str(path), "A crate holds songs of one drive.") from error
    return text


def _song(path: str) -> Field:
    return _nested("otrk", _text("ptrk", path))


def _text(tag: str, text: str) -> Field:
    return Field(tag, text.encode("utf-16-be"))


def _nested(tag: str, *fields: Field) -> Field:
    return Field(tag, to_bytes(fields))


def _read(raw: bytes) -> str:
    return raw.decode("utf-16-be")
