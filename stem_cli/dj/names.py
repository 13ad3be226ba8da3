"""Names of files for decks: "Artist - Title (Vocals).wav", on every stick, told apart by every file system.

What is forbidden stands in `folder.names`; here a song's title gives way where a name is too long, never what says
which stem it is. A number tells songs of one name apart.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import PurePath
from string import Formatter

from stem_cli import stems
from stem_cli.errors import UsageError
from stem_cli.folder.names import NAME_UNITS, cleaned, fits, safe

NAMINGS = {"dj": "{artist} - {title} ({stem})", "classic": "{name}_{stem}"}
"""Templates of `--naming` by name. name: that of the song's file, without its ending."""
FIELDS = ("artist", "title", "stem", "name", "album", "genre", "bpm", "key", "year", "hash8")
"""What a template may name."""
PATH_UNITS = 240
"""Longest path in UTF-16 units: Windows ends at 260, and DJ programs put folders of their own before it."""

_CLASSIC = "classic"
_GIVE_WAY = ("title", "name", "album", "genre", "artist")
"""What is cut in turn where a name is too long."""
_NUMBERED = ("title", "name")
_LEAST_UNITS = 40
_LONGEST_SUFFIX = len(" (Backing Vocals).stem.mp4")


def song_name(artist: str, title: str, fallback: str, number: int = 1, units: int = NAME_UNITS) -> str:
    """The name of a song's folder and files, without an ending: "Artist - Title". fallback: where there is no title.

    >>> song_name("AC/DC", "What?", "track01"), song_name("", "Song", "track01", number=2)
    ('AC-DC - What', 'Song (2)')
    """
    end = _number(number)
    text = " - ".join(filter(None, (cleaned(artist), cleaned(title) or cleaned(fallback))))
    return safe(text.strip(" -") or cleaned(fallback).strip(" -"), units - len(end)) + end


def stem_name(naming: str, fields: Mapping[str, str], suffix: str, number: int = 1, units: int = NAME_UNITS) -> str:
    """The name of one stem's file. naming: a name of NAMINGS or a template with {stem} in it.

    fields: some of FIELDS; those left out are empty, `stem` is a name of the table, a title that is empty is `name`.
    number: tells songs of one name apart, see `numbers`. units: of the longest name, without the suffix. Raises
    UsageError where the template is none.

    >>> stem_name("dj", {"artist": "Ärtist", "title": "Söng", "stem": "vocals"}, ".wav")
    'Ärtist - Söng (Vocals).wav'
    """
    template = NAMINGS.get(naming, naming)
    wanted = _checked(template)
    given = {name: cleaned(fields.get(name, "")) for name in FIELDS}
    given["stem"] = stems.title(given["stem"]).replace(" ", "_" if naming == _CLASSIC else " ")
    given["title"] = given["title"] or given["name"]
    given |= {name: given[name][:units].rstrip(" .") for name in _GIVE_WAY}  # letter by letter, 10,000 take minutes
    end = "" if wanted & set(_NUMBERED) else _number(number)
    inner = _number(number) if not end else ""
    for field in _GIVE_WAY:
        text = _filled(template, given, inner)
        while not fits(text + end, units) and given[field]:
            given[field] = given[field][:-1].rstrip(" .")
            text = _filled(template, given, inner)
    if not fits(text + end, units):
        raise UsageError(f"the name template {template!r} is too long", None, f"Leave room for {units} letters.")
    return safe(text + end, units) + suffix


def _checked(template: str) -> set[str]:
    """The fields that a template names. Raises UsageError."""
    hint = f"For example {NAMINGS['dj']!r}; there are {', '.join(FIELDS)}."
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"the name template {template!r} is no template ({error})", None, hint) from error
    wanted = {name for _, name, _, _ in parts if name is not None}
    if wanted - set(FIELDS):
        raise UsageError(f"the name template has no field {{{min(wanted - set(FIELDS))}}}", None, hint)
    if any(spec or turned for _, _, spec, turned in parts):
        raise UsageError(f"the name template {template!r} holds more than names of fields", None, hint)
    if "stem" not in wanted:
        raise UsageError(f"the name template {template!r} does not say which stem it is", None, hint)
    if "/" in template or "\\" in template:
        raise UsageError(f"the name template {template!r} makes folders", None, "Choose a --layout for them.")
    return wanted


def _filled(template: str, given: Mapping[str, str], number: str) -> str:
    numbered = {name: given[name] + number for name in _NUMBERED}
    text = cleaned(template.format_map({**given, **numbered}))
    return text.strip(" -_") or text  # a name that starts with a dash looks like an option


def _number(number: int) -> str:
    return f" ({number})" if number > 1 else ""


def same(name: str) -> str:
    """What is equal for two names that some file system takes for one: whatever their case and Unicode form."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def numbers(named: Sequence[Callable[[int], str]], taken: Collection[str] = ()) -> tuple[int, ...]:
    """For each song the number that tells its name from those of the others and from `taken`; 1 is none.

    named: for each, its whole name with a number, as `song_name` or `stem_name` gives it. The first of a name keeps it.

    >>> numbers([lambda n, name=name: song_name("", name, "", n) for name in ("Song", "SONG", "Song (2)")])
    (1, 3, 1)
    """
    used = {same(name) for name in taken}
    plain = [same(name(1)) for name in named]
    kept = set(plain)
    last: dict[str, int] = {}
    found = []
    for name, key in zip(named, plain, strict=True):
        number = 1
        if key in used:
            number = last.get(key, 1) + 1
            while (other := same(name(number))) in used or other in kept:
                number += 1
        last[key] = number
        used.add(same(name(number)))
        found.append(number)
    return tuple(found)


def units_for(root: PurePath, folders: int = 1) -> int:
    """The longest song's name below a folder so that paths stay short enough. folders: of that name, above the file.

    Never less than 40 units: where not even that fits, the folder itself lies too deep, which `check` tells.
    """
    room = PATH_UNITS - len(str(root).encode("utf-16-le")) // 2 - folders - 1 - _LONGEST_SUFFIX
    return max(_LEAST_UNITS, min(NAME_UNITS, room // (folders + 1)))
