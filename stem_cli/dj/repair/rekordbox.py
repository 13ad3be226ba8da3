"""A rekordbox.xml written anew, element by element: counts, numbers, keys and Locations as rekordbox writes them.

It is read twice: first its lists are counted, then it is written. What is not mended stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO
from xml.sax import SAXException, handler, make_parser
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from stem_cli.dj.check.rekordbox import ROOT
from stem_cli.dj.rekordbox_values import FORMS, key, meant, number, place
from stem_cli.errors import InputError

_NUMBERS = {"TEMPO": ("Inizio", "Bpm"), "POSITION_MARK": ("Start", "End")}
_DAMAGED = (SAXException, LookupError, ValueError)
_BEGINNING = 4096


@dataclass
class _Counted:
    """Of a file: what each list holds, in the order in which they begin; all numbers and places of its tracks."""

    lists: list[int] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)

    def holds(self, keys: str, one: str) -> bool:
        """Whether an entry of a playlist names a track; where it is not said what its keys are, it may."""
        return _place(one) in self.places if keys == "1" else keys != "0" or one in self.ids


def repair_rekordbox(source: Path, target: BinaryIO, moved: Callable[[str], str] = lambda place: place) -> None:
    """Write a mended rekordbox.xml. moved: the Location that a file has now.

    Entries of playlists that name no track are left out. Raises InputError where it is damaged or none.
    """
    with source.open("rb") as file:
        if b"<!DOCTYPE" in file.read(_BEGINNING):
            raise InputError("it declares a document type of its own", source, "Export it again.")
    counted = _Counted()
    try:
        for reader in (_Count(counted), _Write(counted, target, moved)):
            parser = make_parser()  # noqa: S317 - no document type, see above
            parser.setFeature(handler.feature_external_ges, False)
            parser.setContentHandler(reader)
            with source.open("rb") as file:
                parser.parse(file)
    except _DAMAGED as error:
        raise InputError(f"its XML is damaged ({error})", source, "Export it again.") from error


class _Count(handler.ContentHandler):
    def __init__(self, counted: _Counted) -> None:
        super().__init__()
        self.counted = counted
        self.above: list[tuple[str, int, str]] = []  # elements, which list each is, and what its keys are
        self.unknown: list[tuple[int, str, str]] = []  # entries that name no track so far

    def startElement(self, name: str, attrs: AttributesImpl[str]) -> None:  # noqa: N802 - xml.sax calls it so
        if not self.above and name != ROOT:
            raise ValueError(f"it is no {ROOT} file, but <{name}>")
        parent, which, keys = self.above[-1] if self.above else ("", 0, "")
        if parent == "COLLECTION" and name == "TRACK":
            self.counted.lists[which] += 1
            self.counted.ids.add(attrs.get("TrackID", ""))
            self.counted.places.add(_place(attrs.get("Location", "")))
        elif parent == "NODE" and name in ("NODE", "TRACK"):
            self.counted.lists[which] += 1
            if name == "TRACK" and not self.counted.holds(keys, attrs.get("Key", "")):
                self.unknown.append((which, keys, attrs.get("Key", "")))
        self.above.append((name, len(self.counted.lists), attrs.get("KeyType", "")))
        if name in ("COLLECTION", "NODE"):
            self.counted.lists.append(0)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802
        self.above.pop()

    def endDocument(self) -> None:  # noqa: N802
        for which, keys, one in self.unknown:
            self.counted.lists[which] -= not self.counted.holds(keys, one)


class _Write(handler.ContentHandler):
    def __init__(self, counted: _Counted, target: BinaryIO, moved: Callable[[str], str]) -> None:
        super().__init__()
        self.counted, self.moved = counted, moved
        self.out = XMLGenerator(target, "UTF-8", short_empty_elements=True)
        self.which = iter(counted.lists)
        self.above: list[tuple[str, str]] = []  # elements, and of playlists what their keys are
        self.left_out = 0  # elements that are open within one that is left out, itself too
        self.fresh = _fresh(counted.ids)

    def startDocument(self) -> None:  # noqa: N802
        self.out.startDocument()

    def endDocument(self) -> None:  # noqa: N802
        self.out.endDocument()

    def characters(self, content: str) -> None:
        if not self.left_out:
            self.out.characters(content)

    def startElement(self, name: str, attrs: AttributesImpl[str]) -> None:  # noqa: N802
        parent, keys = self.above[-1] if self.above else ("", "")
        self.above.append((name, attrs.get("KeyType", "")))
        told = None if self.left_out else self._mended(name, parent, keys, dict(attrs.items()))
        if told is None:
            self.left_out += 1
        else:
            self.out.startElement(name, AttributesImpl(told))

    def endElement(self, name: str) -> None:  # noqa: N802
        self.above.pop()
        if self.left_out:
            self.left_out -= 1
        else:
            self.out.endElement(name)

    def _mended(self, name: str, parent: str, keys: str, told: dict[str, str]) -> dict[str, str] | None:
        if name == "PRODUCT":
            return {"Name": "", "Version": "", "Company": "", **told}
        if name == "COLLECTION":
            return told | {"Entries": str(next(self.which))}
        if name == "NODE":
            return self._node(told, next(self.which))
        if name == "TRACK" and parent == "COLLECTION":
            return self._track(told)
        if name == "TRACK" and parent == "NODE":
            return self._entry(told, keys)
        numbers = {one: number(told[one]) or told[one] for one in _NUMBERS.get(name, ()) if one in told}
        return told | numbers

    def _node(self, told: dict[str, str], held: int) -> dict[str, str]:
        return told | {"Count" if told.get("Type") == "0" else "Entries": str(held)}

    def _track(self, told: dict[str, str]) -> dict[str, str]:
        mended = {name: _value(name, value) for name, value in told.items()}
        if "Location" in told:
            mended["Location"] = self.moved(_place(told["Location"]))
        return mended if mended.get("TrackID") else {"TrackID": next(self.fresh), **mended}

    def _entry(self, told: dict[str, str], keys: str) -> dict[str, str] | None:
        one = told.get("Key", "")
        if not self.counted.holds(keys, one):
            return None
        return told | {"Key": self.moved(_place(one))} if keys == "1" else told


def _place(text: str) -> str:
    return place(text) or text


def _value(name: str, text: str) -> str:
    """What an attribute of a track says, mended where it is not as it must be."""
    form = FORMS.get(name)
    wrong = form is not None and not form.fullmatch(text)
    decimals = name == "AverageBpm" and not re.fullmatch(r"[0-9]+\.[0-9]{2}", text)
    if wrong or decimals or (name == "Tonality" and key(text) != text):
        return meant(name, text) or text
    return text


def _fresh(ids: set[str]) -> Iterator[str]:
    return (str(one) for one in count(1) if str(one) not in ids)
