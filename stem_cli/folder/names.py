"""Names that every file system takes: Windows, macOS, Linux, FAT32 sticks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from string import Formatter

from stem_cli.errors import UsageError

NAME_UNITS = 120
"""Longest name of a folder or a song's prefix, in UTF-16 units; with our own suffixes it stays far below 255."""
_NAME_BYTES = 180  # Linux counts bytes: 255 a name, with room for ".<token>.partial" and "_Backing_Vocals.aiff"

_REPLACED = str.maketrans(
    {"/": "-", "\\": "-", ":": " -", "|": "-", "<": "(", ">": ")", '"': "'", "?": "", "*": "", "\x7f": ""}
)
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.IGNORECASE)
_UNTITLED = "untitled"


def safe(text: str, units: int = NAME_UNITS) -> str:
    """A name made of the text: NFC, without what any file system forbids, never empty, never longer than `units`.

    Letters of every script stay as they are. ``%%`` becomes ``%``: Serato parts crates with it.
    """
    text = _cut(cleaned(text) or _UNTITLED, units).rstrip(" .") or _UNTITLED
    return _cut(f"_{text}", units).rstrip(" .") if _RESERVED.match(text) else text


def cleaned(text: str) -> str:
    """The same without a limit: NFC, without what any file system forbids, with no space or dot at its ends."""
    text = unicodedata.normalize("NFC", text).translate(_REPLACED)
    text = "".join("_" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    text = "".join(letter for letter in text if _allowed(letter))
    text = unicodedata.normalize("NFC", re.sub("%{2,}", "%", re.sub(r"\s+", " ", text)))  # marks may have met letters
    return text.strip(" .")


def fits(text: str, units: int = NAME_UNITS) -> bool:
    """Whether `safe` would leave a cleaned text whole."""
    return len(text.encode("utf-16-le")) <= 2 * units and len(text.encode()) <= _NAME_BYTES


def _allowed(letter: str) -> bool:
    """Neither a control letter nor one of the 66 that Unicode will never assign, which APFS refuses."""
    code = ord(letter)
    never = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return not never and unicodedata.category(letter) not in ("Cc", "Zl", "Zp")


def _cut(text: str, units: int) -> str:
    """The longest start of the text that is short enough, with no mark parted from its letter."""
    while text and not fits(text, units):
        text = text[:-1]
        while text and unicodedata.combining(text[-1]) and len(text) > 1:
            text = text[:-1]
    return text


def from_template(template: str, fields: Mapping[str, str]) -> PurePosixPath:
    """The relative path a template gives. A slash in the template makes a folder; one in a field does not.

    The value of `hash8` is never cut off. Raises UsageError for a field that is not there.
    """
    parts = []
    for part in template.split("/"):
        if part.strip(" .") == "":
            continue
        parts.append(_filled(part, fields))
    if not parts:
        raise UsageError(
            f"the name template {template!r} gives no name", None, "For example '{artist} - {title}_{hash8}'."
        )
    return PurePosixPath(*parts)


def _filled(part: str, fields: Mapping[str, str]) -> str:
    try:
        wanted = [name for _, name, _, _ in Formatter().parse(part) if name is not None]
    except ValueError as error:
        raise UsageError(f"the name template {part!r} is no template ({error})", None, "Write {title}.") from error
    for name in wanted:
        if name not in fields:
            known = ", ".join(f"{{{known}}}" for known in fields)
            raise UsageError(f"the name template has no field {{{name}}}", None, f"There are {known}.")
    ending = "_{hash8}"
    if part.endswith(ending):
        kept = f"_{fields['hash8']}"
        return safe(_tidy(part[: -len(ending)].format_map(dict(fields))), NAME_UNITS - len(kept)) + kept
    return safe(_tidy(part.format_map(dict(fields))))


def _tidy(text: str) -> str:
    """The text without what parted empty fields at its ends: a name that starts with a dash looks like an option."""
    return text.strip(" -_") or text
