"""A song into stems, and one of those divided: `separate --split-vocals`, `split-vocals` and `split-drums`."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from stem_cli import stems
from stem_cli.errors import EngineError
from stem_cli.folder import StemFolder
from stem_cli.separation import Listener, Order, Plan, Result, Shop, already_there, decide, result_there, seconds_of
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
    whole = replace(order, undivided=True)
    started, plan = time.monotonic(), decide(track, whole)
    there = None if order.force else _divided_there(plan, stem, keep)
    if order.dry_run:
        return _planned(shop, plan, there, stem, listener)
    if there is not None:
        wanted = order.names or tuple(one.name for one in there.record.files)
        kept = any(one.name == stem for one in there.record.files)
        return replace(result_there(shop, plan, there, started), names=_names(there, wanted, stem, kept))
    paid = shop.budget.paid
    chosen = divider(_wish(track, order, stem), order.settings) if must or order.settings.split_model else None
    result = separate_song(shop, track, whole, listener, plan)
    if result.folder is None or stem not in result.names:
        return result
    try:
        chosen = chosen if shop.budget.paid == paid else None  # what the first pass cost may leave too little for it
        folder = divide(shop, result.folder, stem, listener, keep, chosen)
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


def second_pass(track: Track, order: Order, stem: str = "vocals") -> str:
    """Who would divide a stem, or that nobody can, in words.

    Raises EngineError where the model that the user names cannot.
    """
    seconds = seconds_of(track, order.request.span)
    try:
        chosen = divider(_wish(track, order, stem), order.settings)
    except EngineError as error:
        if order.settings.split_model:
            raise
        return f"the {stem} would stay whole: {error}"
    cost = chosen.engine.cost(chosen.request, seconds)
    return f"then the {stem} would be divided by {chosen.engine.name} {chosen.model.name}" + (
        f"; {cost}" if cost else ""
    )


def _planned(shop: Shop, plan: Plan, there: StemFolder | None, stem: str, listener: Listener) -> Result:
    """What a dry run tells of both passes."""
    result = separate_song(shop, plan.track, plan.order, listener, plan)
    if there is not None:
        return replace(result, why="its stems are there already")
    if stem not in result.names:
        return result
    return replace(result, why=f"{result.why}; {second_pass(plan.track, plan.order, stem)}")


def _divided_there(plan: Plan, stem: str, keep: bool) -> StemFolder | None:
    """The folder, where the stem lies divided in it as it is wanted, and all others as well. Raises OutputError."""
    others = tuple(name for name in plan.names if name != stem)
    there = already_there(replace(plan, names=others))
    if there is not None and divided_already(there, stem, keep, plan.order.settings.split_model):
        return there
    return None


def _wish(track: Track, order: Order, stem: str) -> Wish:
    return Wish(stem, seconds_of(track, order.request.span), track.channels, order.minutes_paid)


def _names(folder: StemFolder, names: tuple[str, ...], stem: str, keep: bool) -> tuple[str, ...]:
    """The files that came of an order."""
    parts = [name for name in stems.PARTS[stem] if name in folder.record.divided]
    return stems.ordered([*(name for name in names if keep or name != stem), *parts])
