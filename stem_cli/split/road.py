"""A song into stems, and one of those divided: `separate --split-vocals`, `split-vocals` and `split-drums`."""

from __future__ import annotations

import logging
from dataclasses import replace

from stem_cli import stems
from stem_cli.folder import StemFolder
from stem_cli.separation import Listener, Order, Result, Shop, folder_there
from stem_cli.separation import separate as separate_song
from stem_cli.separation.judging import MISHAPS
from stem_cli.split.choice import Wish, divider
from stem_cli.split.divide import divide, divided_already
from stem_cli.track import Track

_log = logging.getLogger("stem_cli")


def separate(
    shop: Shop,
    track: Track,
    order: Order,
    listener: Listener,
    stem: str = "vocals",
    keep: bool = False,
    must: bool = False,
) -> Result:
    """Separate a song, and divide one of its stems. Raises StemError.

    keep: the stem itself stays too. must: that it cannot be divided is an error; else it stays whole, with a warning:
    what is made is not lost.
    """
    named = order.settings.split_model
    there = None if order.force or order.dry_run else folder_there(track, order, lambda names: _instead(names, stem))
    if there is not None and divided_already(there, stem, keep, named):
        return _there(track, order, there, stem)
    if must or named:
        divider(Wish(stem, track.frames / track.rate, track.channels, shop.budget.paid), order.settings)
    result = separate_song(shop, track, replace(order, undivided=True), listener)
    if result.folder is None or stem not in result.names:
        return result
    try:
        folder = divide(shop, result.folder, stem, listener, keep)
    except MISHAPS as error:
        if must:
            raise
        _log.exception("dividing %s", track.path)
        text = f"the {stem} could not be divided and stay whole: {str(error) or repr(error)}"
        listener.note(text)
        return replace(result, warnings=(*result.warnings, text))
    names = _names(folder, result.names, stem, keep)
    warnings = tuple(dict.fromkeys((*result.warnings, *folder.record.warnings)))
    return replace(result, folder=folder, names=names, warnings=warnings)


def _instead(names: tuple[str, ...], stem: str) -> tuple[str, ...]:
    """The files that have to lie there for the stem to count as divided: all others."""
    return tuple(name for name in names if name != stem)


def _names(folder: StemFolder, names: tuple[str, ...], stem: str, keep: bool) -> tuple[str, ...]:
    """The files that came of an order."""
    parts = [name for name in stems.PARTS[stem] if name in folder.record.divided]
    return stems.ordered([*(name for name in names if keep or name != stem), *parts])


def _there(track: Track, order: Order, folder: StemFolder, stem: str) -> Result:
    record = folder.record
    wanted = order.names or tuple(one.name for one in record.files)
    return Result(
        status="there",
        track=track,
        place=folder.place,
        engine=record.made.engine_id,
        why=record.made.why,
        folder=folder,
        names=_names(folder, wanted, stem, any(one.name == stem for one in record.files)),
        warnings=record.warnings,
        song_seconds=record.source.frames / record.source.rate,
    )
