"""A playlist as every program reads it: UTF-8, `#EXTM3U` first, forward slashes, plain paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from stem_cli.dj.check.m3u import decoded

_HEADER = "#EXTM3U"
_STREAM = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")
_FILE = re.compile("file:(//[^/]*)?", re.IGNORECASE)


def repaired(raw: bytes, moved: Callable[[str], str] = lambda place: place) -> bytes:
    """The bytes of a mended playlist; its comments stay. moved: what a line names now, with forward slashes."""
    lines = [line.rstrip("\r") for line in decoded(raw).removeprefix("\ufeff").split("\n")]
    told = [line if _is_comment(line) else moved(plain(line.strip())) for line in lines]
    if not told[0].startswith(_HEADER):
        told.insert(0, _HEADER)
    return "\n".join(told).encode("utf-8", "replace")


def plain(place: str) -> str:
    """The path of a line with forward slashes; addresses of streams stay.

    >>> plain("file:///C:/M%C3%BC/a.mp3"), plain("..\\\\Stems\\\\a.wav"), plain("http://a/b%20c.mp3")
    ('C:/Mü/a.mp3', '../Stems/a.wav', 'http://a/b%20c.mp3')
    """
    match = _FILE.match(place)
    if match:
        path = unquote(place[match.end() :])
        return path[1:] if re.match("/[A-Za-z]:/", path) else path
    return place if _STREAM.match(place) else place.replace("\\", "/")


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
