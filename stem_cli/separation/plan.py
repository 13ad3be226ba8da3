"""What is decided before any work begins: the engine, the files, the place; and what lies there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stem_cli import artifacts, cache, engines, router, stems, verify
from stem_cli.audio import FORMATS, Mix
from stem_cli.disk import disk_errors
from stem_cli.engines import Engine, Identity, Model, Request
from stem_cli.errors import DamagedError, EngineError, OutputError, StemError
from stem_cli.folder import Place, Record, StemFolder, finish_leftovers, open_folder, place_for, refuse_foreign
from stem_cli.router import Choice
from stem_cli.separation.order import Order, depth_for, source_of, wanted_names
from stem_cli.track import Track


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before any work begins. wish: the place by name; place: free for this song.

    others: what may be tried in place of this engine, best first; () where the user named one. level: how closely to
    listen to what comes of it: "off", "quick" or "full".
    """

    order: Order
    track: Track
    mix: Mix
    engine: Engine
    model: Model
    identity: Identity
    why: str
    names: tuple[str, ...]
    empty: tuple[str, ...]
    depth: str
    wish: Place
    place: Place
    key: str
    warnings: tuple[str, ...]
    others: tuple[Choice, ...] = ()
    level: str = "quick"

    @property
    def place_key(self) -> str:
        """What the place is locked by: no two songs of one name are written side by side."""
        return cache.place_key(self.wish)

    @property
    def request(self) -> Request:
        """What the engine is asked, with the model that was chosen."""
        return replace(self.order.request, model=self.model.name)

    @property
    def named(self) -> bool:
        """Whether the user named the engine, the model or the ensemble."""
        request = self.order.request
        return request.engine != "auto" or bool(request.model or request.ensemble)

    @property
    def wants_voice(self) -> bool:
        """Whether a voice, or a song without one, is among the files."""
        return any(stems.is_voice(source_of(name)) for name in self.names)

    @property
    def making(self) -> tuple[object, ...]:
        """What `Record.making` of its folder will be."""
        return self.track.digest, self.identity.text, self.order.request.span, self.format, self.depth

    @property
    def format(self) -> str:
        """The format to write."""
        return self.order.settings.format


def decide(track: Track, order: Order) -> Plan:
    """Decide everything; the disk is only looked at. Raises StemError where the order cannot be carried out."""
    if track.damage and not order.tolerant:
        hint = "Copy it again, or use --damaged take to separate what can be read."
        raise DamagedError(track.damage, track.path, hint)
    mix = Mix.open(track.path, order.request.span, order.settings.downmix == "stereo", order.tolerant)
    ranking = ranking_for(track, order)
    told = [f"{name} was not asked: {one.reason}. {one.remedy}" for name, one in ranking.broken.items()]
    return _planned(track, order, mix, ranking.choices, told)


def ranking_for(track: Track, order: Order) -> router.Ranking:
    """The engines to try for this song, best first. Raises EngineError, UsageError."""
    seconds, megabytes = seconds_of(track, order.request.span), track.path.stat().st_size / 1e6
    facts = router.facts_of(order.settings, seconds, megabytes, order.batch, order.minutes_paid)
    ranking = router.rank(engines.all_engines(), order.request, facts, router.this_machine(order.request.device))
    others = router.after_poor(ranking.choices[1:], order.request, facts)
    return replace(ranking, choices=(ranking.best, *others))


def seconds_of(track: Track, span: tuple[float, float | None] | None) -> float:
    """The length of the stretch of a song that is wanted."""
    whole = track.frames / track.rate
    first, end = span or (0.0, None)
    return max(0.0, min(whole, whole if end is None else end) - first)


def instead(plan: Plan, choice: Choice) -> Plan:
    """The same with another engine. Raises StemError as `decide` does."""
    made = _planned(plan.track, plan.order, plan.mix, (choice,), [])
    return replace(made, level=_level(plan.order.settings.judge, choice, more=True))


def _planned(track: Track, order: Order, mix: Mix, choices: Sequence[Choice], told: list[str]) -> Plan:
    """The plan for the first of the choices. told: warnings."""
    choice, *others = choices
    settings, model = order.settings, choice.model
    names, empty = wanted_names(order, model)
    if not names:
        hint = f"It makes {', '.join(model.stems)}."
        raise EngineError(f"{choice.engine.name} makes none of the stems you want", track.path, hint)
    identity = choice.engine.identify(replace(order.request, model=model.name))
    depth = depth_for(track, settings)
    if not FORMATS[settings.format].holds_rate(mix.rate):
        raise OutputError(f"{settings.format} cannot hold {mix.rate} Hz", track.path, "Choose --format flac or wav.")
    span = artifacts.span_text(order.request.span)
    place = place_for(track, settings, choice.engine.name, span)
    warnings = [f"{name}: {model.name} does not make it" for name in empty]
    warnings += told
    warnings += [f"damaged, and taken as it is: {track.damage}"] if track.damage else []
    return Plan(
        order=order,
        track=track,
        mix=mix,
        engine=choice.engine,
        model=model,
        identity=identity,
        why=choice.why,
        names=names,
        empty=empty,
        depth=depth,
        wish=place,
        place=_free_place(place, track),
        key=cache.key_of(_sound(track, mix), identity.text, span),
        warnings=tuple(warnings),
        others=tuple(others),
        level=_level(settings.judge, choice, bool(others)),
    )


def _level(judge: str, choice: Choice, more: bool) -> str:
    """How closely to listen: "auto" is full where another engine could be tried. A service is never paid for it."""
    asked = judge if judge != "auto" else "full" if more else "quick"
    return "quick" if asked == "full" and choice.engine.pays else asked


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


def looked_again(plan: Plan) -> Plan:
    """The plan by what another process did, whole or half, while we waited."""
    with disk_errors(plan.wish.parent):
        finish_leftovers(plan.wish.parent)
    return replace(plan, place=_free_place(plan.wish, plan.track))


def already_there(plan: Plan) -> StemFolder | None:
    """The folder, if it holds what is wanted and nothing is forced. Raises OutputError where anything else is there."""
    place = plan.place
    with disk_errors(place.parent):
        folder = open_folder(place.metadata) if place.metadata.exists() else None
        paths = [place.file_name(name, FORMATS[plan.format].suffix) for name in plan.names]
        refuse_foreign(place, paths, () if folder is None else folder.names())
    if folder is None or plan.order.force:
        return None
    if folder.record.making != plan.making and not (folder.record.answers(plan.making) and not plan.named):
        if plan.order.replace:
            return None
        raise _otherwise_made(plan, folder.record)
    if set(folder.record.muted) - set(plan.order.mute):
        what = f"it holds stems of which {', '.join(folder.record.muted)} was muted"
        raise OutputError(what, place.home, "Add --force to replace them, or choose another --output.")
    files = {file.name: file for file in folder.record.files}
    names = standing_in(plan, folder.record)
    if not set(names) <= set(files):
        return None
    sizes_differ = any(
        not folder.path(files[name]).exists() or folder.path(files[name]).stat().st_size != files[name].bytes
        for name in names
    )
    if sizes_differ and any(finding.fault for finding in verify.check(folder)):
        return None
    return StemFolder(place, folder.record)  # named as the user names it, as a new one would be


def standing_in(plan: Plan, record: Record) -> tuple[str, ...]:
    """The files of a plan, with the parts of a stem in its place where it was divided there and nobody named it."""
    names, order = plan.names, plan.order
    if order.undivided or order.names or order.two_stems or order.also:
        return names
    there = {file.name for file in record.files}
    found: list[str] = []
    for name in names:
        parts = [part for part in stems.PARTS.get(name, ()) if part in record.divided]
        found += [name] if name in there or not parts else parts
    return tuple(found)


def refuse_other_engines(plan: Plan) -> None:
    """Raises OutputError where stems of another engine or model lie there; no preparation would change that."""
    folder = old_folder(plan)
    if folder is None or plan.order.force or plan.order.replace:
        return
    made, new = folder.record.made, plan.identity
    tried = {(one.engine, one.model) for one in folder.record.quality.attempts if not plan.named}
    if (new.engine, new.model) not in {(made.engine, made.model), *tried}:
        raise _otherwise_made(plan, folder.record)


def _otherwise_made(plan: Plan, made: Record) -> OutputError:
    what = f"it holds stems made by {made.made.engine_id} as {made.format} {made.depth}"
    return OutputError(what, plan.place.home, "Add --force to replace them, or choose another --output.")


def old_folder(plan: Plan) -> StemFolder | None:
    """What of ours lies in the place already."""
    try:
        return open_folder(plan.place.metadata)
    except StemError:
        return None
