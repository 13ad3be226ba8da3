"""XML of DJ programs, element by element: a file of hundreds of megabytes takes the memory of one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from stem_cli.errors import InputError

_BEGINNING = 4096
_DEEPEST = 200
"""Elements inside one another: of folders in folders, no program has a tenth of it."""
_DAMAGED = (ElementTree.ParseError, LookupError, ValueError)
"""The latter two where it names an encoding that there is not, or that a parser cannot do."""


def elements(path: Path, root: str, wanted: str) -> Iterator[Any]:
    """Every element of that name, whole, in order; see `placed`."""
    for _, element in placed(path, root, lambda element: bool(element.tag == wanted)):
        yield element


def placed(path: Path, root: str, wanted: Callable[[Any], bool]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every element that is wanted, whole, with those around it, the outermost first; none inside of another one.

    Each is forgotten when the next one is asked for. wanted: told by its name and attributes alone. root: the name of
    the outermost element. Raises InputError where the file is damaged, is no such XML, or declares entities of its own:
    no DJ program does, and they can be made to fill the memory.
    """
    try:
        with path.open("rb") as file:
            if b"<!DOCTYPE" in file.read(_BEGINNING):
                raise InputError(
                    "it declares a document type of its own, which no DJ program does", path, "Export it anew."
                )
            file.seek(0)
            events = ElementTree.iterparse(file, ("start", "end"))  # noqa: S314 - no document type, see above
            yield from _parsed(events, path, root, wanted)
    except _DAMAGED as error:
        raise InputError(f"its XML is damaged ({error})", path, "Export it again.") from error
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", path, "Check its permissions.") from error


def root_of(path: Path) -> str:
    """The name of the outermost element; "" where it cannot be told."""
    try:
        with path.open("rb") as file:
            parser: Any = ElementTree.XMLPullParser(("start",))
            parser.feed(file.read(_BEGINNING))
            return next((str(element.tag) for _, element in parser.read_events()), "")
    except (OSError, *_DAMAGED):
        return ""


def _parsed(events: Any, path: Path, root: str, wanted: Callable[[Any], bool]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    above: list[Any] = []
    inside = 0  # the depth of the wanted element around this one, 0 is none
    for event, element in events:
        if event == "start":
            if not above and element.tag != root:
                raise InputError(f"it is no {root} file, but <{element.tag}>", path, "Name another file.")
            above.append(element)
            if len(above) > _DEEPEST:
                raise InputError(f"its elements are nested more than {_DEEPEST} deep", path, "Export it again.")
            if not inside and wanted(element):
                inside = len(above)
            continue
        above.pop()
        if inside == len(above) + 1:
            inside = 0
            yield tuple(above), element
        if above and not inside:
            del above[-1][-1]  # it has been seen: what ends is its parent's last child
