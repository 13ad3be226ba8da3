"""A quick look for vocals: the embedded engine on a few seconds in the middle of a song, remembered for good."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date

import numpy as np

from stem_cli import engines, router
from stem_cli.audio import Mix
from stem_cli.batch import queue
from stem_cli.batch.prepare import place_of
from stem_cli.batch.rules import Rule, place, vocals_decide
from stem_cli.database import key_of
from stem_cli.engines import Request, Run
from stem_cli.errors import StemError
from stem_cli.library import Song
from stem_cli.library.index import remember_vocals
from stem_cli.separation import Shop
from stem_cli.separation.stream import Tap

_log = logging.getLogger("stem_cli")

_SECONDS = 12.0
"""Long enough for a line of a verse; two such stretches, at a third and at two thirds of the song, are looked at."""
_STRETCHES = (1 / 3, 2 / 3)
_VOICE_DB = -8.0
"""A vocals stem that is louder than this against the mix is taken for a voice: a hint, no more. On the real multitracks
the loudest stretch of a song has -2 to -8 dB with its singer and -5 to -12 dB without (docs/batch.md)."""
_AHEAD = 8
"""So many of the next songs are looked at together, as soon as their turn depends on it."""


def looked_at(shop: Shop, song: Song) -> Song:
    """The song, with vocals "yes" or "no" where that was unknown; as it is where it cannot be read."""
    if song.vocals != "unknown":
        return song
    try:
        heard = "yes" if vocals_db(song) > _VOICE_DB else "no"
    except StemError as error:
        _log.info("%s: no look for vocals: %s", song.path, error)
        return song
    except Exception:  # noqa: BLE001 - as with a song of the batch: a bug with one is no reason to stop
        _log.exception("%s: no look for vocals", song.path)
        return song
    remember_vocals(shop.database, song.path, heard)
    return replace(song, vocals=heard)


def all_looked_at(shop: Shop, songs: Sequence[Song]) -> list[Song]:
    """`looked_at` for many songs, side by side on all cores."""
    with ThreadPoolExecutor(router.this_machine().cpus, "look") as pool:
        return list(pool.map(lambda song: looked_at(shop, song), songs))


def vocals_db(song: Song) -> float:
    """The louder of two stretches: power of the vocals against the mix, in dB. Raises StemError."""
    levels = [_level(song, (song.seconds or 240.0) * share) for share in _STRETCHES]
    return max(levels)


def _level(song: Song, middle: float) -> float:
    start = max(0.0, middle - _SECONDS / 2)
    mix = Mix.open(song.path, (start, start + _SECONDS))
    engine, voice, whole = engines.load("builtin"), 0.0, 0.0
    with closing(Tap(mix)) as tap, closing(engine.separate(tap, Request(), Run(1))) as blocks:
        for block in blocks:
            voice += float(np.vdot(block["vocals"], block["vocals"]))
            whole += sum(float(np.vdot(part, part)) for part in block.values())
    return 10 * float(np.log10(max(voice, 1e-12) / max(whole, 1e-12)))


def look_ahead(shop: Shop, batch: str, songs: dict[str, Song], rules: Sequence[Rule], named: Sequence[str]) -> None:
    """Before a song is taken whose place depends on its vocals, listen to it and to those after it, and place them."""
    upcoming = queue.next_up(shop.database, batch, _AHEAD)
    if not upcoming or not _depends(songs.get(upcoming[0].path), rules, named):
        return
    doubtful = [job for job in upcoming if _depends(songs.get(job.path), rules, named)]
    for job, heard in zip(doubtful, all_looked_at(shop, [songs[job.path] for job in doubtful]), strict=True):
        songs[job.path] = heard if heard.vocals != "unknown" else replace(heard, vocals="no")
        index, why = place(heard, rules, named, date.today())
        queue.replace_place(shop.database, job.id, place_of(index, job.place), why)


def _depends(song: Song | None, rules: Sequence[Rule], named: Sequence[str]) -> bool:
    return song is not None and vocals_decide(song, rules, named, date.today())


def by_path(songs: Sequence[Song]) -> dict[str, Song]:
    """The songs by their names in the queue."""
    return {key_of(song.path): song for song in songs}
