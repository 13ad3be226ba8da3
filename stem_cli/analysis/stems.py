"""The analysis of a folder of stems: what its record holds, or what is heard now and written there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from stem_cli import stems
from stem_cli.analysis.analyse import analyse
from stem_cli.analysis.found import VERSION, Analysis, from_dict, to_dict
from stem_cli.analysis.listen import listen
from stem_cli.disk import disk_errors, replace_synced
from stem_cli.dsp.beats import Hints
from stem_cli.dsp.key import parsed
from stem_cli.errors import InputError
from stem_cli.folder import StemFolder, open_folder, to_text
from stem_cli.folder.foreign import stem_files

_OCTAVE_APART = 0.04


def of_path(path: Path, bpm: float = 0.0, again: bool = False, keep: bool = True) -> Analysis:
    """Of a folder of ours, or of one that another tool made. Raises InputError.

    bpm: as the user says it, 0 where it is to be found. again: listen anew, and leave tags out of it. keep: what is
    heard is written into the metadata of a folder of ours.
    """
    try:
        folder = open_folder(path)
    except InputError:
        return _heard(stem_files(path), {}, bpm, again)
    known = None if again or bpm else _known(folder)
    if known is not None:
        return known
    found = _heard(folder.paths(), folder.record.tags, bpm, again)
    if keep:
        with disk_errors(folder.place.home):
            replace_synced(folder.place.metadata, to_text(replace(folder.record, analysis=to_dict(found))))
    return found


def _known(folder: StemFolder) -> Analysis | None:
    """What the record holds, where this version of the recipe found it."""
    data = folder.record.analysis
    if not data or data.get("version") != VERSION:
        return None
    try:
        return from_dict(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Run `stem analyze --reanalyze` on it."
        raise InputError(f"its analysis is damaged ({error!r})", folder.place.metadata, hint) from error


def _heard(files: Mapping[str, Path], tags: Mapping[str, object], bpm: float, again: bool) -> Analysis:
    parts = stems.adding_up(files) or tuple(files)
    heard = listen({name: files[name] for name in parts})
    tagged = 0.0 if again else _number(tags.get("bpm"))
    hints = Hints(bpm=bpm, tagged_bpm=tagged, genre=str(tags.get("genre") or ""))
    found = analyse(heard, hints, None if again else parsed(str(tags.get("key") or "")))
    return replace(found, notes=(*found.notes, *_differs(found, tagged)))


def _differs(found: Analysis, tagged_bpm: float) -> list[str]:
    """Where the tags tell of another tempo."""
    if found.grid is None or not tagged_bpm or abs(found.grid.quarters_bpm / tagged_bpm - 1) < _OCTAVE_APART:
        return []
    return [f"the tags say {tagged_bpm:g} BPM"]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
