"""Which engine divides a stem, and what is made of what it gives."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from stem_cli import engines, router, stems
from stem_cli.engines import Engine, Model, Request
from stem_cli.errors import EngineError
from stem_cli.settings import Settings

_EMBEDDED = "centre"
"""The embedded engine's model that takes a vocals stem."""


@dataclass(frozen=True)
class Wish:
    """What is to be divided. minutes_paid: of a service, by this command so far."""

    stem: str
    seconds: float = 240.0
    channels: int = 2
    minutes_paid: float = 0.0


@dataclass(frozen=True)
class Divider:
    """Who divides a stem. makes: the file's name of each of its stems. rest: the part that those leave, or ""."""

    engine: Engine
    model: Model
    request: Request
    makes: dict[str, str]
    rest: str

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that come of it."""
        return stems.ordered([*self.makes.values(), *([self.rest] if self.rest else [])])

    @property
    def embedded(self) -> bool:
        """Whether it is the way that needs no model."""
        return self.model.name == _EMBEDDED


def divider(wish: Wish, settings: Settings) -> Divider:
    """The engine for a stem: the model named, else the best that is ready, else the embedded one (vocals only).

    Raises EngineError where there is none, saying what to type.
    """
    asked = replace(engines.request_of(settings), engine="auto", ensemble="", model=settings.split_model, stems=())
    named = router.rank(engines.all_engines(), asked).best if asked.model else None
    if named is not None and not _of_another_stem(named.model, wish.stem):
        return _divider(wish.stem, named.engine, named.model, asked)
    asked = replace(asked, model="")
    found = _best(wish, settings, asked)
    if found is not None:
        return found
    if wish.stem == "vocals" and wish.channels == 1:
        what = "lead and backing vocals are told apart by where they stand, and this is mono"
        raise EngineError(what, None, "A karaoke model can do it: `stem engines list --stem lead_vocals`.")
    if wish.stem == "vocals":
        embedded = replace(asked, model=_EMBEDDED)
        return _divider(wish.stem, engines.load("builtin"), engines.load("builtin").find(embedded), embedded)
    hint = "Put a DrumSep model into the folder of models: `stem engines list --stem kick` names those that are known."
    raise EngineError(f"no model that divides {wish.stem} is ready", None, hint)


def _best(wish: Wish, settings: Settings, asked: Request) -> Divider | None:
    """The best that is ready; a service only within its minutes where the embedded way would do."""
    facts = router.facts_of(settings, wish.seconds, minutes_paid=wish.minutes_paid)
    machine = router.this_machine(asked.device)
    bound = wish.stem == "vocals" and wish.channels > 1
    for part in stems.PARTS[wish.stem]:
        wanted = replace(asked, stems=(part,))
        with suppress(router.NobodyMakes):
            for choice in router.rank(engines.all_engines(), wanted, facts, machine).choices:
                request = replace(wanted, model=choice.model.name)
                minutes = choice.engine.minutes(request, wish.seconds) if choice.engine.pays else 0.0
                if part in choice.model.stems and not (bound and minutes > facts.cloud_minutes):
                    return _divider(wish.stem, choice.engine, choice.model, request)
    return None


def _of_another_stem(model: Model, stem: str) -> bool:
    """Whether a model of the settings is for another stem than this one."""
    mine, others = set(stems.PARTS[stem]), {name for key, parts in stems.PARTS.items() if key != stem for name in parts}
    return not mine & set(model.stems) and bool(others & set(model.stems))


def _divider(stem: str, engine: Engine, model: Model, request: Request) -> Divider:
    """What is made of a model's stems. Raises EngineError for a model that divides something else."""
    parts = [name for name in stems.PARTS[stem] if name in model.stems]
    if not parts:
        hint = f"`stem engines list --stem {stems.PARTS[stem][0]}` lists those that do."
        raise EngineError(f"{model.name} does not divide {stem}; it makes {', '.join(model.stems)}", None, hint)
    asked = replace(request, model=model.name, stems=())
    if stem == "drums":
        return Divider(engine, model, asked, {name: name for name in parts}, "")
    first = parts[0]  # the other one is what it leaves of the vocals: so the two add up to them
    rest = next(name for name in stems.PARTS[stem] if name != first)
    return Divider(engine, model, asked, {first: first}, rest)
