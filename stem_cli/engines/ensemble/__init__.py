"""Several models of any engine at once: each stem is the mean of what they make of it, weighted.

Not an engine of the list: it serves the requests that name an ensemble. Models of one song run side by side, block by
block, so memory grows with the number of models, not with the song.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli.engines import Engine, Identity, Missing, Mix, Request, Run, StemBlock
from stem_cli.engines.ensemble.lockstep import Reader, Shared, together
from stem_cli.engines.ensemble.members import Score, members_of, model_of, score_of
from stem_cli.errors import StemError

_VERSION = "1"
"""Part of the engine's id: raise it with every change that changes the sound."""


def _unavailable(request: Request) -> Missing | None:
    """What the first member misses that is not ready; nonsense in the request is told by `find`."""
    try:
        members = members_of(request)
    except StemError:
        return None
    for member in members:
        missing = member.engine.unavailable(member.request)
        if missing is not None:
            return Missing(f"{member.model.name}: {missing.reason}", missing.remedy, missing.broken)
    return None


def _identify(request: Request) -> Identity:
    members = members_of(request)
    texts = [member.text for member in members]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    settings = {"version": _VERSION, **{str(place): text for place, text in enumerate(texts, 1)}}
    return Identity("ensemble", model_of(members).name, digest, settings)


def _prepare(request: Request, note: Callable[[str], None]) -> bool:
    changed = [member.engine.prepare(member.request, note) for member in members_of(request)]  # each of them, always
    return any(changed)


def _separate(mix: Mix, request: Request, run: Run) -> Generator[StemBlock, None, None]:
    members = members_of(request)
    score, shared = score_of(members), Shared(mix, len(members))
    runs = [Run(run.threads, note=run.note, after=run.after) for _ in members]
    streams = [
        member.engine.separate(Reader(shared, place), member.request, own)
        for place, (member, own) in enumerate(zip(members, runs, strict=True))
    ]
    names = model_of(members).stems
    try:
        for blocks in together(streams):
            made = _blended(blocks, score, shared)
            yield {name: made[name] for name in names}
    finally:
        run.device = " and ".join(dict.fromkeys(own.device for own in runs))
        run.precision = " and ".join(dict.fromkeys(own.precision for own in runs if own.precision))


def _blended(blocks: list[StemBlock], score: Score, shared: Shared) -> dict[str, NDArray[Any]]:
    """The same frames of every member's stems as those of the ensemble."""
    song = shared.take(next(iter(blocks[0].values())).shape[1])
    made = {stem: _mean(stem, blocks, score.shares[stem]) for stem in score.named}
    shares = score.shares[score.rest]
    if shares:
        rests = [{score.rest: _rest_of(block, score)} if place in shares else {} for place, block in enumerate(blocks)]
        made[score.rest] = _mean(score.rest, rests, shares)
    else:
        made[score.rest] = song - sum(made.values())
    return made


def _rest_of(block: StemBlock, score: Score) -> NDArray[Any]:
    """What a member calls by another name: `other` of one is the `instrumental` of another."""
    (name,) = set(block) - set(score.named)
    return block[name]


def _mean(stem: str, blocks: list[StemBlock], shares: Mapping[int, float]) -> NDArray[Any]:
    total = None
    for place, share in shares.items():
        part = blocks[place][stem] * np.float32(share)
        total = part if total is None else total + part
    assert total is not None
    return total


def _cost(request: Request, seconds: float) -> str:
    costs = [member.engine.cost(member.request, seconds) for member in members_of(request)]
    return "; ".join(filter(None, costs))


ENGINE = Engine(
    name="ensemble",
    title="Several models at once",
    models=(),
    speed=1.0,
    pays=False,
    unavailable=_unavailable,
    find=lambda request: model_of(members_of(request)),
    identify=_identify,
    separate=_separate,
    prepare=_prepare,
    cost=_cost,
)
