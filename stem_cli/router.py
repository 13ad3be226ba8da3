"""Which engine to take, and why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from stem_cli.engines import Engine, Request
from stem_cli.errors import EngineError


@dataclass(frozen=True)
class Machine:
    """What this machine has. cpus: cores this process may use. backend: "cuda", "mps" or "cpu"."""

    cpus: int
    backend: str = "cpu"


@dataclass(frozen=True)
class Choice:
    """An engine to try, and why it comes where it comes."""

    engine: Engine
    model: str
    why: str


def this_machine() -> Machine:
    """What this machine has."""
    count = getattr(os, "sched_getaffinity", None)
    return Machine(len(count(0)) if count else os.cpu_count() or 1)


def rank(engines: Sequence[Engine], request: Request) -> list[Choice]:
    """The engines to try, best first. An engine that the user names is the only one; else those that are ready.

    Raises EngineError where a named engine is not ready or none is, saying what to type.
    """
    if request.engine != "auto":
        return [_named(engines, request)]
    ready = [engine for engine in engines if engine.unavailable() is None]
    if not ready:
        raise EngineError("no engine is ready", None, "`stem engines` says what each one needs.")
    return [Choice(engine, engine.models[0], "ready on this machine") for engine in ready]


def _named(engines: Sequence[Engine], request: Request) -> Choice:
    for engine in engines:
        if engine.name == request.engine:
            missing = engine.unavailable()
            if missing is not None:
                raise EngineError(f"{engine.name} is not ready: {missing.reason}", None, missing.remedy)
            return Choice(engine, request.model or engine.models[0], "as asked")
    known = ", ".join(engine.name for engine in engines)
    raise EngineError(f"there is no engine {request.engine!r}", None, f"Choose one of: auto, {known}.")
