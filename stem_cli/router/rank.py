"""Which engines to try, in which order, and why: pure, the same facts give the same ranking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from stem_cli import stems as table
from stem_cli.engines import Engine, Missing, Model, Request, broken, denies, knowing, load_ensemble, no_such_model
from stem_cli.engines.runtime import device_for
from stem_cli.errors import EngineError
from stem_cli.router.facts import Facts, Machine
from stem_cli.router.rules import CONDITIONS

_GPU_TIMES = 15.0
"""How much faster networks run on a GPU than on two cores, roughly: only to keep hopeless work from being begun."""
_CORES = 2
"""That an engine's `speed` is meant for."""
_BEST_FIRST = ("demucs", "onnx", "uvr")
"""Where no order is given; all others come after them, as they are listed."""
_ANY_SONG, _ANY_MACHINE = Facts(), Machine()


class NobodyMakes(EngineError):
    """No engine that is ready makes any of the stems that are wanted."""


@dataclass(frozen=True)
class Choice:
    """An engine to try, and why it comes where it comes."""

    engine: Engine
    model: Model
    why: str


@dataclass(frozen=True)
class Ranking:
    """The engines to try, best first. passed: those that are not tried, by name, and why.

    broken: those of them for which what they need is there, but not whole.
    """

    choices: tuple[Choice, ...]
    passed: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, Missing] = field(default_factory=dict)

    @property
    def best(self) -> Choice:
        """The one to try first."""
        return self.choices[0]


def rank(
    engines: Sequence[Engine],
    request: Request,
    facts: Facts = _ANY_SONG,
    machine: Machine = _ANY_MACHINE,
) -> Ranking:
    """The engines to try, best first, each with its reason.

    An engine or a model that the user names is the only one. Raises EngineError where a named one is not ready or none
    is, saying what to type.
    """
    named = _named(engines, request)
    if named is not None:
        return Ranking((_asked(named, request),))
    missing = {engine.name: engine.unavailable(request) for engine in engines}
    passed = {name: f"not ready: {one.reason}" for name, one in missing.items() if one is not None}
    ready = [Choice(engine, engine.find(request), "") for engine in engines if missing[engine.name] is None]
    if not ready:
        device_for(request.device)  # where that is not there, it is what matters
        raise EngineError("no engine is ready", None, "`stem engines` says what each one needs.")
    unfit = {choice.engine.name: why for choice in ready if (why := _unfit(choice, ready, request, facts, machine))}
    fit = [choice for choice in ready if choice.engine.name not in unfit]
    if all(_makes_none(choice.model, request) for choice in ready):
        hint = f"`stem engines list --stem {request.stems[0]}` names the models that do."
        raise NobodyMakes(f"no engine that is ready makes {' or '.join(request.stems)}", None, hint)
    if not fit:
        told = "; ".join(f"{name}: {why}" for name, why in unfit.items())
        raise EngineError(
            f"no engine may or can be used for this ({told})",
            None,
            "Free some memory, or change time_limit_hours, licences or cloud_minutes (`stem config show`).",
        )
    ranked = tuple(_placed(_reasoned(_sorted(fit, request, facts), request, facts), request, facts, machine))
    return Ranking(ranked, passed | unfit, {name: one for name, one in missing.items() if one and one.broken})


def after_poor(choices: Sequence[Choice], request: Request, facts: Facts) -> tuple[Choice, ...]:
    """The choices that are left, in the order of the rules for a voice that was judged poor."""
    first = [name for rule in facts.policy.rules if rule.condition == "poor" for name in rule.engines]
    able = [choice for choice in choices if _makes(choice.model, request.stems)]
    ordered = sorted(able, key=lambda choice: _index(first, choice.engine.name))
    return tuple(
        replace(choice, why=CONDITIONS["poor"]) if choice.engine.name in first else choice for choice in ordered
    )


def promises_more(choice: Choice, vocals_db: float) -> bool:
    """Whether a model is known to make better vocals than these; of one that nobody measured, it may."""
    published = [figure for name, figure in choice.model.quality.items() if table.is_voice(name)]
    return not published or max(published) > vocals_db


def _named(engines: Sequence[Engine], request: Request) -> Engine | None:
    """The engine that the user names, by itself, by a model, or as an ensemble."""
    if request.ensemble:
        return load_ensemble()
    if request.engine != "auto":
        return _of_name(engines, request.engine)
    return _with_model(engines, request) if request.model else None


def _unfit(choice: Choice, ready: Sequence[Choice], request: Request, facts: Facts, machine: Machine) -> str:
    """Why an engine that is ready is not tried all the same; "" where it may be."""
    engine = choice.engine
    if _makes_none(choice.model, request):
        return f"{choice.model.name} makes none of what is wanted, but {', '.join(choice.model.stems)}"
    if not _licensed(choice.model, facts.licences):
        return f"the licence of {choice.model.name} ({choice.model.licence}) is not one of --licences {facts.licences}"
    if engine.pays and any(_makes(one.model, request.stems) for one in ready if not one.engine.pays):
        minutes = engine.minutes(replace(request, model=choice.model.name), facts.seconds)
        if minutes > facts.cloud_minutes:
            return f"it would take {minutes:.1f} minutes, {facts.cloud_minutes:g} may be paid for (--cloud-minutes)"
    needed, on_gpu = engine.memory(request, facts.seconds) / 1e9, _on_gpu(engine, request, facts.seconds, machine)
    too_large = _too_large(engine, request, facts.seconds, machine)
    if needed > machine.ram_gb and not on_gpu:
        beside = f"{too_large}, and " if too_large else ""
        return f"{beside}it needs about {needed:.1f} GB of memory, {machine.ram_gb:.1f} GB are free"
    hours = hours_for(engine, request, facts.seconds, machine)
    if facts.hours and hours > facts.hours:
        where = f"{too_large}, and on the processor " if too_large else ""
        return f"{where}it would take about {hours:.0f} hours, {facts.hours:g} are allowed (time_limit_hours)"
    return ""


def hours_for(engine: Engine, request: Request, seconds: float, machine: Machine) -> float:
    """About how long an engine takes for a song of so many seconds."""
    times = _GPU_TIMES if _on_gpu(engine, request, seconds, machine) else machine.cpus / _CORES
    return seconds / (engine.speed * (1.0 if engine.pays else times)) / 3600


def _on_gpu(engine: Engine, request: Request, seconds: float, machine: Machine) -> bool:
    """Whether it would run there; where nobody tells how much of its memory is free, that is tried."""
    there = engine.networks and machine.backend != "cpu"
    return there and not _too_large(engine, request, seconds, machine)


def _too_large(engine: Engine, request: Request, seconds: float, machine: Machine) -> str:
    """Why networks do not run on the GPU that is there; "" where they do, or where it is not known."""
    fits = engine.memory(request, seconds) / 1e9 <= machine.vram_gb
    if fits or not (engine.networks and machine.vram_gb):
        return ""
    return f"it does not fit the GPU's {machine.vram_gb:.1f} GB"


def _licensed(model: Model, licences: str) -> bool:
    if licences == "any":
        return True
    return model.use == "free" if licences == "free" else model.use != "unknown"


def _sorted(choices: Iterable[Choice], request: Request, facts: Facts) -> list[Choice]:
    """What makes all that is wanted comes first, then what a rule says, then the order.

    Published figures are measured by different people on different songs: they do not tell engines apart.
    """
    first = [name for rule in facts.policy.rules if _holds(rule.condition, request, facts) for name in rule.engines]
    order = facts.policy.order or _BEST_FIRST

    def place(choice: Choice) -> tuple[bool, int, bool, int]:
        name = choice.engine.name
        return not _makes(choice.model, request.stems), _index(first, name), choice.engine.pays, _index(order, name)

    return sorted(choices, key=place)


def _reasoned(choices: Iterable[Choice], request: Request, facts: Facts) -> Iterator[Choice]:
    """Each with the rule that put it where it is."""
    for choice in choices:
        why = "the best that is ready on this machine"
        if not _makes(choice.model, request.stems):
            why = "it does not make all that is wanted"
        else:
            for rule in facts.policy.rules:
                if choice.engine.name in rule.engines and _holds(rule.condition, request, facts):
                    why = CONDITIONS[rule.condition]
                    break
        yield replace(choice, why=why)


def _placed(choices: Iterable[Choice], request: Request, facts: Facts, machine: Machine) -> Iterator[Choice]:
    """Each with the word that the GPU is too small for it, where it is."""
    for choice in choices:
        too_large = _too_large(choice.engine, request, facts.seconds, machine)
        yield replace(choice, why=f"{choice.why}; {too_large}: it would run on the processor") if too_large else choice


def _holds(condition: str, request: Request, facts: Facts) -> bool:
    holding = {
        "vip": facts.priority == "high" and _wants_voice(request),
        "fast": request.effort == "fast",
        "large": facts.megabytes >= facts.policy.large_mb and not facts.batch,
        "best": request.effort == "best",
        "batch": facts.batch,
        "poor": False,  # see `after_poor`
    }
    return holding[condition]


def _wants_voice(request: Request) -> bool:
    """Whether a voice is what is wanted, rather than a song in all its stems."""
    return bool(request.stems) and any(map(table.is_voice, request.stems))


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _makes(model: Model, wanted: tuple[str, ...]) -> bool:
    """Whether a model gives all stems that are wanted, or a song without one of its stems; () is four stems."""
    return model.gives >= set(wanted or table.FOUR)


def _makes_none(model: Model, request: Request) -> bool:
    return bool(request.stems) and not model.gives & set(request.stems)


def _of_name(engines: Sequence[Engine], name: str) -> Engine:
    for engine in engines:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in engines)
    raise EngineError(f"there is no engine {name!r}", None, f"Choose one of: auto, {known}.")


def _with_model(engines: Sequence[Engine], request: Request) -> Engine:
    """The engine that has a model, one that is ready first; where none has, one to which its name means something.

    Raises EngineError where it means nothing to any.
    """
    knows = [engine for engine, _ in knowing(engines, request)]
    ready = [engine for engine in knows if engine.unavailable(request) is None]
    damaged = (engine for engine, _ in broken(engines, request))
    by_order = sorted(engines, key=lambda engine: _index(_BEST_FIRST, engine.name))
    others = (engine for engine in by_order if not denies(engine, request))
    for engine in chain(ready, knows, damaged, others):
        return engine
    raise no_such_model(engines, request)


def _asked(engine: Engine, request: Request) -> Choice:
    missing = engine.unavailable(request)
    if missing is not None:
        raise EngineError(f"{engine.name} is not ready: {missing.reason}", None, missing.remedy)
    model = engine.find(request)
    if _makes_none(model, request):
        raise NobodyMakes(
            f"{engine.name} makes none of the stems you want", None, f"It makes {', '.join(model.stems)}."
        )
    return Choice(engine, model, "as asked")
