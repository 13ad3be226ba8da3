"""What every separation needs, and what a plan comes to on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias

from stem_cli import settings as settings_of
from stem_cli.cache import GIGABYTE, Cache
from stem_cli.database import Database, open_database
from stem_cli.engines import Engine
from stem_cli.folder import Spec, space
from stem_cli.separation import deliver
from stem_cli.separation.plan import Plan, old_folder
from stem_cli.settings import Settings


@dataclass
class Budget:
    """Minutes that this command has paid a service for, for songs in place of an engine of this machine."""

    paid: float = 0.0


Turn: TypeAlias = Callable[[Engine], AbstractContextManager[object]]


def _at_once(engine: Engine) -> AbstractContextManager[object]:  # noqa: ARG001 - nobody else is there
    return nullcontext()


@dataclass(frozen=True)
class Shop:
    """What every separation needs, held open over all songs of a command.

    turn: held while an engine computes; where songs are separated side by side, it lets one at a time have the device.
    """

    settings: Settings
    database: Database
    cache: Cache
    budget: Budget = field(default_factory=Budget)
    turn: Turn = _at_once


@contextmanager
def open_shop(settings: Settings) -> Iterator[Shop]:
    """Open the database and the cache that the settings name."""
    database = open_database(settings.database_url, settings_of.data_dir(settings))
    try:
        limit = round(settings.cache_limit_gb * GIGABYTE)
        yield Shop(settings, database, Cache(settings_of.cache_dir(settings), limit))
    finally:
        database.close()


def room_to_keep(shop: Shop, plan: Plan) -> bool:
    """Whether the cache may take this song: within its limit, and with room left for the stems themselves.

    Raises OutputError where there is no room for those.
    """
    target = space.bytes_of(spec_of(plan, plan.format, plan.names))
    entry = space.bytes_of(spec_of(plan, "wav", plan.model.stems))
    beside = target if space.same_disk(shop.cache.root, plan.place.parent) else 0
    keep = entry <= shop.cache.limit_bytes and space.free_bytes(shop.cache.root) > 2 * (entry + beside)
    space.require(plan.place.parent, target)
    return keep


def spec_of(plan: Plan, format_name: str, names: tuple[str, ...]) -> Spec:
    """The files that a plan comes to."""
    return Spec(names, format_name, plan.depth, plan.mix.rate, plan.mix.channels, plan.mix.frames)


def wanted(plan: Plan) -> deliver.Wanted:
    """The folder that a plan comes to."""
    return deliver.Wanted(
        place=plan.place,
        spec=spec_of(plan, plan.format, plan.names),
        check=plan.order.settings.check_written,
        link=plan.order.settings.link,
        old=old_folder(plan),
    )
