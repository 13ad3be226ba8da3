"""rekordbox.xml: songs with grid, cues, key and colour, and playlists of them, to be imported by the user.

After Pioneer's `xml_format_list.pdf` and three real files. Values in, text out, song by song: 20,000 of them take no
more memory than one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from urllib.parse import quote

from stem_cli import __version__
from stem_cli.cues import KINDS, Cue, Prepared, Tempo
from stem_cli.disk import disk_errors, replaced
from stem_cli.errors import UsageError
from stem_cli.tags import Tags

HOST = "file://localhost/"
RATINGS = (0, 51, 102, 153, 204, 255)
"""Of 0 to 5 stars."""
FILE_KINDS = {".wav": "WAV File", ".aiff": "AIFF File", ".aif": "AIFF File", ".flac": "FLAC File", ".mp3": "MP3 File",
              ".m4a": "M4A File", ".mp4": "M4A File"}  # fmt: skip

PLAIN = "/:()"
"""What real exports leave as it is in a Location, beside letters and digits."""
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;",
                          "\r": "&#13;"})  # fmt: skip


@dataclass(frozen=True)
class XmlTrack:
    """One file of the collection. path: absolute, on the machine or stick that rekordbox will see it on.

    size: bytes. bitrate: kbit/s, 0 is unknown. prepared: what the song's own entry says; its key wins over the tag.
    """

    path: PurePath
    tags: Tags = field(default_factory=Tags)
    prepared: Prepared = field(default_factory=Prepared)
    size: int = 0
    seconds: float = 0.0
    rate: int = 0
    bitrate: int = 0


@dataclass(frozen=True)
class Playlist:
    """A list of tracks. tracks: their numbers in the collection, from 1 on."""

    name: str
    tracks: tuple[int, ...]


@dataclass(frozen=True)
class Folder:
    """Playlists and folders in a folder."""

    name: str
    nodes: tuple[Playlist | Folder, ...]


def write_xml(path: Path, tracks: Iterable[XmlTrack], count: int, nodes: Sequence[Playlist | Folder]) -> None:
    """Write a rekordbox.xml, whole or not at all, in the place of one that is there. Raises OutputError, UsageError."""
    with disk_errors(path), replaced(path) as partial, partial.open("wb") as file:
        for line in document(tracks, count, nodes):
            file.write(line)


def document(tracks: Iterable[XmlTrack], count: int, nodes: Sequence[Playlist | Folder]) -> Iterator[bytes]:
    """The lines of a rekordbox.xml; same in, same out. count: of the tracks, which must be known before the first.

    Raises UsageError for a path that is not absolute, and for lists of tracks that are not there.
    """
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0">\n'
    yield _line("  <PRODUCT", {"Name": "stem-cli", "Version": __version__, "Company": ""}, "/>", empty=True)
    yield _line("  <COLLECTION", {"Entries": str(count)}, ">")
    given = 0
    for given, track in enumerate(tracks, 1):
        yield from _track(given, track)
    if given != count:
        raise UsageError(f"{given} tracks came where {count} were announced")
    yield b"  </COLLECTION>\n  <PLAYLISTS>\n"
    yield from _node(Folder("ROOT", tuple(nodes)), count, "    ")
    yield b"  </PLAYLISTS>\n</DJ_PLAYLISTS>\n"


def location(path: PurePath | str) -> str:
    """The Location of a file. Raises UsageError where its path is not absolute, or no Unicode.

    >>> location("/Users/dj/a b (Vocals).wav"), location("C:\\\\Music\\\\50%.wav")
    ('file://localhost/Users/dj/a%20b%20(Vocals).wav', 'file://localhost/C:/Music/50%25.wav')
    """
    text = unicodedata.normalize("NFC", path if isinstance(path, str) else str(path))
    if re.match(r"[A-Za-z]:[\\/]", text):
        text = "/" + text.replace("\\", "/")
    if not text.startswith("/") or text.startswith("//"):
        raise UsageError("rekordbox needs a path that starts at a drive", text, "Map its folder to a drive's letter.")
    try:
        return HOST + quote(text[1:], safe=PLAIN)
    except UnicodeEncodeError as error:
        raise UsageError("its name is no Unicode, which rekordbox needs", text, "Rename it.") from error


def by_stem_and_crate(tracks: Iterable[tuple[str, Sequence[str]]]) -> tuple[Folder, ...]:
    """A folder "Stems" with a playlist for every kind of stem, and in it one for each crate with the same in it.

    tracks: for each of the collection, in its order, the kind's title ("Vocals") and the names of its song's crates
    ("Gigs/Saturday").
    """
    kinds: dict[str, list[int]] = {}
    crates: dict[str, dict[str, list[int]]] = {}
    for number, (kind, names) in enumerate(tracks, 1):
        kinds.setdefault(kind, []).append(number)
        for name in names:
            crates.setdefault(name, {}).setdefault(kind, []).append(number)
    if not kinds:
        return ()
    by_crate = _nested({tuple(filter(None, name.split("/"))): _lists(held) for name, held in sorted(crates.items())})
    return (Folder("Stems", (*_lists(kinds), *([Folder("Crates", by_crate)] if by_crate else []))),)


def _lists(kinds: dict[str, list[int]]) -> tuple[Playlist, ...]:
    return tuple(Playlist(kind, tuple(numbers)) for kind, numbers in kinds.items())


def _nested(
    crates: dict[tuple[str, ...], tuple[Playlist, ...]], above: tuple[str, ...] = ()
) -> tuple[Playlist | Folder, ...]:
    """The folders right below `above`, with all that is in them."""
    depth = len(above)
    names = dict.fromkeys(path[depth] for path in crates if path[:depth] == above and len(path) > depth)
    return tuple(Folder(name, (*crates.get((*above, name), ()), *_nested(crates, (*above, name)))) for name in names)


def _track(number: int, track: XmlTrack) -> Iterator[bytes]:
    attributes = _attributes(number, track)
    inner = [*map(_tempo, track.prepared.grid), *map(_mark, track.prepared.cues)]
    yield _line("    <TRACK", attributes, ">" if inner else "/>")
    if inner:
        yield from inner
        yield b"    </TRACK>\n"


def _attributes(number: int, track: XmlTrack) -> dict[str, str]:
    """Those of a TRACK in rekordbox's own order; empty ones are not written."""
    tags, prepared = track.tags, track.prepared
    bpm = prepared.grid[0].bpm if prepared.grid else tags.bpm
    return {
        "TrackID": str(number),
        "Name": tags.title or track.path.stem,
        "Artist": tags.artist or "",
        "Composer": tags.composer or "",
        "Album": tags.album or "",
        "Grouping": tags.grouping or "",
        "Genre": tags.genre or "",
        "Kind": FILE_KINDS.get(track.path.suffix.lower(), ""),
        "Size": str(track.size or ""),
        "TotalTime": str(int(track.seconds) or ""),
        "DiscNumber": _whole(tags.disc_number),
        "TrackNumber": _whole(tags.track_number),
        "Year": _whole(tags.year),
        "AverageBpm": f"{bpm:.2f}" if bpm is not None else "",
        "BitRate": str(track.bitrate or ""),
        "SampleRate": str(track.rate or ""),
        "Comments": tags.comment or "",
        "Rating": str(RATINGS[prepared.rating]) if prepared.rating is not None else "",
        "Location": location(track.path),
        "Remixer": tags.remixer or "",
        "Tonality": prepared.key or tags.key or "",
        "Label": tags.label or "",
        "Colour": f"0x{prepared.colour[1:]}" if prepared.colour else "",
    }


def _whole(text: str | None) -> str:
    """The number at the start of a tag: "3" of "3/12", "1999" of "1999-05-03"."""
    match = re.match(r"\s*([0-9]{1,9})", text or "")
    return str(int(match[1])) if match else ""


def _tempo(tempo: Tempo) -> bytes:
    told = {"Inizio": f"{tempo.seconds:.3f}", "Bpm": f"{tempo.bpm:.2f}"}
    return _line("      <TEMPO", told | {"Metro": tempo.metre, "Battito": str(tempo.beat)}, "/>")


def _mark(cue: Cue) -> bytes:
    told = {"Name": cue.name, "Type": str(KINDS.index(cue.kind)), "Start": f"{cue.seconds:.3f}"}
    if cue.end is not None:
        told["End"] = f"{cue.end:.3f}"
    told["Num"] = str(-1 if cue.pad is None else cue.pad)
    if cue.colour:
        channels = (str(int(cue.colour[at : at + 2], 16)) for at in (1, 3, 5))
        told |= dict(zip(("Red", "Green", "Blue"), channels, strict=True))
    return _line("      <POSITION_MARK", told, "/>", empty=True)


def _node(node: Playlist | Folder, count: int, space: str) -> Iterator[bytes]:
    if isinstance(node, Folder):
        yield _line(f"{space}<NODE", {"Type": "0", "Name": node.name, "Count": str(len(node.nodes))}, ">", empty=True)
        for inner in node.nodes:
            yield from _node(inner, count, space + "  ")
    else:
        if any(not 1 <= number <= count for number in node.tracks):
            raise UsageError(f"the playlist {node.name!r} names a track that is not in the collection")
        told = {"Name": node.name, "Type": "1", "KeyType": "0", "Entries": str(len(node.tracks))}
        yield _line(f"{space}<NODE", told, ">", empty=True)
        for number in node.tracks:
            yield b'%s  <TRACK Key="%d"/>\n' % (space.encode(), number)
    yield f"{space}</NODE>\n".encode()


def _line(start: str, attributes: dict[str, str], end: str, *, empty: bool = False) -> bytes:
    """A line with one element. empty: attributes without a value are written as well."""
    told = "".join(f' {name}="{_escaped(value)}"' for name, value in attributes.items() if value or empty)
    return f"{start}{told}{end}\n".encode()


def _escaped(text: str) -> str:
    """Text as an attribute holds it; what XML cannot hold at all is left out."""
    return _NO_XML.sub("", text).translate(_ESCAPED)
