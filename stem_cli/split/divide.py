"""A stem of a folder becomes several files of the same folder; they add up to it bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import allocator, quality, router, stems
from stem_cli.audio import Mix
from stem_cli.cache import place_key
from stem_cli.engines import Run
from stem_cli.engines.runtime.kept import release
from stem_cli.errors import EngineError, InputError
from stem_cli.folder import Record, Spec, StemFile, StemFolder, Target, Writer, exact, open_folder, stage
from stem_cli.separation import Listener, Shop, fit
from stem_cli.separation.order import order_of
from stem_cli.separation.patience import Heard, Pulse, patient
from stem_cli.separation.stream import Sum, Tap, settled
from stem_cli.split.choice import Divider, Wish, divider
from stem_cli.split.rewriting import channels_of, put_in_place, refuse_changed, tag_again
from stem_cli.track import open_track

_EMPTY_DB, _SILENT_DB = -60.0, -90.0
"""A part this far below the stem is taken for nothing, and so is one below full scale by so much."""
_TIMES_EXPECTED = 6.0
"""Of the time that a pass should take, before it counts as hanging: `Engine.speed` is an estimate."""
_EMBEDDED = "lead and backing vocals were told apart by where they stand: a karaoke model does it better"


def divided_already(folder: StemFolder, stem: str, keep: bool = False, model: str = "") -> bool:
    """Whether the parts of a stem lie there: by this model if one is named, and beside the stem if that is kept."""
    names = {file.name for file in folder.record.files}
    parts = set(stems.PARTS[stem]) & names & set(folder.record.divided)
    by_it = all(f"/{model}/" in folder.record.divided[part] for part in parts) if model else True
    return bool(parts) and by_it and (stem in names or not keep)


def divide(
    shop: Shop, folder: StemFolder, stem: str, listener: Listener, keep: bool = False, chosen: Divider | None = None
) -> StemFolder:
    """Divide a stem of a folder of ours, which then holds its parts in place of it (with `keep`, beside it).

    chosen: who divides it, where that was decided already. Raises StemError; then everything lies there as it did.
    """
    release()
    allocator.give_back()
    with shop.cache.lock(place_key(folder.place)):
        folder = open_folder(folder.place.metadata)  # another process may have changed it while we waited
        file = next((one for one in folder.record.files if one.name == stem), None)
        if file is None and divided_already(folder, stem):
            return folder
        if file is None:
            raise InputError(f"there is no {stem} among these stems", folder.place.home, "Separate the song again.")
        refuse_changed(folder, (file,))
        return _divided(shop, folder, file, listener, keep, chosen)


def _divided(
    shop: Shop, folder: StemFolder, file: StemFile, listener: Listener, keep: bool, chosen: Divider | None
) -> StemFolder:
    """With the folder held."""
    seconds, channels = file.frames / folder.record.source.rate, channels_of(folder, file)
    chosen = chosen or divider(Wish(file.name, seconds, channels, shop.budget.paid), shop.settings)
    with shop.turn(chosen.engine):
        chosen.engine.prepare(chosen.request, listener.note)
    with stage(folder.place) as staged:
        target, mix = _target(folder, file, staged.stems, chosen), Mix.open(folder.path(file))
        track = open_track(folder.path(file), shop.database.fingerprint)
        listener.begin(track, chosen.engine.name, f"divides the {file.name}", mix.frames)
        run = Run(shop.settings.threads or router.this_machine().cpus)
        with shop.turn(chosen.engine):
            files = _written(target, mix, chosen, run, listener, _limit_seconds(shop, chosen, seconds))
        _refuse_nothing(files, file, chosen)
        made = StemFolder(folder.place, _record(folder, file.name, files, chosen, keep))
        put_in_place(shop.database, folder, made, files, staged)
    shop.budget.paid += chosen.engine.minutes(chosen.request, seconds)
    for work in run.after:
        work()
    if chosen.embedded:
        listener.note(_EMBEDDED)
    return made


def _target(folder: StemFolder, file: StemFile, into: Path, chosen: Divider) -> Target:
    record = folder.record
    spec = Spec(chosen.names, file.format, file.depth, record.source.rate, channels_of(folder, file), file.frames)
    engine_id = f"{record.made.engine_id} > {chosen.engine.identify(chosen.request).text}"
    tag = tag_again(folder, file, lambda name: engine_id)  # noqa: ARG005
    return Target(into, folder.place, spec, tag)


def _limit_seconds(shop: Shop, chosen: Divider, seconds: float) -> float:
    """How long the second pass may give no sign of life: engines that work by files give all at the end."""
    machine = router.this_machine(chosen.request.device)
    expected = router.hours_for(chosen.engine, chosen.request, seconds, machine) * 3600
    minutes = shop.settings.stall_minutes
    return max(minutes * 60, _TIMES_EXPECTED * expected) if minutes else math.inf


def _written(
    target: Target, mix: Mix, chosen: Divider, run: Run, listener: Listener, limit_seconds: float
) -> tuple[StemFile, ...]:
    pulse = Pulse()
    run.note = pulse.beating(listener.note)
    writer, tap = Writer(target), Tap(Heard(mix, pulse))
    try:
        found = fit.separate(chosen.engine, chosen.model, tap, chosen.request, run)
        blocks = settled(found, tap, target.spec.depth, Sum())
        with closing(patient(blocks, pulse, limit_seconds, chosen.model.name)) as waited:
            for block in waited:
                writer.write(_parts(block.parts, block.whole, chosen))
                listener.advance(block.whole.shape[1])
        (files,) = writer.finish()
        return files
    finally:
        writer.stop()
        with suppress(ValueError):  # a thread that was given up reads at this moment
            tap.close()


def _parts(made: Mapping[str, NDArray[Any]], whole: NDArray[Any], chosen: Divider) -> dict[str, NDArray[Any]]:
    """The files' samples: what the engine makes, and what that leaves; integers, so that they add up exactly."""
    parts = {name: made[stem] for stem, name in chosen.makes.items()}
    rest = exact.without(whole, np.add.reduce(list(parts.values()), dtype=whole.dtype))
    if chosen.rest:
        return {**parts, chosen.rest: rest}
    last = list(parts)[-1]
    return {**parts, last: parts[last] + rest}


def _refuse_nothing(files: tuple[StemFile, ...], source: StemFile, chosen: Divider) -> None:
    """Raises EngineError where the parts are not what they are called: the second pass has failed."""
    by_name = {one.name: one for one in files}
    first = by_name[next(iter(chosen.makes.values()))]
    nothing = max(source.rms_db + _EMPTY_DB, _SILENT_DB)
    if first.rms_db < nothing:
        what = f"{chosen.model.name} found no {first.name.replace('_', ' ')}"
        raise EngineError(what, None, "Try another --split-model.")
    if chosen.embedded and by_name[chosen.rest].rms_db < nothing:
        what = "lead and backing vocals are told apart by where they stand, and these all stand in the middle"
        raise EngineError(what, None, "A karaoke model can do it: `stem engines list --stem lead_vocals`.")


def _record(folder: StemFolder, stem: str, files: tuple[StemFile, ...], chosen: Divider, keep: bool) -> Record:
    old, names = folder.record, tuple(file.name for file in files)
    left = tuple(one for one in old.files if one.name not in names and (keep or one.name != stem))
    everything = tuple(sorted((*left, *files), key=lambda one: order_of(one.name)))
    parts = old.song.parts
    if not keep:
        parts = tuple(part for name in parts for part in (names if name == stem else (name,)))
    identity = chosen.engine.identify(chosen.request).text
    return replace(
        old,
        files=everything,
        song=replace(old.song, parts=parts),
        divided={**old.divided, **dict.fromkeys(names, identity)},
        warnings=tuple(dict.fromkeys((*old.warnings, *([_EMBEDDED] if chosen.embedded else [])))),
        quality=quality.again(old.quality, everything, old.residual_db, old.song.clipped),
    )
