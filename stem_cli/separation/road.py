"""The road of one song, from an order to a folder of stems."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from stem_cli import artifacts
from stem_cli.database import Database
from stem_cli.errors import BusyError
from stem_cli.folder import StemFolder, space
from stem_cli.separation import attempts, deliver, judging
from stem_cli.separation.cached import from_cache, verdict_on_entry
from stem_cli.separation.order import Listener, Order, Result, Silent
from stem_cli.separation.plan import (
    Plan,
    already_there,
    decide,
    instead,
    looked_again,
    refuse_other_engines,
    standing_in,
)
from stem_cli.separation.shop import Shop, spec_of
from stem_cli.track import Track


def separate(
    shop: Shop, track: Track, order: Order, listener: Listener | None = None, plan: Plan | None = None
) -> Result:
    """Separate one song, or take its stems from where they are. Raises StemError; then nothing is left behind.

    plan: what was decided for this order already.
    """
    listener = listener or Silent()
    started = time.monotonic()
    plan = plan or decide(track, order)
    for warning in plan.warnings:
        listener.note(warning)
    if order.dry_run:
        return _result("planned", replace(plan, why=_would(shop, plan)), None, started)
    refuse_other_engines(plan)
    with shop.turn(plan.engine):
        prepared = plan.engine.prepare(plan.request, listener.note)
    if prepared:
        plan = decide(track, order)
    with ExitStack() as stack:
        stack.enter_context(_held(shop, plan, listener))
        shop.cache.tidy()
        plan = stack.enter_context(_followed(shop, looked_again(plan)))
        there = already_there(plan)
        if there is not None:
            return result_there(shop, plan, there, started)
        with _job(shop.database, plan) as job:
            status, folder = _make(shop, plan, listener)
            ids = deliver.note(shop.database, job, folder, status, time.monotonic() - started)
    if shop.cache.limit_bytes:
        shop.cache.clear(max_bytes=shop.cache.limit_bytes)
    return _result(status, plan, folder, started, ids)


def result_there(shop: Shop, plan: Plan, there: StemFolder, started: float) -> Result:
    """What comes of an order whose stems lie there already. started: when the work began, by `time.monotonic`."""
    return _result("there", plan, there, started, artifacts.register(shop.database, there))


def _would(shop: Shop, plan: Plan) -> str:
    """What an order would come to, for a dry run. Raises OutputError where something is in the way."""
    if already_there(plan) is not None:
        return "its stems are there already"
    if _from_the_cache(shop, plan) is not None:
        return "would be taken from the cache"
    cost = _cost(plan)
    return f"would be separated; {cost}" if cost else "would be separated"


def _cost(plan: Plan) -> str:
    return plan.engine.cost(plan.request, plan.mix.frames / plan.mix.rate)


@contextmanager
def _followed(shop: Shop, plan: Plan) -> Iterator[Plan]:
    """The plan for the engine whose stems were kept once, because those of this one had been judged poor.

    Its entry is held too; where another process holds it, the plan stays as it is.
    """
    kept = _from_the_cache(shop, plan) if plan.others else None
    attempts = kept.record.quality.attempts if kept is not None else ()
    better = next((one.engine_id for one in attempts if one.kept), plan.identity.text)
    with ExitStack() as stack:
        for choice in plan.others if better != plan.identity.text else ():
            other = instead(plan, choice)
            if other.identity.text != better:
                continue
            with suppress(BusyError):
                stack.enter_context(shop.cache.lock(other.key, wait=False))
                plan = other
            break
        yield plan


def _from_the_cache(shop: Shop, plan: Plan) -> StemFolder | None:
    """The entry that serves this order. --force makes the stems anew, but not what would be paid for again."""
    if plan.order.force and not _cost(plan):
        return None
    kept = shop.cache.find(plan.key, plan.depth)
    return None if kept is not None and _open_question(plan, kept) else kept


def _open_question(plan: Plan, kept: StemFolder) -> bool:
    """Whether an entry may be poor, and nobody has tried another engine because of that, as this order wants."""
    quality = kept.record.quality
    unknown = quality.level != judging.FULL or quality.poor
    return plan.level == judging.FULL and not plan.named and bool(plan.others) and unknown and not quality.attempts


@contextmanager
def _held(shop: Shop, plan: Plan, listener: Listener) -> Iterator[None]:
    """Hold the song and its place; says so where another process holds one of them, and waits."""

    def wait() -> None:
        listener.note(f"another stem process works on {plan.track.path.name}; waiting for it")

    with shop.cache.lock(plan.key, on_wait=wait), shop.cache.lock(plan.place_key, on_wait=wait):
        yield


@contextmanager
def _job(database: Database, plan: Plan) -> Iterator[int]:
    """A row that says how the work on this song went."""
    job = database.start_job(plan.track.digest, plan.key)
    try:
        yield job
    except Exception as error:
        database.end_job(job, "failed", str(error) or repr(error))
        raise
    except BaseException:
        database.end_job(job, "interrupted")
        raise
    database.end_job(job, "done")


def _make(shop: Shop, plan: Plan, listener: Listener) -> tuple[str, StemFolder]:
    """Take the stems from the cache, or make them."""
    kept = _from_the_cache(shop, plan)
    if kept is None:
        return "made", attempts.separated(shop, plan, listener)
    space.require(plan.place.parent, space.bytes_of(spec_of(plan, plan.format, plan.names)))
    return "cached", from_cache(plan, kept, verdict_on_entry(plan, kept))


def _result(status: str, plan: Plan, folder: StemFolder | None, started: float, ids: tuple[str, ...] = ()) -> Result:
    warnings = folder.record.warnings if folder is not None else plan.warnings
    return Result(
        status=status,
        track=plan.track,
        place=plan.place if folder is None else folder.place,
        engine=plan.identity.text if folder is None else folder.record.made.engine_id,
        why=plan.why if folder is None or status == "there" else folder.record.made.why,
        folder=folder,
        names=plan.names if folder is None else standing_in(plan, folder.record),
        empty=plan.empty,
        warnings=tuple(dict.fromkeys((*plan.warnings, *warnings))),
        song_seconds=plan.mix.frames / plan.mix.rate,
        work_seconds=time.monotonic() - started,
        artifacts=ids,
    )
