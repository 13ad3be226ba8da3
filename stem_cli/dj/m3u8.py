"""M3U8 playlists, which every program reads: UTF-8, relative paths with forward slashes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath

from stem_cli.disk import disk_errors, replaced
from stem_cli.errors import UsageError

SUFFIX = ".m3u8"


@dataclass(frozen=True)
class Item:
    """A file of a playlist. seconds: of its length, None is unknown."""

    path: PurePath
    artist: str = ""
    title: str = ""
    seconds: float | None = None


def playlist(items: Iterable[Item], folder: PurePath) -> Iterator[str]:
    """The lines of a playlist that lies in this folder. Raises UsageError for a path that it cannot hold.

    >>> from pathlib import PurePosixPath as P
    >>> list(playlist([Item(P("/usb/Stems/a.wav"), "A", "Song (Vocals)", 180.6)], P("/usb/_DJ")))
    ['#EXTM3U\\n', '#EXTINF:181,A - Song (Vocals)\\n', '../Stems/a.wav\\n']
    """
    yield "#EXTM3U\n"
    for item in items:
        seconds = -1 if item.seconds is None else round(item.seconds)
        names = " - ".join(_line(name) for name in (item.artist, item.title or item.path.stem) if name)
        yield f"#EXTINF:{seconds},{names}\n"
        yield f"{relative(item.path, folder)}\n"


def write_m3u8(path: Path, items: Iterable[Item], seen: PurePath | None = None) -> None:
    """Write a playlist, whole or not at all, in the place of one that is there. Raises OutputError, UsageError.

    seen: its folder by the name that the items' paths have it, if another than here.
    """
    with disk_errors(path), replaced(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(playlist(items, seen or path.parent.absolute()))


def relative(path: PurePath, folder: PurePath) -> str:
    """The way from the folder to the file, the whole path where it lies on another drive. Raises UsageError."""
    text = path.as_posix()
    if path.drive == folder.drive and path.is_absolute() and folder.is_absolute():
        text = "/".join(_way(path, folder))
    if re.search("[\r\n]", text) or text != text.strip():
        raise UsageError("a playlist cannot hold its name", str(path), "Rename it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError("its name is no Unicode", str(path), "Rename it.") from error
    return f"./{text}" if text.startswith("#") else text


def _way(path: PurePath, folder: PurePath) -> list[str]:
    shared = zip(path.parts[:-1], folder.parts, strict=False)
    common = len(list(takewhile(lambda pair: pair[0] == pair[1], shared)))
    return [".."] * (len(folder.parts) - common) + list(path.parts[common:])


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
