"""Serato's crates, smart crates and database: fields of four letters, a length, and what is in them.

The first letter of a field tells its kind: v, t, p text in UTF-16 (big endian), u a number of four bytes, s of two, b
of one, o and r fields again. A crate holds `otrk` with `ptrk`, the path from the drive's root, for each song. (Mixxx
wiki "Serato Database Format"; Holzhaus/triseratops; three real crates.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from stem_cli.errors import InputError
from stem_cli.library.crate import Crate, Entry
from stem_cli.library.figures import day

CRATE, SMART, DATABASE = ".crate", ".scrate", "database V2"
FOLDER = "_Serato_"
_VERSIONS = ("Serato ScratchLive Crate", "Serato ScratchLive Smart Crate", "Serato Scratch LIVE Database")
SEPARATORS = ("%%", "≫≫")
"""Between the folders and the name of a crate, in its file's name; the second one in smart crates."""
_COLON = "\uf022"
"""What macOS writes for a colon."""
_LARGEST_BYTES = 500_000_000
_HEAD = 8


def read(path: Path) -> tuple[Crate, ...]:
    """The crate in a .crate or .scrate file. Raises InputError where it is damaged or none."""
    raw = _bytes(path)
    root = drive_of(path)
    paths = [
        text
        for tag, body in _known(raw, path)
        if tag == "otrk"
        for inner, text in _texts(body, path)
        if inner == "ptrk"
    ]
    entries = tuple(Entry(path_of(text, root)) for text in paths)
    return (Crate(_name(path), path, entries),)


def read_database(path: Path) -> dict[PurePosixPath, Entry]:
    """All songs of a "database V2", by their paths. Raises InputError."""
    root = drive_of(path)
    found = {}
    for tag, body in _known(_bytes(path), path):
        if tag == "otrk":
            fields = dict(_texts(body, path))
            if "pfil" in fields:
                entry = _entry(path_of(fields["pfil"], root), fields)
                found[entry.path] = entry
    return found


def drive_of(path: Path) -> PurePosixPath:
    """The root that paths in a file of Serato's start from."""
    for folder in path.absolute().parents:
        if folder.name == FOLDER and os.path.ismount(folder.parent):  # also a drive that is called Music
            return PurePosixPath(folder.parent.as_posix())
    return root_of(PurePosixPath(path.absolute().as_posix()))


def root_of(place: PurePosixPath) -> PurePosixPath:
    """The same for a file that is not here: what holds `_Serato_`, in a user's music folder the system's own root.

    >>> str(root_of(PurePosixPath("/Volumes/USB/_Serato_/database V2")))
    '/Volumes/USB'
    """
    for folder in (place, *place.parents):
        if folder.name == FOLDER:
            return PurePosixPath("/") if folder.parent.name.lower() == "music" else folder.parent
    return PurePosixPath("/")


def _name(path: Path) -> str:
    name = path.stem
    for separator in SEPARATORS:
        name = name.replace(separator, "/")
    return name


def path_of(text: str, root: PurePosixPath) -> PurePosixPath:
    """The file that a path from the drive's root means."""
    plain = text.replace(_COLON, ":").replace("\\", "/")
    if len(plain) > 1 and plain[1] == ":":  # an older Serato on Windows
        return PurePosixPath(plain)
    return root / plain.lstrip("/")


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError("this is too large for a file of Serato's", path, "Name a .crate file.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error


def _known(raw: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    """The fields of a whole file, once its first one says that it is Serato's."""
    fields = _fields(raw, path)
    tag, body = next(fields, ("", b""))
    version = _text(body, path) if tag == "vrsn" else ""
    if not any(version.endswith(known) for known in _VERSIONS):
        raise InputError("this is no crate of Serato's", path, "Name a .crate file in _Serato_/Subcrates.")
    yield from fields


def _fields(raw: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(raw):
        if at + _HEAD > len(raw):
            raise _damaged(path)
        tag, size = raw[at : at + 4].decode("latin-1"), struct.unpack_from(">I", raw, at + 4)[0]
        if at + _HEAD + size > len(raw):
            raise _damaged(path)
        yield tag, raw[at + _HEAD : at + _HEAD + size]
        at += _HEAD + size


def _texts(body: bytes, path: Path) -> Iterator[tuple[str, str]]:
    for tag, inner in _fields(body, path):
        if tag[:1] in ("t", "p", "v"):
            yield tag, _text(inner, path)
        elif tag[:1] == "u" and len(inner) == 4:
            yield tag, str(struct.unpack(">I", inner)[0])


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-16-be").rstrip("\0")
    except UnicodeDecodeError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError("it is damaged: a field goes on behind its end", path, "Take one from Serato's backup.")


def _entry(path: PurePosixPath, fields: dict[str, str]) -> Entry:
    return Entry(
        path,
        title=fields.get("tsng", ""),
        artist=fields.get("tart", ""),
        album=fields.get("talb", ""),
        genre=fields.get("tgen", ""),
        comment=fields.get("tcom", ""),
        key=fields.get("tkey", ""),
        bpm=_number(fields.get("tbpm", "")),
        seconds=_seconds(fields.get("tlen", "")),
        added=day(fields.get("uadd") or fields.get("tadd")),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0 < value < 1000 else None


def _seconds(text: str) -> float | None:
    """`4:08.21` as seconds."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        return None
    return sum(part * 60**place for place, part in enumerate(reversed(parts))) or None
