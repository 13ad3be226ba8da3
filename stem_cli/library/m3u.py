"""M3U and M3U8 playlists, also those of VirtualDJ: one path a line, what `#EXTINF` or `#EXTVDJ` says before it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from stem_cli.errors import InputError
from stem_cli.library.crate import Crate, Entry

_LARGEST_BYTES = 50_000_000
_ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""In turn: programs of today write UTF-8, older ones what Windows had."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_VDJ = re.compile(r"<(\w+)>(.*?)</\1>")


def read(path: Path) -> tuple[Crate, ...]:
    """The one list of a file. Raises InputError where it cannot be read or is none."""
    entries: list[Entry] = []
    left_out: list[str] = []
    told: dict[str, str] = {}
    for line in (one.strip() for one in _text(path).splitlines()):
        if line.startswith("#"):
            told = _told(line) or told
        elif line:
            place = path_of(line, path.parent)
            if place is None:
                left_out.append(f"{line}: a stream, no file")
            else:
                entries.append(_entry(place, told))
            told = {}
    return (Crate(path.stem, path, tuple(entries), tuple(left_out)),)


def path_of(text: str, folder: Path) -> PurePosixPath | None:
    """The file that a line names: absolute, relative to the list, as a file: address; None for other addresses.

    >>> str(path_of("a\\\\b.mp3", Path("/music"))), str(path_of("file:///C:/M%C3%BC/a.mp3", Path("/music")))
    ('/music/a/b.mp3', 'C:/Mü/a.mp3')
    """
    if text.lower().startswith("file:"):
        place = text[len("file:") :]
        if place.startswith("//"):  # a host, or none
            place = "/" + place[2:].partition("/")[2]
        found = unquote(place)
        return PurePosixPath(found[1:] if _DRIVE.match(found[1:]) else found)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        return None
    plain = text.replace("\\", "/")
    if _DRIVE.match(text) or plain.startswith("//"):
        return PurePosixPath(plain)
    return PurePosixPath(folder.absolute().as_posix()) / plain


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError("this is too large for a playlist", path, "Name the playlist itself.")
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error
    if b"\0" in raw:
        raise InputError("this is no playlist", path, "Name an .m3u or .m3u8 file.")
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError  # latin-1 takes everything


def _told(line: str) -> dict[str, str]:
    """What a line of comment says of the next song."""
    if line.startswith("#EXTVDJ:"):
        return dict(_VDJ.findall(line))
    found = re.match(r"#EXTINF:\s*+(-?[\d.]++)[^,]*+,(.*)", line)
    if not found:
        return {}
    artist, dash, title = found[2].strip().partition(" - ")
    return {"songlength": found[1], "title": title if dash else artist, "artist": artist if dash else ""}


def _entry(path: PurePosixPath, told: dict[str, str]) -> Entry:
    try:
        seconds = float(told.get("songlength", ""))
    except ValueError:
        seconds = -1.0
    artist, title = told.get("artist", "").strip(), told.get("title", "").strip()
    return Entry(path, title=title, artist=artist, seconds=seconds if 0 < seconds < 1e7 else None)
