"""Which file is which stem in a folder, ours or another tool's."""

from __future__ import annotations

import re
from pathlib import Path

from stem_cli import stems
from stem_cli.errors import InputError
from stem_cli.folder.metadata import open_folder
from stem_cli.folder.named import WORDS

_SOUNDS = (".wav", ".flac", ".aiff", ".aif", ".m4a", ".mp3", ".ogg", ".opus")
_WORDS = re.compile(r"[^\W_]+")


def stem_files(folder: Path) -> dict[str, Path]:
    """The files by stem: by our metadata, else by words in their names. Raises InputError where two claim one stem."""
    try:
        return open_folder(folder).paths()
    except InputError:
        if not folder.is_dir():
            raise
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ours_to_read = path.suffix.lower() in _SOUNDS and not path.name.startswith(".") and path.is_file()
        name = stem_in(path.stem) if ours_to_read else None
        if name is None:
            continue
        if name in found:
            what = f"{found[name].name} and {path.name} both look like {name}"
            raise InputError(what, folder, "Leave one of them there.")
        found[name] = path
    if not found:
        known = f"Files are known by their names: {', '.join(stems.TABLE)}."
        hint = f"{known} Of several folders or songs, name each."
        raise InputError("no file in it is named after a stem", folder, hint)
    return found


def stem_in(text: str) -> str | None:
    """The stem or the complement that a file's name speaks of, the longest and last of them; None where it is none.

    >>> [stem_in(one) for one in ("Song (Lead Vocals)", "drums", "07 no_vocals", "Vocal Sessions - Bass", "mix")]
    ['lead_vocals', 'drums', 'instrumental', 'bass', None]
    """
    words = " ".join(["", *_WORDS.findall(text.lower()), ""])
    there = [word for word in WORDS if f" {word} " in words]
    last = max(there, key=lambda word: (words.rfind(f" {word} ") + len(word), len(word)), default=None)
    return None if last is None else WORDS[last]
