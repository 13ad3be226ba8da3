"""The road of one song, from an order to a folder of stems."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stem_cli import __version__, artifacts, cache, engines, quality, router, verify
from stem_cli import settings as settings_of
from stem_cli import tags as tags_of
from stem_cli.audio import FORMATS, Mix
from stem_cli.cache import GIGABYTE, Cache
from stem_cli.database import Database, now, open_database, text_of
from stem_cli.engines import Engine, Identity, Run
from stem_cli.errors import DamagedError, EngineError, OutputError, StemError
from stem_cli.folder import (
    Made,
    Place,
    Quality,
    Record,
    Song,
    Source,
    StemFile,
    StemFolder,
    disk_errors,
    finish_leftovers,
    open_folder,
    place_for,
    refuse_foreign,
)
from stem_cli.folder.writer import Tag
from stem_cli.separation import deliver, space
from stem_cli.separation.order import Listener, Order, Result, Silent, depth_for, parts_of_sum, wanted_names
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


@dataclass(frozen=True)
class _Plan:
    """Everything that is decided before any work begins. wish: the place by name; place: free for this song."""

    order: Order
    track: Track
    mix: Mix
    engine: Engine
    identity: Identity
    why: str
    names: tuple[str, ...]
    empty: tuple[str, ...]
    depth: str
    wish: Place
    place: Place
    key: str
    warnings: tuple[str, ...]

    @property
    def place_key(self) -> str:
        """What the place is locked by: no two songs of one name are written side by side."""
        return cache.key_of(text_of(self.wish.metadata.absolute()).casefold(), "place", "")

    @property
    def format(self) -> str:
        """The format to write."""
        return self.order.settings.format


def separate(shop: Shop, track: Track, order: Order, listener: Listener | None = None) -> Result:
    """Separate one song, or take its stems from where they are. Raises StemError; then nothing is left behind."""
    listener = listener or Silent()
    started = time.monotonic()
    plan = _plan(track, order)
    for warning in plan.warnings:
        listener.note(warning)
    if order.dry_run:
        return _result("planned", plan, None, started)
    with shop.cache.lock(plan.key), shop.cache.lock(plan.place_key):
        plan = _looked_again(plan)
        there = _already_there(plan)
        if there is not None:
            return _result("there", plan, there, started, artifacts.register(shop.database, there))
        with _job(shop.database, plan) as job:
            status, folder = _make(shop, plan, listener)
            ids = _note(shop, job, folder, status, time.monotonic() - started)
    if shop.cache.limit_bytes:
        shop.cache.clear(max_bytes=shop.cache.limit_bytes)
    return _result(status, plan, folder, started, ids)


def _plan(track: Track, order: Order) -> _Plan:
    if track.damage and not order.tolerant:
        hint = "Copy it again, or use --damaged take to separate what can be read."
        raise DamagedError(track.damage, track.path, hint)
    settings = order.settings
    mix = Mix.open(track.path, order.request.span, settings.downmix == "stereo", order.tolerant)
    choice = router.rank(engines.all_engines(), order.request)[0]
    names, empty = wanted_names(order, choice.engine)
    if not names:
        hint = f"It makes {', '.join(choice.engine.stems)}."
        raise EngineError(f"{choice.engine.name} makes none of the stems you want", track.path, hint)
    identity = choice.engine.identify(order.request)
    depth = depth_for(track, settings)
    if not FORMATS[settings.format].holds_rate(mix.rate):
        raise OutputError(f"{settings.format} cannot hold {mix.rate} Hz", track.path, "Choose --format flac or wav.")
    span = artifacts.span_text(order.request.span)
    place = place_for(track, settings, choice.engine.name, span)
    warnings = [f"{name}: no engine that is ready makes it" for name in empty]
    warnings += [f"damaged, and taken as it is: {track.damage}"] if track.damage else []
    return _Plan(
        order=order,
        track=track,
        mix=mix,
        engine=choice.engine,
        identity=identity,
        why=choice.why,
        names=names,
        empty=empty,
        depth=depth,
        wish=place,
        place=_free_place(place, track),
        key=cache.key_of(_sound(track, mix), identity.text, span),
        warnings=tuple(warnings),
    )


def _sound(track: Track, mix: Mix) -> str:
    """What the engine hears: the song's digest, and whether it is folded down or only what can be read of it."""
    return track.digest + (" folded" if track.channels > 2 else "") + (" damaged" if mix.tolerant else "")


def _free_place(place: Place, track: Track) -> Place:
    """The place, or one beside it where another song of the same name lies there."""
    try:
        other = open_folder(place.metadata).record.source.digest
    except StemError:
        return place
    if other == track.digest:
        return place
    ending = f"_{track.digest[:8]}"
    return (
        Place(place.home, place.prefix + ending)
        if place.flat
        else Place(place.home.with_name(place.home.name + ending))
    )


def _looked_again(plan: _Plan) -> _Plan:
    """The plan by what another process did, whole or half, while we waited."""
    with disk_errors(plan.wish.parent):
        finish_leftovers(plan.wish.parent)
    return replace(plan, place=_free_place(plan.wish, plan.track))


def _already_there(plan: _Plan) -> StemFolder | None:
    """The folder, if it holds what is wanted and nothing is forced. Raises OutputError where anything else is there."""
    place = plan.place
    with disk_errors(place.parent):
        folder = open_folder(place.metadata) if place.metadata.exists() else None
        names = [place.file_name(name, FORMATS[plan.format].suffix) for name in plan.names]
        refuse_foreign(place, names, () if folder is None else folder.names())
    if folder is None or plan.order.force:
        return None
    if not _same(plan, folder):
        made = folder.record
        what = f"it holds stems by {made.made.engine_id} as {made.format} {made.depth}"
        raise OutputError(what, plan.place.home, "Add --force to replace them, or choose another --output.")
    files = {file.name: file for file in folder.record.files}
    if not set(plan.names) <= set(files):
        return None
    sizes_differ = any(
        not folder.path(files[name]).exists() or folder.path(files[name]).stat().st_size != files[name].bytes
        for name in plan.names
    )
    if sizes_differ and any(finding.fault for finding in verify.check(folder)):
        return None
    return folder


def _same(plan: _Plan, folder: StemFolder) -> bool:
    record = folder.record
    return (record.source.digest, record.made.engine_id, record.span, record.format, record.depth) == (
        plan.track.digest,
        plan.identity.text,
        plan.order.request.span,
        plan.format,
        plan.depth,
    )


@contextmanager
def _job(database: Database, plan: _Plan) -> Iterator[int]:
    """A row that says how the work on this song went."""
    job = database.start_job(plan.track.digest, plan.key)
    try:
        yield job
    except StemError as error:
        database.end_job(job, "failed", str(error))
        raise
    except BaseException:
        database.end_job(job, "interrupted")
        raise
    database.end_job(job, "done")


def _make(shop: Shop, plan: _Plan, listener: Listener) -> tuple[str, StemFolder]:
    """Take the stems from the cache, or make them."""
    kept = None if plan.order.force else shop.cache.find(plan.key, plan.depth)
    target = space.bytes_of(plan.format, plan.depth, plan.mix.rate, plan.mix.channels, plan.mix.frames, len(plan.names))
    if kept is not None:
        space.require(plan.place.parent, target)
        return "cached", _from_cache(plan, kept)
    entry = space.bytes_of("wav", plan.depth, plan.mix.rate, plan.mix.channels, plan.mix.frames, len(plan.engine.stems))
    keep = _room_to_keep(shop, plan, entry, target)
    space.require(plan.place.parent, target)
    return "made", _separated(shop, plan, listener, keep)


def _room_to_keep(shop: Shop, plan: _Plan, entry: int, target: int) -> bool:
    """Whether the cache may take this song: within its limit, and with room left for the stems themselves."""
    if entry > shop.cache.limit_bytes:
        return False
    beside = target if space.same_disk(shop.cache.root, plan.place.parent) else 0
    return space.free_bytes(shop.cache.root) > 2 * (entry + beside)


def _separated(shop: Shop, plan: _Plan, listener: Listener, keep: bool) -> StemFolder:
    """Run the engine; write the cache's entry and the folder at once."""
    run = Run(plan.order.settings.threads or router.this_machine().cpus)
    tap, total = Tap(plan.mix), Sum()
    listener.begin(plan.track, plan.engine.name, plan.why, plan.mix.frames)
    started = time.monotonic()
    with deliver.opened(shop.cache, plan.key, keep, _target(plan), plan.engine.stems, _tag(plan)) as outlets:
        blocks = settled(plan.engine.separate(tap, plan.order.request, run), tap, plan.depth, total)
        for block in blocks:
            outlets.write(block)
            listener.advance(block.whole.shape[1])
        times = {"separate": time.monotonic() - started}
        return outlets.finish(lambda files, kept: _record(plan, run.device, total, files, times, kept))


def _from_cache(plan: _Plan, kept: StemFolder) -> StemFolder:
    started = time.monotonic()
    song = kept.record.song

    def record(files: tuple[StemFile, ...], total: Sum | None) -> Record:
        times = {"separate": 0.0, "deliver": time.monotonic() - started}
        learnt = total or Sum(frames=kept.record.source.frames, clipped=song.clipped)
        made = _record(plan, kept.record.made.device, learnt, files, times, kept=False)
        samples = total.samples.hexdigest() if total else song.samples_sha256
        return replace(made, song=replace(made.song, samples_sha256=samples), residual_db=kept.record.residual_db)

    return deliver.from_cache(kept, plan.mix, _target(plan), _tag(plan), record)


def _target(plan: _Plan) -> deliver.Wanted:
    return deliver.Wanted(
        place=plan.place,
        names=plan.names,
        format=plan.format,
        depth=plan.depth,
        rate=plan.mix.rate,
        channels=plan.mix.channels,
        frames=plan.mix.frames,
        check=plan.order.settings.check_written,
        link=plan.order.settings.link,
        old=_old_folder(plan),
    )


def _old_folder(plan: _Plan) -> StemFolder | None:
    """What of ours lies in the place already."""
    try:
        return open_folder(plan.place.metadata)
    except StemError:
        return None


def _tag(plan: _Plan) -> Tag:
    titled = replace(plan.track.tags, title=plan.track.title)

    def tag(path: Path, name: str) -> None:
        tags_of.write(path, tags_of.of_stem(titled, name, plan.track.digest, plan.identity.text))

    return tag


def _record(
    plan: _Plan, device: str, total: Sum, files: tuple[StemFile, ...], times: Mapping[str, float], kept: bool
) -> Record:
    """metadata.json of the folder, or of the cache's entry (`kept`)."""
    track, identity = plan.track, plan.identity
    warnings = list(plan.warnings)
    if total.clipped:
        warnings.append(f"the song passes full scale: {total.clipped} samples were clipped")
    judged = plan.order.settings.judge != "off"
    names = tuple(file.name for file in files)
    return Record(
        source=Source(
            path=text_of(track.path.absolute()),
            digest=track.digest,
            md5=track.md5,
            codec=track.shape.codec,
            rate=track.rate,
            channels=track.channels,
            frames=total.frames,
        ),
        tags=_plain_tags(track),
        made=Made(
            engine_id=identity.text,
            engine=identity.engine,
            model=identity.model,
            weights=identity.weights,
            settings=identity.settings,
            device=device,
            seed=plan.order.request.seed,
            why=plan.why,
        ),
        song=Song(total.samples.hexdigest(), total.clipped, parts_of_sum(names, plan.engine.stems)),
        files=files,
        format="wav" if kept else plan.format,
        depth=plan.depth,
        span=plan.order.request.span,
        residual_db=total.residual_db,
        quality=quality.quick(files, total.residual_db, total.clipped) if judged else Quality(),
        made_at=now(),
        times=times,
        warnings=tuple(warnings),
        program=f"stem-cli {__version__}",
    )


def _plain_tags(track: Track) -> dict[str, Any]:
    return {name: value for name, value in asdict(track.tags).items() if value is not None and name != "cover"}


def _note(shop: Shop, job: int, folder: StemFolder, status: str, seconds: float) -> tuple[str, ...]:
    return deliver.note(shop.database, job, folder, status, seconds)


def _result(status: str, plan: _Plan, folder: StemFolder | None, started: float, ids: tuple[str, ...] = ()) -> Result:
    warnings = folder.record.warnings if folder is not None else plan.warnings
    return Result(
        status=status,
        track=plan.track,
        place=plan.place,
        engine=plan.identity.text,
        why=plan.why,
        folder=folder,
        empty=plan.empty,
        warnings=tuple(dict.fromkeys((*plan.warnings, *warnings))),
        song_seconds=plan.mix.frames / plan.mix.rate,
        work_seconds=time.monotonic() - started,
        artifacts=ids,
    )
