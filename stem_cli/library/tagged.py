"""What a song's own tags say of it."""

from __future__ import annotations

import re
from pathlib import Path

from stem_cli import tags as tags_of
from stem_cli.errors import InputError
from stem_cli.library.song import Song
from stem_cli.library.walk import Found

_WITHOUT = re.compile(
    r"\b(instrumental|inst|karaoke|dub tool|beats only|drum ?apella|(no|without) vocals?)\b", re.IGNORECASE
)
_WITH = re.compile(r"\b(vocals?|a ?cc?app?ell?a|feat|ft|vox)\b", re.IGNORECASE)


def song_of(found: Found, today: str = "") -> tuple[Song, str]:
    """The song, and why it is none after all: "" where it is one, else that it is a stem of ours or cannot be read.

    today: yyyy-mm-dd, when it was first seen. Nothing but its headers is read.
    """
    place = Song(found.path, found.size, found.mtime_ns, found.inode, added=today)
    if not found.size:
        return place, "it is empty"
    try:
        tags = tags_of.read(found.path)
    except InputError as error:
        return place, error.what
    outline = tags_of.outline(found.path)
    song = Song(
        path=found.path,
        size=found.size,
        mtime_ns=found.mtime_ns,
        inode=found.inode,
        title=tags.title or "",
        artist=tags.artist or "",
        album=tags.album or "",
        genre=tags.genre or "",
        comment=tags.comment or "",
        key=tags.key or "",
        bpm=tags.bpm,
        rating=outline.rating,
        seconds=outline.seconds,
        added=today,
        vocals=_vocals(vocals_in(tags.title or "", tags.genre or "", found.path), outline.lyrics),
    )
    return song, "it is a stem" if tags.stem else ""


def _vocals(named: str, lyrics: bool) -> str:
    """An instrumental version may have the lyrics of the song in its tags."""
    return "yes" if named == "unknown" and lyrics else named


def vocals_in(title: str, genre: str, path: Path) -> str:
    """Whether there are vocals in a song, as its names tell: "yes", "no" or "unknown".

    >>> [vocals_in(one, "", Path("a.mp3")) for one in ("Song (Instrumental)", "Song (Acapella)", "Song")]
    ['no', 'yes', 'unknown']
    """
    words = f"{title} {genre}" if title else f"{path.stem} {genre}"
    if _WITHOUT.search(words):
        return "no"
    return "yes" if _WITH.search(words) else "unknown"
