"""Crates as Serato wants them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from stem_cli.dj.check.finding import FAULT, WARNING, Finding
from stem_cli.dj.serato_crate import FOLDER, SEPARATOR, VERSION, Field, parse, path_in, turned

_SMART = ".scrate"
_SMART_VERSION = "1.0/Serato ScratchLive Smart Crate"
_SMART_FOLDER, _SMART_SEPARATOR = "SmartCrates", "≫≫"
_BACKUP = "Take it from _Serato_Backup, or write it anew with stem organize --for serato."
_HINT = "Write it anew with stem organize --for serato."
_DRIVE = re.compile("[A-Za-z]:/*|/Volumes/[^/]+/|/(?:run/)?media/[^/]+/[^/]+/")
_KNOWN = ("vrsn", "osrt", "ovct", "otrk", "rurt", "rart", "rlut")


def judge(raw: bytes, path: PurePath, exists: Callable[[str], bool] | None = None) -> Iterator[Finding]:
    """What Serato would stumble over. exists: whether a path of the drive is there; None does not ask."""
    smart = path.suffix.lower() == _SMART
    try:
        fields = parse(raw)
        if is_turned(fields):
            what = "its text has the lowest byte first (UTF-16 little endian), which Serato cannot read"
            yield Finding(FAULT, "crate.bytes", what, _HINT, fixable=True)
            fields = turned(fields)
        version = fields[0].body.decode("utf-16-be") if fields and fields[0].tag == "vrsn" else ""
        songs = [path_in(field) for field in fields if field.tag == "otrk"]
    except ValueError as error:
        yield Finding(FAULT, "crate.parse", f"it is damaged ({error})", _BACKUP)
        return
    if version != (_SMART_VERSION if smart else VERSION):
        yield Finding(FAULT, "crate.version", f"it says that it is {version!r}", _HINT)
    unknown = sorted({field.tag for field in fields} - set(_KNOWN))
    if unknown:
        yield Finding(WARNING, "crate.unknown", f"it holds fields that we do not know ({', '.join(unknown)})")
    yield from _columns(fields)
    yield from _place(path, smart)
    yield from _songs(songs, exists)


def is_turned(fields: tuple[Field, ...]) -> bool:
    """Whether the text of a crate has its lowest byte first."""
    versions = [version.encode("utf-16-le") for version in (VERSION, _SMART_VERSION)]
    return bool(fields) and fields[0].tag == "vrsn" and fields[0].body in versions


def _columns(fields: tuple[Field, ...]) -> Iterator[Finding]:
    for field in fields:
        if field.tag == "ovct":
            try:
                held = {one.tag: one.body.decode("utf-16-be") for one in parse(field.body) if one.tag[0] == "t"}
            except ValueError as error:
                yield Finding(FAULT, "crate.parse", f"a column of it is damaged ({error})", _BACKUP)
                continue
            if not held.get("tvcn") or not re.fullmatch("[0-9]+", held.get("tvcw", "")):
                yield Finding(WARNING, "crate.column", f"its column {held.get('tvcn')!r} has no width", _HINT)


def _place(path: PurePath, smart: bool) -> Iterator[Finding]:
    if any(not level for level in path.stem.split(_SMART_SEPARATOR if smart else SEPARATOR)):
        yield Finding(FAULT, "crate.name", f"a level of its name {path.stem!r} is empty", "Rename it.")
    parts = path.parts
    wanted = _SMART_FOLDER if smart else FOLDER
    if "_Serato_" in parts[:-1]:
        below = parts[parts.index("_Serato_") + 1 : -1]
        if below != (wanted,):
            yield Finding(FAULT, "crate.folder", f"Serato looks for it in _Serato_/{wanted}", "Move it there.")


def _songs(songs: list[str], exists: Callable[[str], bool] | None) -> Iterator[Finding]:
    seen: set[str] = set()
    whole = not isinstance(mended(songs), str)
    for song in songs:
        if song in seen:
            yield Finding(WARNING, "crate.twice", f"{song!r} stands in it twice", _HINT)
        seen.add(song)
        fault = _path_fault(song)
        if fault:
            yield Finding(FAULT, "crate.path", f"{song!r}: {fault}", _HINT, fixable=whole)
        elif exists is not None and not exists(song):
            yield Finding(FAULT, "crate.missing", f"{song!r} is not on its drive", "Copy it there.")


def mended(songs: Sequence[str]) -> list[str] | str:
    """Paths as Serato wants them, or why it cannot be told what they should be.

    A drive's letter, or the folder where macOS and Linux show a drive, goes: a crate holds songs of one drive.

    >>> mended(["C:\\\\Music\\\\a.wav"]), mended(["/Volumes/USB/a.wav"]), mended(["/Users/dj/a.wav"])
    (['Music/a.wav'], ['a.wav'], ['Users/dj/a.wav'])
    """
    drives: set[str] = set()
    found = []
    for song in songs:
        match = _DRIVE.match(plain := song.replace("\\", "/"))
        rest = plain[match.end() :] if match else plain
        if match:
            drives.add(match[0].rstrip("/"))
        if not rest.strip("/") or "\0" in rest:
            return f"{song!r} is no path"
        found.append(rest.lstrip("/"))
    return f"its songs lie on several drives ({', '.join(sorted(drives))})" if len(drives) > 1 else found


def _path_fault(song: str) -> str:
    """Paths start at the drive's root, without a slash, a letter or anything of Windows."""
    if not song:
        return "a path is empty"
    if song.startswith("/"):
        return "it begins with a slash; paths start at the drive's root without one"
    if re.match("[A-Za-z]:", song):
        return "it begins with a drive's letter"
    if "\\" in song:
        return "it holds a backslash"
    return "it holds a zero" if "\0" in song else ""
