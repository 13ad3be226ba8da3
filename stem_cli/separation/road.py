"""The road of one song, from an order to a folder of stems."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from stem_cli import artifacts, router
from stem_cli import settings as settings_of
from stem_cli.cache import GIGABYTE, Cache
from stem_cli.database import Database, open_database
from stem_cli.engines import Run
from stem_cli.errors import CloudError
from stem_cli.folder import Record, Spec, StemFile, StemFolder
from stem_cli.separation import deliver, fit, space
from stem_cli.separation.order import Listener, Order, Result, Silent
from stem_cli.separation.plan import Plan, already_there, decide, looked_again, old_folder, refuse_other_engines
from stem_cli.separation.record import record_of, tag_of
from stem_cli.separation.stream import Sum, Tap, settled
from stem_cli.settings import Settings
from stem_cli.track import Track


@dataclass(frozen=True)
class Shop:
    """What every separation needs, held open over all songs of a command."""

    settings: Settings
    database: Database
    cache: Cache


@contextmanager
def open_shop(settings: Settings) -> Iterator[Shop]:
    """Open the database and the cache that the settings name."""
    database = open_database(settings.database_url, settings_of.data_dir(settings))
    try:
        limit = round(settings.cache_limit_gb * GIGABYTE)
        yield Shop(settings, database, Cache(settings_of.cache_dir(settings), limit))
    finally:
        database.close()


def separate(shop: Shop, track: Track, order: Order, listener: Listener | None = None) -> Result:
    """Separate one song, or take its stems from where they are. Raises StemError; then nothing is left behind."""
    listener = listener or Silent()
    started = time.monotonic()
    plan = decide(track, order)
    for warning in plan.warnings:
        listener.note(warning)
    if order.dry_run:
        return _result("planned", replace(plan, why=_would(shop, plan)), None, started)
    refuse_other_engines(plan)
    if plan.engine.prepare(plan.request, listener.note):
        plan = decide(track, order)
    with _held(shop, plan, listener):
        shop.cache.tidy()
        plan = looked_again(plan)
        there = already_there(plan)
        if there is not None:
            return _result("there", plan, there, started, artifacts.register(shop.database, there))
        with _job(shop.database, plan) as job:
            status, folder = _make(shop, plan, listener)
            ids = deliver.note(shop.database, job, folder, status, time.monotonic() - started)
    if shop.cache.limit_bytes:
        shop.cache.clear(max_bytes=shop.cache.limit_bytes)
    return _result(status, plan, folder, started, ids)


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


def _from_the_cache(shop: Shop, plan: Plan) -> StemFolder | None:
    """The entry that serves this order. --force makes the stems anew, but not what would be paid for again."""
    if plan.order.force and not _cost(plan):
        return None
    return shop.cache.find(plan.key, plan.depth)


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
    target = space.bytes_of(_spec(plan, plan.format, plan.names))
    if kept is not None:
        space.require(plan.place.parent, target)
        return "cached", _from_cache(plan, kept)
    entry = space.bytes_of(_spec(plan, "wav", plan.model.stems))
    keep = _room_to_keep(shop, plan, entry, target)
    space.require(plan.place.parent, target)
    return "made", _separated(shop, plan, listener, keep)


def _room_to_keep(shop: Shop, plan: Plan, entry: int, target: int) -> bool:
    """Whether the cache may take this song: within its limit, and with room left for the stems themselves."""
    if entry > shop.cache.limit_bytes:
        return False
    beside = target if space.same_disk(shop.cache.root, plan.place.parent) else 0
    return space.free_bytes(shop.cache.root) > 2 * (entry + beside)


def _separated(shop: Shop, plan: Plan, listener: Listener, keep: bool) -> StemFolder:
    """Run the engine; write the cache's entry and the folder at once."""
    notes: list[str] = []
    run = Run(plan.order.settings.threads or router.this_machine().cpus, note=_both(notes.append, listener.note))
    tap, total = Tap(plan.mix), Sum()
    listener.begin(plan.track, plan.engine.name, plan.why, plan.mix.frames)
    started = time.monotonic()
    entry = shop.cache.place(plan.key) if keep else None
    with deliver.opened(_wanted(plan), tag_of(plan), plan.model.stems, entry) as outlets:
        blocks = settled(fit.separate(plan.engine, plan.model, tap, plan.request, run), tap, plan.depth, total)
        with _named(plan.track), closing(blocks):
            for block in blocks:
                outlets.write(block)
                listener.advance(block.whole.shape[1])
        listener.advance(max(0, plan.mix.frames - total.frames))  # where the length was an estimate
        times = {"separate": time.monotonic() - started}
        noted = replace(plan, warnings=(*plan.warnings, *notes))
        folder = outlets.finish(lambda files, kept: record_of(noted, run.device, total, files, times, kept))
    for work in run.after:
        work()
    return folder


@contextmanager
def _named(track: Track) -> Iterator[None]:
    """What goes wrong at a service names the song: the service knows it by another name."""
    try:
        yield
    except CloudError as error:
        error.path = error.path or track.path
        raise


def _both(one: Callable[[str], None], other: Callable[[str], None]) -> Callable[[str], None]:
    def call(text: str) -> None:
        one(text)
        other(text)

    return call


def _from_cache(plan: Plan, kept: StemFolder) -> StemFolder:
    started = time.monotonic()
    song = kept.record.song

    def record(files: tuple[StemFile, ...], total: Sum | None) -> Record:
        times = {"separate": 0.0, "deliver": time.monotonic() - started}
        learnt = total or Sum(frames=kept.record.source.frames, clipped=song.clipped)
        made = record_of(plan, kept.record.made.device, learnt, files, times, kept=False)
        samples = total.samples.hexdigest() if total else song.samples_sha256
        return replace(made, song=replace(made.song, samples_sha256=samples), residual_db=kept.record.residual_db)

    return deliver.from_cache(kept, plan.mix, _wanted(plan), tag_of(plan), record)


def _spec(plan: Plan, format_name: str, names: tuple[str, ...]) -> Spec:
    return Spec(names, format_name, plan.depth, plan.mix.rate, plan.mix.channels, plan.mix.frames)


def _wanted(plan: Plan) -> deliver.Wanted:
    return deliver.Wanted(
        place=plan.place,
        spec=_spec(plan, plan.format, plan.names),
        check=plan.order.settings.check_written,
        link=plan.order.settings.link,
        old=old_folder(plan),
    )


def _result(status: str, plan: Plan, folder: StemFolder | None, started: float, ids: tuple[str, ...] = ()) -> Result:
    warnings = folder.record.warnings if folder is not None else plan.warnings
    return Result(
        status=status,
        track=plan.track,
        place=plan.place,
        engine=plan.identity.text,
        why=plan.why,
        folder=folder,
        names=plan.names,
        empty=plan.empty,
        warnings=tuple(dict.fromkeys((*plan.warnings, *warnings))),
        song_seconds=plan.mix.frames / plan.mix.rate,
        work_seconds=time.monotonic() - started,
        artifacts=ids,
    )
