"""Which engine to take, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from stem_cli import stems as table
from stem_cli.engines import Engine, Missing, Model, Request, broken, knowing, load_ensemble
from stem_cli.engines.runtime import device_for
from stem_cli.errors import EngineError

_BEST_FIRST = ("demucs", "onnx", "uvr")
"""Of the engines that make what is wanted; all others come after them, as they are listed."""


@dataclass(frozen=True)
class Machine:
    """What this machine has. cpus: cores this process may use. backend: "cuda", "mps" or "cpu"."""

    cpus: int
    backend: str = "cpu"


@dataclass(frozen=True)
class Choice:
    """An engine to try, and why it comes where it comes."""

    engine: Engine
    model: Model
    why: str


@dataclass(frozen=True)
class Ranking:
    """The engines to try, best first. broken: those passed over because what they need is there, but not whole."""

    choices: tuple[Choice, ...]
    broken: Mapping[str, Missing] = field(default_factory=dict)

    @property
    def best(self) -> Choice:
        """The one to try first."""
        return self.choices[0]


def this_machine() -> Machine:
    """What this machine has."""
    count = getattr(os, "sched_getaffinity", None)
    return Machine(len(count(0)) if count else os.cpu_count() or 1)


def rank(engines: Sequence[Engine], request: Request) -> Ranking:
    """The engines to try, best first: those that are ready, by what is published of their model's quality.

    An engine or a model that the user names is the only one. Raises EngineError where a named one is not ready or none
    is, saying what to type.
    """
    if request.ensemble:
        return Ranking((_asked(load_ensemble(), request),))
    if request.engine != "auto":
        return Ranking((_asked(_of_name(engines, request.engine), request),))
    if request.model:
        return Ranking((_asked(_with_model(engines, request), request),))
    missing = {engine.name: engine.unavailable(request) for engine in engines}
    ready = [engine for engine in engines if missing[engine.name] is None]
    if not ready:
        device_for(request.device)  # where that is not there, it is what matters
        raise EngineError("no engine is ready", None, "`stem engines` says what each one needs.")
    choices = [Choice(engine, engine.find(request), "the best that is ready on this machine") for engine in ready]
    best_first = sorted(choices, key=lambda choice: _order(choice, request.stems))
    return Ranking(tuple(best_first), {name: one for name, one in missing.items() if one and one.broken})


def _order(choice: Choice, wanted: tuple[str, ...]) -> tuple[bool, bool, int]:
    """What makes all that is wanted comes first; what costs money comes after all that does as much for nothing."""
    return not _makes(choice.model, wanted), choice.engine.pays, _place(choice.engine)


def _makes(model: Model, wanted: tuple[str, ...]) -> bool:
    """Whether a model gives all stems that are wanted, or a song without one of its stems; () is four stems."""
    return model.gives >= set(wanted or table.FOUR)


def _place(engine: Engine) -> int:
    """Published figures are measured by different people on different songs: they do not tell engines apart."""
    return _BEST_FIRST.index(engine.name) if engine.name in _BEST_FIRST else len(_BEST_FIRST)


def _of_name(engines: Sequence[Engine], name: str) -> Engine:
    for engine in engines:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in engines)
    raise EngineError(f"there is no engine {name!r}", None, f"Choose one of: auto, {known}.")


def _with_model(engines: Sequence[Engine], request: Request) -> Engine:
    """The engine that has a model, one that is ready first; where none has, the first that takes those."""
    knows = [engine for engine, _ in knowing(engines, request)]
    ready = [engine for engine in knows if engine.unavailable(request) is None]
    damaged = (engine for engine, _ in broken(engines, request))
    return next(chain(ready, knows, damaged, sorted(engines, key=_place)))


def _asked(engine: Engine, request: Request) -> Choice:
    missing = engine.unavailable(request)
    if missing is not None:
        raise EngineError(f"{engine.name} is not ready: {missing.reason}", None, missing.remedy)
    return Choice(engine, engine.find(request), "as asked")
