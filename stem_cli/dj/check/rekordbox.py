"""rekordbox.xml as rekordbox wants it, element by element: a file of any size takes the memory of its numbers.

The rules are those of Pioneer's `xml_format_list.pdf` and of what rekordbox itself writes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote
from xml.etree import ElementTree

from stem_cli.cues import FASTEST
from stem_cli.dj.check.finding import FAULT, WARNING, Finding
from stem_cli.dj.check.rekordbox_grid import HINT, fault, judge_grid, judge_mark
from stem_cli.dj.check.wav import WavHeader, read_header
from stem_cli.dj.rekordbox_values import FLOAT, FORMS, INT, URL, key, meant, place
from stem_cli.dj.rekordbox_xml import HOST

ROOT = "DJ_PLAYLISTS"
Find = Callable[[str], Path | None]
_BEGINNING = 4096
_DAMAGED = (ElementTree.ParseError, LookupError, ValueError)
_DECLARED = re.compile(rb"""(\xef\xbb\xbf)?\s*<\?xml\s+version=['"]1\.0['"]\s+encoding=['"]utf-?8['"]""", re.IGNORECASE)
_CHILDREN = ("PRODUCT", "COLLECTION", "PLAYLISTS")
_SECONDS_OFF = 1.0
"""Of a length in whole seconds: rounded down or up."""


@dataclass
class _Seen:
    """What has gone by: how often each number and place, and the keys of playlists that stand before the collection.

    named: by open folder, the names and kinds in it.
    """

    ids: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    early: list[tuple[str, str, str]] = field(default_factory=list)
    collected: bool = False
    children: list[str] = field(default_factory=list)
    named: dict[int, set[tuple[str, str]]] = field(default_factory=dict)

    def holds(self, kind: str, key: str) -> bool:
        """Whether the collection holds what a key means."""
        return key in (self.places if kind == "1" else self.ids)


def is_one(path: Path) -> bool:
    """Whether an XML file is meant to be rekordbox's: there is other XML in the world."""
    with path.open("rb") as file:
        return ROOT.encode() in file.read(_BEGINNING)


def judge(file: BinaryIO, find: Find | None = None) -> Iterator[Finding]:
    """What rekordbox would stumble over. find: the file of a path, None where there is none; None does not look."""
    head = file.read(_BEGINNING)
    file.seek(0)
    if b"<!DOCTYPE" in head:
        yield fault("doctype", "it declares a document type of its own, which rekordbox does not")
        return
    if not _DECLARED.match(head):
        what = 'it does not begin with <?xml version="1.0" encoding="UTF-8"?>'
        yield Finding(WARNING, "rb.declaration", what, HINT, fixable=True)
    try:
        events = ElementTree.iterparse(file, ("start", "end"))  # noqa: S314 - no document type, see above
        yield from _parsed(events, find)
    except _DAMAGED as error:
        yield fault("xml", f"its XML is damaged ({error})", "Export it again.")


def _parsed(events: Any, find: Find | None) -> Iterator[Finding]:
    seen = _Seen()
    above: list[Any] = []
    held: list[Counter[str]] = []  # of every open element, what it has held so far
    for event, element in events:
        if event == "start":
            if not above and element.tag != ROOT:
                yield fault("root", f"it is no {ROOT} file, but <{element.tag}>", "Name another file.")
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
        yield from _element(element, parent, len(above), inner, seen, find)
        if parent.tag != "TRACK":
            del parent[-1]  # it has been seen: what ends is its parent's last child


def _element(
    element: Any, parent: Any, depth: int, inner: Counter[str], seen: _Seen, find: Find | None
) -> Iterator[Finding]:
    """One element that has ended."""
    if depth == 1:
        seen.children.append(element.tag)
    if element.tag == "TRACK" and parent.tag == "COLLECTION":
        yield from _track(element, seen, find)
    elif element.tag == "TRACK" and parent.tag == "NODE":
        yield from _key(element, parent, seen)
    elif element.tag == "COLLECTION":
        seen.collected = True
        if element.get("Entries") != str(inner["TRACK"]):
            what = f"its collection announces {element.get('Entries')} tracks and has {inner['TRACK']}"
            yield fault("entries", what, fixable=True)
    elif element.tag == "PLAYLISTS" and inner != Counter(NODE=1):
        yield fault("playlists", "its playlists do not stand in one folder ROOT")
    elif element.tag == "NODE":
        if parent.tag == "PLAYLISTS" and (element.get("Name"), element.get("Type")) != ("ROOT", "0"):
            yield fault("playlists", "its playlists do not stand in one folder ROOT")
        yield from _node(element, inner)
        yield from _named(element, parent, seen)
    elif element.tag == "PRODUCT" and not all(element.get(name) is not None for name in ("Name", "Version", "Company")):
        yield Finding(WARNING, "rb.product", "it does not say which program wrote it", HINT, fixable=True)


def _whole(root: Any, seen: _Seen) -> Iterator[Finding]:
    if root.get("Version") != "1.0.0":
        yield fault("version", f"its version is {root.get('Version')!r}, not '1.0.0'")
    for name in _CHILDREN:
        if name not in seen.children:
            severity = WARNING if name == "PLAYLISTS" else FAULT
            yield Finding(severity, "rb.missing", f"there is no {name} in it", HINT)
    if seen.children != [name for name in _CHILDREN if name in seen.children]:
        yield Finding(WARNING, "rb.order", f"its parts stand in another order ({', '.join(seen.children[:9])})", HINT)
    for what, counted in (("the number", seen.ids), ("the place", seen.places)):
        twice = [text for text, count in counted.items() if count > 1]
        if twice:
            yield fault("twice", f"{len(twice)} times two tracks share {what}, {twice[0]!r} first")
    for name, kind, track in seen.early:
        if not seen.holds(kind, track):
            yield _no_track(name, track)


def _node(node: Any, inner: Counter[str]) -> Iterator[Finding]:
    name, kind = node.get("Name"), node.get("Type")
    if not name:
        yield fault("node", "a folder or playlist has no name")
    if kind == "0":
        if node.get("Count") != str(inner["NODE"]) or set(inner) - {"NODE"}:
            what = f"the folder {name!r} announces {node.get('Count')} and holds {dict(inner)}"
            yield fault("count", what, fixable=not set(inner) - {"NODE"})
    elif kind == "1":
        if node.get("Entries") != str(inner["TRACK"]) or set(inner) - {"TRACK"}:
            what = f"the playlist {name!r} announces {node.get('Entries')} and holds {dict(inner)}"
            yield fault("count", what, fixable=not set(inner) - {"TRACK"})
        if node.get("KeyType") not in ("0", "1"):
            yield fault("keys", f"the playlist {name!r} does not say what its keys are")
    else:
        yield fault("node", f"{name!r} is of kind {kind!r}")


def _named(node: Any, parent: Any, seen: _Seen) -> Iterator[Finding]:
    seen.named.pop(id(node), None)
    here, own = seen.named.setdefault(id(parent), set()), (node.get("Name", ""), node.get("Type", ""))
    if own in here:
        yield Finding(WARNING, "rb.same", f"two lists in one folder are called {own[0]!r}", "Rename one of them.")
    here.add(own)


def _key(track: Any, playlist: Any, seen: _Seen) -> Iterator[Finding]:
    name, kind, key = playlist.get("Name", ""), playlist.get("KeyType", ""), track.get("Key", "")
    if not seen.collected:
        seen.early.append((name, kind, key))
    elif kind in ("0", "1") and not seen.holds(kind, key):
        yield _no_track(name, key)


def _no_track(name: str, key: str) -> Finding:
    what = f"the playlist {name!r} names {key!r}, which is not in the collection"
    return fault("keys", what, "Export it again; --fix leaves the entry out.", fixable=True)


def _track(track: Any, seen: _Seen, find: Find | None) -> Iterator[Finding]:
    who = f"track {track.get('TrackID', '?')} ({track.get('Name', '')!r})"
    if track.get("TrackID"):
        seen.ids[track.get("TrackID")] += 1
    else:
        yield fault("id", f"{who} has no number", fixable=True)
    for name, value in track.attrib.items():
        known = FORMS.get(name)
        if known is None:
            yield Finding(WARNING, "rb.unknown", f"{who} has {name}, which rekordbox does not know", HINT)
        elif not known.fullmatch(value):
            yield fault("value", f"{who}: {name} is {value!r}", fixable=meant(name, value) is not None)
        elif name == "Tonality" and key(value) != value:
            what = f"{who}: its key is {value!r}, which sorts with neither 'Am' nor '8A'"
            yield Finding(WARNING, "rb.tonality", what, HINT, fixable=key(value) is not None)
    bpm = track.get("AverageBpm", "0.00")
    if FLOAT.fullmatch(bpm) and not 0 <= float(bpm) <= FASTEST:
        yield fault("bpm", f"{who} has {bpm} BPM")
    elif FLOAT.fullmatch(bpm) and not re.fullmatch(r"[0-9]+\.[0-9]{2}", bpm):
        yield Finding(WARNING, "rb.decimals", f"{who} has {bpm} BPM; rekordbox writes two decimals", HINT, fixable=True)
    yield from _place(track, who, seen, find)
    yield from judge_grid(track, who)
    for mark in track.findall("POSITION_MARK"):
        yield from judge_mark(mark.attrib, who)


def _place(track: Any, who: str, seen: _Seen, find: Find | None) -> Iterator[Finding]:
    text = track.get("Location", "")
    fixable = place(text) is not None
    if not text.startswith(HOST):
        yield fault("location", f"{who}: its Location {text!r} does not begin with {HOST}", fixable=fixable)
        return
    seen.places[text] += 1
    rest = text.removeprefix(HOST)
    if rest.startswith("/"):
        yield fault("slashes", f"{who}: its Location has two slashes behind localhost", fixable=fixable)
    if not URL.fullmatch(rest):
        what = f"{who}: its Location {text!r} holds letters that must be written as %XX"
        yield fault("encoding", what, fixable=fixable)
    try:
        plain = unquote(rest.lstrip("/"), errors="strict")
    except UnicodeDecodeError:
        yield fault("encoding", f"{who}: its Location is no UTF-8")
        return
    if unicodedata.normalize("NFC", plain) != plain:
        yield Finding(WARNING, "rb.nfc", f"{who}: letters and marks of its Location stand apart (not NFC)", HINT, True)
    if re.match(r"[A-Za-z]:\\", plain):
        yield fault("backslash", f"{who}: its Location {text!r} holds backslashes", fixable=fixable)
    path = plain if re.match("[A-Za-z]:/", plain) else f"/{plain}"
    if find is None:
        return
    there = find(path)
    if there is None:
        yield fault("file", f"{who}: there is no {path}", "Copy it there, or write the XML anew.")
    elif there.suffix.lower() == ".wav":
        yield from _as_told(track, read_header(there), who)


def _as_told(track: Any, header: WavHeader | None, who: str) -> Iterator[Finding]:
    """Whether a WAV is as its entry says; one that is damaged says so for itself."""
    if header is None or not header.rate:
        return
    told, seconds = track.get("TotalTime", ""), header.frames / header.rate
    if INT.fullmatch(told) and abs(int(told) - seconds) > _SECONDS_OFF:
        yield fault("time", f"{who}: it lasts {seconds:.1f} s, not {told}")
    rate = track.get("SampleRate", "")
    if FLOAT.fullmatch(rate) and float(rate) != header.rate:
        yield fault("rate", f"{who}: its rate is {header.rate} Hz, not {rate}")
