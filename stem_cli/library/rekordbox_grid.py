"""What a user's own rekordbox.xml says of his songs beyond their names: grid, cues, key, rating, colour.

Element by element, so that a file of hundreds of megabytes takes the memory of one song.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from stem_cli.cues import FASTEST, HOT_CUES, KINDS, SLOWEST, Cue, Prepared, Tempo
from stem_cli.library.crate import Wish
from stem_cli.library.rekordbox import ROOT, STARS, path_of
from stem_cli.library.xml import elements

_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,12})?")
_METRE = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)")
_COLOUR = re.compile(r"0x([0-9A-Fa-f]{6})")
_CHANNELS = ("Red", "Green", "Blue")


def read_prepared(path: Path, wish: Wish = None) -> Iterator[tuple[PurePosixPath, Prepared]]:
    """Every song of a collection by its path on the machine that wrote it, with what is prepared of it, in its order.

    wish: other songs are left out. A broken grid is left out and told in `faults`. Raises InputError where the file is
    damaged or none of rekordbox.
    """
    for track in elements(path, ROOT, "TRACK"):
        place = track.get("Location")
        if place and (wish is None or wish(path_of(place))):  # a TRACK of a playlist has only a Key
            yield path_of(place), prepared_of(track)


def prepared_of(track: Any) -> Prepared:
    """What one TRACK element says."""
    grid, fault = grid_of(track)
    cues, faults = cues_of(track)
    colour = _COLOUR.fullmatch(track.get("Colour", ""))
    rating = track.get("Rating", "")
    return Prepared(
        grid=grid,
        cues=cues,
        key=track.get("Tonality", "").strip(),
        rating=STARS.get(int(rating)) if re.fullmatch("[0-9]{1,3}", rating) else None,
        colour=f"#{colour[1].upper()}" if colour else "",
        faults=(*filter(None, [fault]), *faults),
    )


def grid_of(track: Any) -> tuple[tuple[Tempo, ...], str]:
    """The grid of a TRACK, or an empty one and what is wrong with it: half a grid would put every beat elsewhere."""
    found: list[Tempo] = []
    for element in track.findall("TEMPO"):
        tempo = _tempo(element)
        if isinstance(tempo, str):
            return (), f"its grid is left out: {tempo}"
        if found and tempo.seconds <= found[-1].seconds:
            return (), f"its grid is left out: the tempo at {tempo.seconds:g} s stands behind that at a later time"
        found.append(tempo)
    return tuple(found), ""


def _tempo(element: Any) -> Tempo | str:
    seconds, bpm = _number(element.get("Inizio")), _number(element.get("Bpm"))
    if seconds is None or seconds < 0:
        return f"a beat at {element.get('Inizio')!r} s"
    if bpm is None or not SLOWEST <= bpm <= FASTEST:
        return f"{element.get('Bpm')!r} BPM"
    metre, beat = element.get("Metro", "4/4"), element.get("Battito", "1")
    bar = _METRE.fullmatch(metre)
    if not bar or not re.fullmatch("[0-9]{1,2}", beat) or not 1 <= int(beat) <= int(bar[1]):
        return f"beat {beat!r} of {metre!r}"
    return Tempo(seconds, bpm, metre, int(beat))


def cues_of(track: Any) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    """The cues and loops of a TRACK in their order, and what is wrong with those that are left out."""
    cues: list[Cue] = []
    faults: list[str] = []
    for element in track.findall("POSITION_MARK"):
        cue = _cue(element)
        if isinstance(cue, str):
            faults.append(f"a cue is left out: {cue}")
        else:
            cues.append(cue)
    return tuple(cues), tuple(faults)


def _cue(element: Any) -> Cue | str:
    seconds, end = _number(element.get("Start")), _number(element.get("End"))
    kind = element.get("Type", "0")
    if kind not in ("0", "1", "2", "3", "4"):
        return f"it is of kind {kind!r}"
    if seconds is None or seconds < 0:
        return f"it stands at {element.get('Start')!r} s"
    loop = KINDS[int(kind)] == "loop"
    if loop and (end is None or end <= seconds):
        return f"a loop from {seconds:g} s to {element.get('End')!r} s"
    pad = element.get("Num", "-1")
    hot = int(pad) if re.fullmatch("[0-9]", pad) and int(pad) < HOT_CUES else None  # more pads: a memory cue keeps it
    return Cue(seconds, element.get("Name", ""), KINDS[int(kind)], end if loop else None, hot, _colour(element))


def _colour(element: Any) -> str:
    """ "#RRGGBB" of three numbers, "" where they are not there."""
    values = [element.get(name, "") for name in _CHANNELS]
    if not all(re.fullmatch("[0-9]{1,3}", value) and int(value) < 256 for value in values):
        return ""
    return "#" + "".join(f"{int(value):02X}" for value in values)


def _number(text: str | None) -> float | None:
    """A number as rekordbox writes it; None for everything else, NaN and commas too."""
    value = float(text) if text and _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None
