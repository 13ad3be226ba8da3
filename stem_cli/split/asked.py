"""What a command line asks for one song beside the settings, and the whole of it carried out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stem_cli import separation, stems
from stem_cli.engines import request_of
from stem_cli.separation import Listener, Order, Result, Shop, stems_needed
from stem_cli.settings import Settings
from stem_cli.split.mute import mute, refuse
from stem_cli.split.road import separate
from stem_cli.track import Track


@dataclass(frozen=True)
class Asked:
    """stems: only these, () is all. two_stems: that one and the song without it. also: more files.

    span: start and end in seconds. keep: the vocals stay beside their parts. mute: stems that are to be silent.
    """

    stems: tuple[str, ...] = ()
    two_stems: str = ""
    also: tuple[str, ...] = ()
    span: tuple[float, float | None] | None = None
    keep: bool = False
    mute: tuple[str, ...] = ()
    force: bool = False
    dry_run: bool = False


def order_of(asked: Asked, settings: Settings, minutes_paid: float = 0.0, batch: bool = False) -> Order:
    """The order for a song. minutes_paid: of a service, by this command so far."""
    names = stems.whole_of(asked.stems) if settings.vocal_sub_separation else asked.stems
    return Order(
        request=request_of(settings, stems_needed(names, asked.two_stems, asked.also), asked.span),
        settings=settings,
        names=names,
        also=asked.also,
        two_stems=asked.two_stems,
        force=asked.force,
        dry_run=asked.dry_run,
        tolerant=settings.damaged == "take",
        mute=asked.mute,
        batch=batch,
        minutes_paid=minutes_paid,
    )


def carry_out(shop: Shop, track: Track, order: Order, listener: Listener, keep: bool = False) -> Result:
    """Separate the song, and divide its vocals or silence stems where that is wanted. Raises StemError."""
    refuse(order)
    if order.settings.vocal_sub_separation:
        result = separate(shop, track, order, listener, keep=keep)
    else:
        result = separation.separate(shop, track, order, listener)
    folder = result.folder
    if folder is None:
        return result
    for name in order.mute:
        folder = mute(shop, folder, name)
    return replace(result, folder=folder)
