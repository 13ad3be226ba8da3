"""What DJ programs know of the songs whose stems are organized: grid, cues and colour, and the crates they are in."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from stem_cli.cues import Prepared, Tempo, within
from stem_cli.database import text_of
from stem_cli.errors import InputError
from stem_cli.folder import StemFolder
from stem_cli.library import Listings, drives, resolve
from stem_cli.library.rekordbox_grid import read_prepared
from stem_cli.library.select import called_like, lists_for
from stem_cli.organize.before import digest_of
from stem_cli.organize.manifest import Remembered
from stem_cli.organize.plan import Plan, Song

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Known:
    """What DJ programs know of songs, by the path of the song's file; None where no library was looked into.

    crates: names of the lists that hold it.
    """

    prepared: Mapping[str, Prepared] | None = None
    crates: Mapping[str, tuple[str, ...]] | None = None


def known_of(
    of: Collection[str],
    rekordbox_xml: Path | None,
    crates: Sequence[str],
    libraries: Sequence[str],
    mapping: Mapping[str, str],
) -> Known:
    """By the path of the song's file. Raises InputError for a library that cannot be read.

    of: the paths of the songs that are asked for; nothing is kept of a large library beside them.
    """
    prepared = None if rekordbox_xml is None else _as_asked(_prepared_in(rekordbox_xml, of, mapping), of)
    if not (crates or libraries):
        return Known(prepared)
    members = lists_for(crates, libraries, mapping, of)
    return Known(prepared, _as_asked({text_of(path): names for path, names in members.items()}, of))


def _as_asked(found: Mapping[str, _Found], of: Collection[str]) -> dict[str, _Found]:
    """With the paths that are asked for, too, where they lead to the same file: by `..`, or by a link to a folder."""
    places = {os.path.realpath(path): one for path, one in found.items()}
    same = {path: places[place] for path in of if (place := os.path.realpath(path)) in places}
    return {**found, **same}


def _prepared_in(rekordbox_xml: Path, of: Collection[str], mapping: Mapping[str, str]) -> dict[str, Prepared]:
    listings, bases = Listings(), drives()
    found = {}
    for path, one in read_prepared(rekordbox_xml, called_like(of)):
        place = resolve(path, bases, mapping, listings)
        found[text_of(place) if isinstance(place, Path) else str(path)] = one
    return found


def unknown(known: Known, plan: Plan) -> Iterator[str]:
    """What is told where a library was named and says nothing of the songs, or something that makes no sense."""
    names = {song.folder.record.source.path: song.name for song in plan.songs}
    prepared = known.prepared or {}
    if known.prepared is not None and not set(names) & set(prepared):
        yield "the rekordbox.xml knows none of these songs: no grid and no cues are taken over; --map may help"
    if known.crates is not None and not set(names) & set(known.crates):
        yield "the library's lists hold none of these songs; --map may help"
    for path in sorted(set(names) & set(prepared)):
        yield from (f"{names[path]} ({path}): {fault}" for fault in dict.fromkeys(prepared[path].faults))


def remembered(before: Sequence[Remembered], plan: Plan, known: Known) -> list[Remembered]:
    """The songs of all runs: those of this one as they are now, the others as they were, in the order of their names.

    What this run's libraries say of a song replaces what earlier ones said; what they are silent of stays. A song of
    this run that none of their lists holds is in none.
    """
    now = {id(song.before) for song in plan.songs}
    others = [_told(song, known) for song in before if id(song) not in now]
    songs = [*others, *(_of(song, plan, known) for song in plan.songs)]
    return sorted(songs, key=lambda song: (song.name.casefold() or song.title.casefold(), song.name, song.digest))


def _told(song: Remembered, known: Known) -> Remembered:
    return replace(
        song,
        prepared=_prepared(known, song.source, song.span, song.prepared),
        crates=(known.crates or {}).get(song.source, song.crates),
    )


def _prepared(known: Known, source: str, span: tuple[float, float | None] | None, before: Prepared) -> Prepared:
    found = (known.prepared or {}).get(source)
    if found is None:
        return before
    return found if span is None else within(found, *span)


def _of(song: Song, plan: Plan, known: Known) -> Remembered:
    record = song.folder.record
    before = song.before or Remembered("")
    kinds = {"", *(file.name for file in record.files)}
    left = {kind: path for kind, path in before.files.items() if kind in kinds}
    crates = before.crates if known.crates is None else known.crates.get(record.source.path, ())
    return Remembered(
        digest=digest_of(song.folder),
        folder=text_of(song.folder.place.metadata),
        source=record.source.path,
        span=record.span,
        name=song.name,
        number=song.number,
        artist=str(record.tags.get("artist") or ""),
        title=song.title,
        seconds=record.source.frames / record.source.rate,
        files={**left, **{item.kind: str(item.path) for item in plan.items_of(song)}},
        prepared=_prepared(known, record.source.path, record.span, before.prepared),
        crates=tuple(crates),
        analysed=_analysed(song.folder),
    )


def _analysed(folder: StemFolder) -> tuple[Tempo, ...]:
    """The grid that `stem analyze` has found, where that is to be relied on."""
    if not folder.record.analysis:
        return ()
    from stem_cli.analysis import of_record, tempos_of

    try:
        found = of_record(folder)
    except InputError:
        return ()
    return () if found is None or found.sure_grid is None else tempos_of(found.sure_grid)
