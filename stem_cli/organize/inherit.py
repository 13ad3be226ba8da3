"""What DJ programs know of the songs whose stems are organized: grid, cues and colour, and the crates they are in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from stem_cli.cues import Prepared
from stem_cli.database import text_of
from stem_cli.library import Listings, drives, resolve
from stem_cli.library.rekordbox_grid import read_prepared
from stem_cli.library.select import called_like, lists_for
from stem_cli.organize.lists import Known
from stem_cli.organize.plan import Plan


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
    prepared: dict[str, Prepared] = {}
    listings, bases = Listings(), drives()
    for path, one in read_prepared(rekordbox_xml, called_like(of)) if rekordbox_xml is not None else ():
        place = resolve(path, bases, mapping, listings)
        prepared[text_of(place) if isinstance(place, Path) else str(path)] = one
    asked = bool(crates or libraries)
    members = lists_for(crates, libraries, mapping, of) if asked else {}
    return Known(prepared, {text_of(path): names for path, names in members.items()}, rekordbox_xml is not None, asked)


def unknown(known: Known, plan: Plan) -> Iterator[str]:
    """What is told where a library was named and says nothing of the songs."""
    paths = {song.folder.record.source.path for song in plan.songs}
    if known.grids_asked and not paths & set(known.prepared):
        yield "the rekordbox.xml knows none of these songs: no grid and no cues are taken over; --map may help"
    if known.crates_asked and not paths & set(known.crates):
        yield "the library's lists hold none of these songs; --map may help"
    for path in sorted(paths & set(known.prepared)):
        yield from (f"{path}: {fault}" for fault in known.prepared[path].faults)
