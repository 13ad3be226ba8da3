"""Cloud services: the song goes there as a file, its tracks come back as files. Used only with leave, and with a key.

One engine for all of them; a service is a description (`service.py`), of which there is one, `lalal.py`. The road of a
song: `song.write` -> `order` (booked before it is sent, started once) -> `result` (waited for, fetched) -> `mend`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from stem_cli.database import Database, open_database
from stem_cli.engines import Engine, Identity, Missing, Mix, NoSuchModel, Request, Run, StemBlock
from stem_cli.engines.cloud import work as works
from stem_cli.engines.cloud.booking import Book
from stem_cli.engines.cloud.key import key_of
from stem_cli.engines.cloud.lalal import LALAL
from stem_cli.engines.cloud.line import Clock, Line, open_line, url_of
from stem_cli.engines.cloud.service import Offer, Service
from stem_cli.engines.cloud.song import Song
from stem_cli.engines.cloud.work import PAY_AGAIN, Work
from stem_cli.errors import CloudError, EngineError, StemError, UsageError

if TYPE_CHECKING:
    from stem_cli.engines.cloud.result import Result

SERVICES: tuple[Service, ...] = (LALAL,)
"""The first is asked where no model is named."""
_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""
_LEAVE = "Add --allow-cloud, or type: stem config set allow_cloud true"


def _chosen(request: Request) -> tuple[Service, Offer]:
    """The service and what to order there. Raises EngineError."""
    if not request.model:
        return SERVICES[0], SERVICES[0].cheapest(request.stems)
    for service in SERVICES:
        offer = service.offer(request.model)
        if offer is not None:
            return service, offer
    names = ", ".join(model.name for model in ENGINE.models)
    raise NoSuchModel(f"no cloud service has a model {request.model!r}", None, f"Choose one of: {names}.")


def _unavailable(request: Request) -> Missing | None:
    if not request.allow_cloud:
        return Missing("a cloud service needs your leave: the song is sent to it, and it costs money", _LEAVE)
    try:
        service, _ = _chosen(request)
        url_of(service, request.cloud_url)
    except (EngineError, UsageError) as error:
        return Missing(error.what, error.hint, broken=isinstance(error, UsageError))
    key = key_of(service)
    return key if isinstance(key, Missing) else None


def _identify(request: Request) -> Identity:
    service, offer = _chosen(request)
    return Identity(service.name, offer.model.name, settings={**service.sound, "version": _VERSION})


def _separate(mix: Mix, request: Request, run: Run, clock: Clock = Clock()) -> Generator[StemBlock, None, None]:  # noqa: B008
    from stem_cli.engines.cloud import result as results
    from stem_cli.engines.cloud.mend import Damaged, mended

    with _opened(mix, request, run, clock) as work:
        result = results.obtained(work)
        run.device = f"{work.title} ({result.tracks.made_by})" if result.tracks.made_by else work.title
        _tell(work, result, run)
        parts = {
            stem: [result.tracks.path(label) for label in labels if label in result.tracks.labels]
            for stem, labels in work.offer.parts.items()
        }
        streams = mended(work.song, parts, result.offset)
        names = work.offer.model.stems
        try:
            for block in mix.blocks():
                yield {name: streams[name].take(block.shape[1], mix.channels) for name in names}
        except Damaged as error:
            raise CloudError(f"{work.title}: {error}", error.path, "Type the same command again.") from error
    run.after.append(lambda: _handed_over(request, work, result, clock))


def _handed_over(request: Request, work: Work, result: Result, clock: Clock) -> None:
    """The stems are on the disk: the order is brought to its end, over a line of its own."""
    from stem_cli.engines.cloud import result as results

    try:
        with _connected(request, clock) as (line, database):
            book = Book(database, f"{work.service.name} {line.host}", _work_of(work.song, work.offer))
            results.handed_over(replace(work, line=line, book=book), result)
    except StemError as error:
        work.note(f"{work.title}: the order stays open in the database ({error}); nothing is paid again")


@contextmanager
def _opened(mix: Mix, request: Request, run: Run, clock: Clock) -> Iterator[Work]:
    """Everything that the work on one song needs. Raises StemError."""
    from stem_cli.engines.cloud import shelf
    from stem_cli.engines.cloud import song as songs

    service, offer = _chosen(request)
    with shelf.workshop(request.data_dir) as folder, _connected(request, clock) as (line, database):
        song = songs.write(mix, folder)
        book = Book(database, f"{service.name} {line.host}", _work_of(song, offer))
        yield Work(line, book, offer, song, request.data_dir, run.note, os.environ.get(PAY_AGAIN, ""))


@contextmanager
def _connected(request: Request, clock: Clock) -> Iterator[tuple[Line, Database]]:
    """The line to the service, with the user's leave and key, and the database. Raises StemError."""
    service, _ = _chosen(request)
    key = key_of(service)
    if not request.allow_cloud or isinstance(key, Missing):
        missing = key if isinstance(key, Missing) else Missing("a cloud service needs your leave", _LEAVE)
        raise EngineError(missing.reason, None, missing.remedy)
    with open_line(service, request.cloud_url, key, clock) as line:
        database = open_database(request.database_url, request.data_dir)
        try:
            yield line, database
        finally:
            database.close()


def _work_of(song: Song, offer: Offer) -> str:
    """What a booking is for: the same sound, ordered in the same words."""
    words = json.dumps([offer.path, offer.wishes], sort_keys=True)
    return hashlib.sha256(f"{song.sha256}\n{words}".encode()).hexdigest()


def _tell(work: Work, result: Result, run: Run) -> None:
    """What was mended, and what is missing."""
    missing = [label for label in work.offer.labels if label not in result.tracks.labels]
    for stem, labels in work.offer.parts.items():
        if set(labels) & set(missing):
            run.note(f"{work.title} found no {stem.replace('_', ' ')}: that stem is silence")
    lag, longer = result.offset.lag, result.offset.frames - work.song.frames
    if lag or longer:
        where = f"{abs(lag)} samples {'late' if lag > 0 else 'early'}" if lag else "in time"
        length = f"{abs(longer)} samples {'longer' if longer > 0 else 'shorter'} than the song" if longer else "as long"
        run.note(f"the tracks of {work.title} came {where} and {length}; that was mended")


def _cost(request: Request, seconds: float) -> str:
    service, offer = _chosen(request)
    return f"{service.title} charges {works.cost_text(offer, seconds)}"


def _minutes(request: Request, seconds: float) -> float:
    return works.cost_minutes(_chosen(request)[1], seconds)


ENGINE = Engine(
    name="cloud",
    title="Cloud services: " + ", ".join(service.title for service in SERVICES),
    models=tuple(offer.model for service in SERVICES for offer in service.offers),
    speed=4.0,
    pays=True,
    unavailable=_unavailable,
    find=lambda request: _chosen(request)[1].model,
    identify=_identify,
    separate=_separate,
    cost=_cost,
    minutes=_minutes,
)
__all__ = ["ENGINE", "SERVICES"]
