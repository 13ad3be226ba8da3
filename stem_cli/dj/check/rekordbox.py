"""rekordbox.xml as rekordbox wants it, element by element: a file of any size takes the memory of its numbers.

The rules are those of Pioneer's `xml_format_list.pdf` and of what rekordbox itself writes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote
from xml.etree import ElementTree

from stem_cli.cues import FASTEST, SLOWEST
from stem_cli.dj.check.finding import FAULT, WARNING, Finding
from stem_cli.dj.rekordbox_xml import HOST, RATINGS

ROOT = "DJ_PLAYLISTS"
_HINT = "Write it anew with stem organize --for rekordbox."
_BEGINNING = 4096
_DAMAGED = (ElementTree.ParseError, LookupError, ValueError)
_DECLARED = re.compile(rb"""(\xef\xbb\xbf)?\s*<\?xml\s+version=['"]1\.0['"]\s+encoding=['"]utf-?8['"]""", re.IGNORECASE)
_CHILDREN = ("PRODUCT", "COLLECTION", "PLAYLISTS")

_INT, _FLOAT = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_DATE, _COLOUR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?"), re.compile("0x[0-9A-Fa-f]{6}")
_TEXT = re.compile(r".*", re.DOTALL)
_ATTRIBUTES: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(
        ("TrackID", "Size", "TotalTime", "DiscNumber", "TrackNumber", "Year", "BitRate", "PlayCount"), _INT
    ),
    **dict.fromkeys(("AverageBpm", "SampleRate"), _FLOAT),
    **dict.fromkeys(("DateModified", "DateAdded", "LastPlayed"), _DATE),
    **dict.fromkeys(
        ("Name", "Artist", "Composer", "Album", "Grouping", "Genre", "Kind", "Comments", "Location"), _TEXT
    ),
    **dict.fromkeys(("Remixer", "Tonality", "Label", "Mix"), _TEXT),
    "Rating": re.compile("|".join(map(str, RATINGS))),
    "Colour": _COLOUR,
}
_URL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


@dataclass
class _Seen:
    """What has gone by: how often each number and place, and the keys of playlists that stand before the collection."""

    ids: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    early: list[tuple[str, str, str]] = field(default_factory=list)
    collected: bool = False
    children: list[str] = field(default_factory=list)

    def holds(self, kind: str, key: str) -> bool:
        """Whether the collection holds what a key means."""
        return key in (self.places if kind == "1" else self.ids)


def is_one(path: Path) -> bool:
    """Whether an XML file is meant to be rekordbox's: there is other XML in the world."""
    with path.open("rb") as file:
        return ROOT.encode() in file.read(_BEGINNING)


def judge(file: BinaryIO, exists: Callable[[str], bool] | None = None) -> Iterator[Finding]:
    """What rekordbox would stumble over. exists: whether a file is there, by its path; None does not ask."""
    head = file.read(_BEGINNING)
    file.seek(0)
    if b"<!DOCTYPE" in head:
        yield _fault("doctype", "it declares a document type of its own, which rekordbox does not")
        return
    if not _DECLARED.match(head):
        what = 'it does not begin with <?xml version="1.0" encoding="UTF-8"?>'
        yield Finding(WARNING, "rb.declaration", what, _HINT)
    try:
        events = ElementTree.iterparse(file, ("start", "end"))  # noqa: S314 - no document type, see above
        yield from _parsed(events, exists)
    except _DAMAGED as error:
        yield _fault("xml", f"its XML is damaged ({error})", "Export it again.")


def _fault(rule: str, what: str, hint: str = _HINT) -> Finding:
    return Finding(FAULT, f"rb.{rule}", what, hint)


def _parsed(events: Any, exists: Callable[[str], bool] | None) -> Iterator[Finding]:
    seen = _Seen()
    above: list[Any] = []
    held: list[Counter[str]] = []  # of every open element, what it has held so far
    for event, element in events:
        if event == "start":
            if not above and element.tag != ROOT:
                yield _fault("root", f"it is no {ROOT} file, but <{element.tag}>", "Name another file.")
                return
            above.append(element)
            held.append(Counter())
            continue
        above.pop()
        inner = held.pop()
        parent = above[-1] if above else None
        if parent is None:
            yield from _whole(element, seen)
            return
        held[-1][element.tag] += 1
        yield from _element(element, parent, len(above), inner, seen, exists)
        if parent.tag != "TRACK":
            del parent[-1]  # it has been seen: what ends is its parent's last child


def _element(
    element: Any, parent: Any, depth: int, inner: Counter[str], seen: _Seen, exists: Callable[[str], bool] | None
) -> Iterator[Finding]:
    """One element that has ended."""
    if depth == 1:
        seen.children.append(element.tag)
    if element.tag == "TRACK" and parent.tag == "COLLECTION":
        yield from _track(element, seen, exists)
    elif element.tag == "TRACK" and parent.tag == "NODE":
        yield from _key(element, parent, seen)
    elif element.tag == "COLLECTION":
        seen.collected = True
        if element.get("Entries") != str(inner["TRACK"]):
            yield _fault(
                "entries", f"its collection announces {element.get('Entries')} tracks and has {inner['TRACK']}"
            )
    elif element.tag == "PLAYLISTS" and inner != Counter(NODE=1):
        yield _fault("playlists", "its playlists do not stand in one folder ROOT")
    elif element.tag == "NODE":
        if parent.tag == "PLAYLISTS" and (element.get("Name"), element.get("Type")) != ("ROOT", "0"):
            yield _fault("playlists", "its playlists do not stand in one folder ROOT")
        yield from _node(element, inner)
    elif element.tag == "PRODUCT" and not all(element.get(name) is not None for name in ("Name", "Version", "Company")):
        yield Finding(WARNING, "rb.product", "it does not say which program wrote it", _HINT)


def _whole(root: Any, seen: _Seen) -> Iterator[Finding]:
    if root.get("Version") != "1.0.0":
        yield _fault("version", f"its version is {root.get('Version')!r}, not '1.0.0'")
    for name in _CHILDREN:
        if name not in seen.children:
            severity = WARNING if name == "PLAYLISTS" else FAULT
            yield Finding(severity, "rb.missing", f"there is no {name} in it", _HINT)
    if seen.children != [name for name in _CHILDREN if name in seen.children]:
        yield Finding(WARNING, "rb.order", f"its parts stand in another order ({', '.join(seen.children[:9])})", _HINT)
    for what, counted in (("the number", seen.ids), ("the place", seen.places)):
        twice = [text for text, count in counted.items() if count > 1]
        if twice:
            yield _fault("twice", f"{len(twice)} times two tracks share {what}, {twice[0]!r} first")
    for name, kind, key in seen.early:
        if not seen.holds(kind, key):
            yield _no_track(name, key)


def _node(node: Any, inner: Counter[str]) -> Iterator[Finding]:
    name, kind = node.get("Name"), node.get("Type")
    if not name:
        yield _fault("node", "a folder or playlist has no name")
    if kind == "0":
        if node.get("Count") != str(inner["NODE"]) or set(inner) - {"NODE"}:
            yield _fault("count", f"the folder {name!r} announces {node.get('Count')} and holds {dict(inner)}")
    elif kind == "1":
        if node.get("Entries") != str(inner["TRACK"]) or set(inner) - {"TRACK"}:
            yield _fault("count", f"the playlist {name!r} announces {node.get('Entries')} and holds {dict(inner)}")
        if node.get("KeyType") not in ("0", "1"):
            yield _fault("keys", f"the playlist {name!r} does not say what its keys are")
    else:
        yield _fault("node", f"{name!r} is of kind {kind!r}")


def _key(track: Any, playlist: Any, seen: _Seen) -> Iterator[Finding]:
    name, kind, key = playlist.get("Name", ""), playlist.get("KeyType", ""), track.get("Key", "")
    if not seen.collected:
        seen.early.append((name, kind, key))
    elif kind in ("0", "1") and not seen.holds(kind, key):
        yield _no_track(name, key)


def _no_track(name: str, key: str) -> Finding:
    return _fault("keys", f"the playlist {name!r} names {key!r}, which is not in the collection")


def _track(track: Any, seen: _Seen, exists: Callable[[str], bool] | None) -> Iterator[Finding]:
    who = f"track {track.get('TrackID', '?')} ({track.get('Name', '')!r})"
    if track.get("TrackID"):
        seen.ids[track.get("TrackID")] += 1
    else:
        yield _fault("id", f"{who} has no number")
    for name, value in track.attrib.items():
        known = _ATTRIBUTES.get(name)
        if known is None:
            yield Finding(WARNING, "rb.unknown", f"{who} has {name}, which rekordbox does not know", _HINT)
        elif not known.fullmatch(value):
            yield _fault("value", f"{who}: {name} is {value!r}")
    bpm = track.get("AverageBpm", "0.00")
    if _FLOAT.fullmatch(bpm) and not 0 <= float(bpm) <= FASTEST:
        yield _fault("bpm", f"{who} has {bpm} BPM")
    elif _FLOAT.fullmatch(bpm) and not re.fullmatch(r"[0-9]+\.[0-9]{2}", bpm):
        yield Finding(WARNING, "rb.decimals", f"{who} has {bpm} BPM; rekordbox writes two decimals", _HINT)
    yield from _place(track.get("Location", ""), who, seen, exists)
    yield from _grid(track, who)
    for mark in track.findall("POSITION_MARK"):
        yield from _mark(mark.attrib, who)


def _place(text: str, who: str, seen: _Seen, exists: Callable[[str], bool] | None) -> Iterator[Finding]:
    if not text.startswith(HOST):
        yield _fault("location", f"{who}: its Location {text!r} does not begin with {HOST}")
        return
    seen.places[text] += 1
    rest = text.removeprefix(HOST)
    if rest.startswith("/"):
        yield _fault("slashes", f"{who}: its Location has two slashes behind localhost")
    if not _URL.fullmatch(rest):
        yield _fault("encoding", f"{who}: its Location {text!r} holds letters that must be written as %XX")
    try:
        plain = unquote(rest.lstrip("/"), errors="strict")
    except UnicodeDecodeError:
        yield _fault("encoding", f"{who}: its Location is no UTF-8")
        return
    if unicodedata.normalize("NFC", plain) != plain:
        yield Finding(WARNING, "rb.nfc", f"{who}: letters and marks of its Location stand apart (not NFC)", _HINT)
    path = plain if re.match("[A-Za-z]:/", plain) else f"/{plain}"
    if exists is not None and not exists(path):
        yield _fault("file", f"{who}: there is no {path}", "Copy it there, or write the XML anew.")


def _grid(track: Any, who: str) -> Iterator[Finding]:
    last = -1.0
    for tempo in track.findall("TEMPO"):
        start, bpm = tempo.get("Inizio", ""), tempo.get("Bpm", "")
        bar = re.fullmatch("([1-9][0-9]?)/[1-9][0-9]?", tempo.get("Metro", ""))
        beat = tempo.get("Battito", "")
        if not _FLOAT.fullmatch(start) or not _FLOAT.fullmatch(bpm) or not SLOWEST <= float(bpm) <= FASTEST:
            yield _fault("tempo", f"{who}: a tempo of {bpm!r} BPM at {start!r} s")
        elif float(start) < last:
            yield _fault("tempo", f"{who}: its tempos do not stand in the order of their times")
        elif not bar or not re.fullmatch("[0-9]{1,2}", beat) or not 1 <= int(beat) <= int(bar[1]):
            yield _fault("tempo", f"{who}: beat {beat!r} of {tempo.get('Metro')!r}")
        else:
            last = float(start)


def _mark(mark: Mapping[str, str], who: str) -> Iterator[Finding]:
    start, end = mark.get("Start", ""), mark.get("End", "")
    if mark.get("Type") not in ("0", "1", "2", "3", "4") or not _FLOAT.fullmatch(start) or float(start) < 0:
        yield _fault("cue", f"{who}: a cue of kind {mark.get('Type')!r} at {start!r} s")
        return
    if not re.fullmatch("-1|[0-7]", mark.get("Num", "")):
        yield _fault("cue", f"{who}: a cue on pad {mark.get('Num')!r}; there are 0-7, and -1 for none")
    if mark["Type"] == "4" and (not _FLOAT.fullmatch(end) or float(end) <= float(start)):
        yield _fault("cue", f"{who}: a loop from {start} s to {end!r} s")
    if mark["Type"] != "4" and "End" in mark:
        yield Finding(WARNING, "rb.cue.end", f"{who}: a cue that is no loop has an end", _HINT)
    colours = [mark[name] for name in ("Red", "Green", "Blue") if name in mark]
    if not all(re.fullmatch("[0-9]{1,3}", value) and int(value) < 256 for value in colours):
        yield _fault("cue", f"{who}: a cue of colour {', '.join(colours)}")
