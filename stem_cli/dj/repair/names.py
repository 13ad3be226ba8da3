"""Names that every stick and program takes, in place of those that some refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stem_cli.dj.check.names import judge_name
from stem_cli.dj.names import numbers, same
from stem_cli.folder.names import NAME_UNITS, cleaned, safe

_SUFFIX = re.compile(r"(\.stem\.(mp4|m4a)|\.[A-Za-z0-9]{1,8})$", re.IGNORECASE)
_MARK = re.compile(r"( \([^()]{1,30}\)|_[A-Za-z]{3,20})$")
"""What says which stem it is: kept where a name is cut."""
_LEVELS = {".crate": "%%", ".scrate": "≫≫"}


def mended(name: str, number: int = 1) -> str:
    """A name that is refused nowhere: itself where it is none of those. number: tells it from others, 1 is none.

    >>> mended("What?.wav"), mended("CON.wav"), mended("Song (Vocals).wav", 2), mended("A%%B.crate")
    ('What.wav', '_CON.wav', 'Song (Vocals) (2).wav', 'A%%B.crate')
    """
    if number == 1 and not any(finding.fixable for finding in judge_name(name)):
        return name
    plain = name.rstrip(" .")
    found = _SUFFIX.search(plain)
    suffix = found[0] if found and found.start() else ""
    head = plain.removesuffix(suffix)
    tail = f" ({number})" if number > 1 else ""
    separator = _LEVELS.get(suffix.lower())
    if separator:
        levels = head.split(separator)
        return separator.join(safe(level, NAME_UNITS).strip("% ") or "_" for level in levels) + tail + suffix
    text = cleaned(head)
    mark = found[0] if (found := _MARK.search(text)) and found.start() else ""
    room = NAME_UNITS if len(text) <= NAME_UNITS else NAME_UNITS - len(mark)
    body = safe(text.removesuffix(mark), room) if len(text) > NAME_UNITS else safe(text)
    return (body + mark if len(text) > NAME_UNITS else body) + tail + suffix


def mended_names(names: Sequence[str]) -> dict[str, str]:
    """For all names of one folder those that they get: no two are one on any file system, and the good ones stay."""
    first: dict[str, str] = {}
    for name in names:
        if mended(name) == name:
            first.setdefault(same(name), name)
    order = [*first.values(), *(name for name in names if first.get(same(name)) != name)]
    given = numbers([lambda number, name=name: mended(name, number) for name in order])  # type: ignore[misc]
    return {name: mended(name, number) for name, number in zip(order, given, strict=True)}
