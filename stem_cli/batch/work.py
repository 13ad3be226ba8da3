"""One song of a batch, separated: in this process or in one of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stem_cli import split, verify
from stem_cli.batch.finished import files_text, metadata_of
from stem_cli.batch.queue import End, Job
from stem_cli.cache import Cache
from stem_cli.quality import verdict_of
from stem_cli.separation import Listener, Result, Shop
from stem_cli.settings import Settings
from stem_cli.split import Asked
from stem_cli.track import open_track


@dataclass(frozen=True)
class Task:
    """What is to be done with a song. upgrade: replace what others made. path: of the song, as it is reached here."""

    asked: Asked
    settings: Settings
    cache: Cache
    upgrade: bool
    job: Job
    path: Path


@dataclass(frozen=True)
class Made:
    """How the work on a song ended well. home: where its stems lie."""

    end: End
    home: Path


def make(shop: Shop, task: Task, listener: Listener) -> Made:
    """Separate one song; what was open at an unclean end, or is doubted, is compared with its record.

    Raises StemError, and OSError where its stems vanish this moment.
    """
    shop = replace(shop, settings=task.settings, cache=task.cache)
    track = open_track(task.path, shop.database.fingerprint)
    order = split.order_of(task.asked, task.settings, shop.budget.paid, batch=True)
    order = replace(order, replace=task.upgrade)
    result = split.carry_out(shop, track, order, listener, task.asked.keep)
    doubted = result.folder if task.job.doubted and result.status == "there" else None
    if doubted is not None and any(finding.fault for finding in verify.check(doubted)):
        result = split.carry_out(shop, track, replace(order, force=True), listener, task.asked.keep)
    return _made(result)


def _made(result: Result) -> Made:
    folder = result.folder
    assert folder is not None  # a dry run has none, and this is not one
    quality = folder.record.quality
    end = End(
        status=result.status,
        engine=result.engine,
        folder=metadata_of(folder),
        files=files_text(folder),
        work_seconds=result.work_seconds,
        seconds=result.song_seconds,
        vocals_db=verdict_of(quality).vocals_db,
        poor=quality.poor,
    )
    return Made(end, folder.place.home)
