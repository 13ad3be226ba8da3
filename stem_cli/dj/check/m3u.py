"""Playlists as every program reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from stem_cli.dj.check.finding import FAULT, WARNING, Finding

_BOM = b"\xef\xbb\xbf"
_ENCODINGS = ("utf-8-sig", "cp1252")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HINT = "Write it anew as .m3u8."


def judge(raw: bytes, suffix: str, exists: Callable[[str], bool] | None = None) -> Iterator[Finding]:
    """What programs would stumble over. suffix: ".m3u" or ".m3u8". exists: whether the file of a line is there."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        severity = FAULT if suffix == ".m3u8" else WARNING
        yield Finding(severity, "m3u.encoding", "it is not in UTF-8", _HINT, fixable=True)
        text = decoded(raw)
    if raw.startswith(_BOM) and suffix == ".m3u8":
        what = "it begins with a mark that some players take for a song"
        yield Finding(WARNING, "m3u.bom", what, _HINT, fixable=True)
    if not text.startswith("#EXTM3U"):
        yield Finding(WARNING, "m3u.header", "its first line is not #EXTM3U", _HINT, fixable=True)
    lines = [line.strip() for line in text.splitlines()]
    places = [line for line in lines if line and not line.startswith("#")]
    if not places:
        yield Finding(WARNING, "m3u.empty", "there is no song in it")
    for place in places:
        if "\\" in place:
            what = f"{place!r} holds a backslash, which only Windows follows"
            yield Finding(WARNING, "m3u.backslash", what, _HINT, fixable=True)
        if re.match(r"/|[A-Za-z]:|file:|\\\\", place):
            what = f"{place!r} is a whole path, which only this machine follows"
            yield Finding(WARNING, "m3u.absolute", what, "Write it relative to the list: ../Stems/a.wav.")
        if exists is not None and not _ADDRESS.match(place) and not exists(place.replace("\\", "/")):
            yield Finding(FAULT, "m3u.missing", f"there is no {place!r}", "Copy it there.")


def is_utf8(path: Path) -> bool:
    """Whether a playlist is in UTF-8; one that cannot be read is, for all that is known."""
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    except OSError:
        return True
    return True


def decoded(raw: bytes) -> str:
    """The text of a playlist in whatever it was written: UTF-8, UTF-16 with a mark, else what Windows had.

    >>> decoded("\ufeffä".encode()), decoded("ä".encode("utf-16")), decoded("ä".encode("cp1252"))
    ('ä', 'ä', 'ä')
    """
    encodings = ("utf-16", *_ENCODINGS) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else _ENCODINGS
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
