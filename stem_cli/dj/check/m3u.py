"""Playlists as every program reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stem_cli.dj.check.finding import FAULT, WARNING, Finding

_BOM = b"\xef\xbb\xbf"
_HINT = "Write it anew as .m3u8."


def judge(raw: bytes, suffix: str, exists: Callable[[str], bool] | None = None) -> Iterator[Finding]:
    """What programs would stumble over. suffix: ".m3u" or ".m3u8". exists: whether the file of a line is there."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        severity = FAULT if suffix == ".m3u8" else WARNING
        yield Finding(severity, "m3u.encoding", "it is not in UTF-8", _HINT)
        text = raw.decode("cp1252", "replace")
    if raw.startswith(_BOM) and suffix == ".m3u8":
        yield Finding(WARNING, "m3u.bom", "it begins with a mark that some players take for a song", _HINT)
    if not text.startswith("#EXTM3U"):
        yield Finding(WARNING, "m3u.header", "its first line is not #EXTM3U", _HINT)
    lines = [line.strip() for line in text.splitlines()]
    places = [line for line in lines if line and not line.startswith("#")]
    if not places:
        yield Finding(WARNING, "m3u.empty", "there is no song in it")
    for place in places:
        if "\\" in place:
            yield Finding(WARNING, "m3u.backslash", f"{place!r} holds a backslash, which only Windows follows", _HINT)
        elif exists is not None and not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", place) and not exists(place):
            yield Finding(FAULT, "m3u.missing", f"there is no {place!r}", "Copy it there.")
