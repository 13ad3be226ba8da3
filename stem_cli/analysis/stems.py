"""The analysis of a folder of stems: what its record or the database holds, or what is heard now and written there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stem_cli import stems
from stem_cli.analysis.analyse import analyse
from stem_cli.analysis.found import VERSION, Analysis, from_dict, to_dict
from stem_cli.analysis.given import Given, same
from stem_cli.analysis.listen import listen
from stem_cli.analysis.memory import recall, remember
from stem_cli.analysis.tagging import ELSEWHERE, tag_stems
from stem_cli.database import Database
from stem_cli.disk import disk_errors, replace_synced
from stem_cli.dsp.beats import UNKNOWN, Hints
from stem_cli.dsp.key import parsed
from stem_cli.errors import InputError, UsageError
from stem_cli.folder import Record, StemFolder, open_folder, to_text
from stem_cli.folder.foreign import stem_files

_OCTAVE_APART = 0.04


@dataclass(frozen=True)
class Wish:
    """How a song is to be analysed. said: what the user says of it.

    again: listen anew, and leave tags and DJ programs out of it. given: what a DJ program says. keep: what is found is
    written into the metadata of a folder of ours, and remembered. tag: into the tags of its files as well.
    """

    said: Hints = UNKNOWN
    again: bool = False
    given: Given | None = None
    keep: bool = True
    tag: bool = False


def of_path(path: Path, wish: Wish, memory: Database | None = None) -> Analysis:
    """Of a folder of ours, or of one that another tool made. Raises InputError, OutputError."""
    try:
        folder = open_folder(path)
    except InputError:
        return _heard(stem_files(path), {}, wish)
    return of_folder(folder, wish, memory)[1]


def of_folder(folder: StemFolder, wish: Wish, memory: Database | None = None) -> tuple[StemFolder, Analysis]:
    """Of a folder of ours, which is given back as it is now. Raises InputError, OutputError."""
    known = None if wish.again or wish.said.by_user else _known(folder, wish, memory)
    found = known or _heard(_listened_to(folder), folder.record.tags, wish)
    if not wish.keep:
        return folder, found
    now = tag_stems(folder, found, _before(folder), wish.again) if wish.tag else folder
    now = replace(now, record=replace(now.record, analysis=to_dict(found)))
    if now.record != folder.record:
        with disk_errors(folder.place.home, ELSEWHERE):
            replace_synced(folder.place.metadata, to_text(now.record))
    if memory is not None and _is_whole(folder.record) and (known is None or recall(memory, _digest(folder)) is None):
        remember(memory, _digest(folder), found)
    return now, found


def _listened_to(folder: StemFolder) -> dict[str, Path]:
    names = [file.name for file in folder.record.files]
    return folder.existing(stems.adding_up(names) or names)


def _is_whole(record: Record) -> bool:
    """Whether it is of the whole song: what a stretch of it is, only its record knows."""
    return record.span is None


def _digest(folder: StemFolder) -> str:
    return folder.record.source.digest


def _known(folder: StemFolder, wish: Wish, memory: Database | None) -> Analysis | None:
    """What the record holds, else what is remembered of the song."""
    found = of_record(folder)
    if found is None and memory is not None and _is_whole(folder.record):
        found = recall(memory, _digest(folder))
    return found if found is not None and stands(found, folder.record.tags, wish.given) else None


def of_record(folder: StemFolder) -> Analysis | None:
    """What the record of a folder holds, where this version of the recipe found it. Raises InputError for damage."""
    data = folder.record.analysis
    if not data or data.get("version") != VERSION:
        return None
    try:
        return from_dict(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Run `stem analyze --reanalyze` on it."
        raise InputError(f"its analysis is damaged ({error!r})", folder.place.metadata, hint) from error


def _before(folder: StemFolder) -> Analysis | None:
    """What was found last time; nothing where that is damaged, as it is written anew."""
    try:
        return of_record(folder)
    except InputError:
        return None


def stands(found: Analysis, tags: Mapping[str, object], given: Given | None) -> bool:
    """Whether what was found once is still the answer, by what the tags and a DJ program say now.

    What the user wanted without them, or said himself, or a grid that he named, gives way only to a grid that he names
    now.
    """
    own = found.alone or bool(found.said)
    if given is not None and given.grid is not None:
        named = own or found.grid_from not in ("", given.source)
        differs = found.grid_from != given.source or not same(found.grid, given.grid)
        if differs and (given.asked or not named):
            return False
    return own or _agrees(found, tags)


def _agrees(found: Analysis, tags: Mapping[str, object]) -> bool:
    """Whether listening with these tags would come to the same."""
    key = parsed(str(tags.get("key") or ""))
    as_tagged = "key" not in found.tagged if key is None else found.key is not None and found.key.key == key
    return as_tagged and set(_differs(found, _number(tags.get("bpm")))) <= set(found.notes)


def _heard(files: Mapping[str, Path], tags: Mapping[str, object], wish: Wish) -> Analysis:
    parts = stems.adding_up(files) or tuple(files)
    heard = listen({name: files[name] for name in parts})
    if wish.said.downbeat is not None and wish.said.downbeat >= heard.seconds:
        raise UsageError(f"a song of {heard.seconds:.1f} s has no downbeat there", next(iter(files.values())).parent)
    tagged = 0.0 if wish.again else _number(tags.get("bpm"))
    hints = replace(wish.said, tagged_bpm=tagged, genre=str(tags.get("genre") or ""))
    key = None if wish.again else parsed(str(tags.get("key") or ""))
    found = analyse(heard, hints, key, None if wish.again or hints.by_user else wish.given)
    return replace(found, alone=wish.again, notes=(*found.notes, *_differs(found, tagged)))


def _differs(found: Analysis, tagged_bpm: float) -> list[str]:
    """Where the tags tell of another tempo."""
    if found.grid is None or not tagged_bpm or abs(found.grid.quarters_bpm / tagged_bpm - 1) < _OCTAVE_APART:
        return []
    return [f"the tags say {tagged_bpm:g} BPM"]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
