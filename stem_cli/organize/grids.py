"""The grid that a DJ program has laid for a song: the one of a rekordbox.xml that the user names, else Serato's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stem_cli.analysis import Given, grid_from
from stem_cli.cues import Prepared, within
from stem_cli.dj.serato_grid import NAME, tempos_in
from stem_cli.dj.serato_tags import read_serato
from stem_cli.errors import InputError
from stem_cli.folder import Record

_LEFT_OUT = "its grid is left out"
_REKORDBOX, _SERATO = "rekordbox.xml", "Serato"
Span = tuple[float, float | None] | None


def given_for(record: Record, prepared: Mapping[str, Prepared] | None = None) -> Given:
    """The grid of the song that stems were made of, in their own time. prepared: by path what a rekordbox.xml says."""
    seconds = max((file.frames for file in record.files), default=0) / record.source.rate
    return given(record.source.path, seconds, record.span, prepared)


def given(source: str, seconds: float, span: Span = None, prepared: Mapping[str, Prepared] | None = None) -> Given:
    """The same by the path of the song. seconds: of the stretch of it, or of all of it.

    A grid that makes no sense is left out and told in `faults`, and the next one asked.
    """
    if prepared is None:
        return _of_serato(Path(source), seconds, span)
    one = prepared.get(source)
    faults = [fault for fault in (one.faults if one is not None else ()) if fault.startswith(_LEFT_OUT)]
    if one is not None and one.grid:
        found = _given(one, _REKORDBOX, seconds, span)
        if found.grid is not None:
            return found
        faults += found.faults
    faults = [f"{_REKORDBOX}: {fault}" for fault in faults] or [f"{_REKORDBOX} has no grid of it"]
    serato = _of_serato(Path(source), seconds, span)
    return Given(serato.grid, serato.source, serato.asked, (*faults, *serato.faults))


def _of_serato(song: Path, seconds: float, span: Span) -> Given:
    """What Serato keeps in the song's own file, if that is still there."""
    try:
        data = next((tag.data for tag in read_serato(song) if tag.name == NAME), b"")
        tempos = tempos_in(data) if data else ()
    except InputError:
        return Given()
    except ValueError as error:
        return Given(faults=(f"{_SERATO}: {_LEFT_OUT}: {error}",))
    found = _given(Prepared(tempos), _SERATO, seconds, span) if tempos else Given()
    return Given(found.grid, found.source, faults=tuple(f"{_SERATO}: {fault}" for fault in found.faults))


def _given(prepared: Prepared, source: str, seconds: float, span: Span) -> Given:
    start, end = span or (0.0, None)
    grid = grid_from(within(prepared, start, end).grid, seconds)
    if grid is None:
        return Given(faults=(f"{_LEFT_OUT}: it has no two beats in the song",))
    return Given(grid, source, asked=source == _REKORDBOX)
