"""Which engine divides a stem, and what is made of what it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stem_cli import engines, router, stems
from stem_cli.engines import Engine, Model, Request
from stem_cli.errors import EngineError
from stem_cli.settings import Settings

_EMBEDDED = "centre"
"""The embedded engine's model that takes a vocals stem."""


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


def divider(stem: str, settings: Settings, seconds: float, named: str = "") -> Divider:
    """The engine for a stem: the model named, else the best that is ready, else the embedded one (vocals only).

    Raises EngineError where there is none, saying what to type.
    """
    asked = replace(engines.request_of(settings), engine="auto", ensemble="", model=named or settings.split_model)
    if asked.model:
        best = router.rank(engines.all_engines(), asked).best
        return _divider(stem, best.engine, best.model, asked)
    facts = router.facts_of(settings, seconds)
    for part in stems.PARTS[stem]:
        wanted = replace(asked, stems=(part,))
        for choice in router.rank(engines.all_engines(), wanted, facts, router.this_machine()).choices:
            if part in choice.model.stems:
                return _divider(stem, choice.engine, choice.model, replace(wanted, model=choice.model.name))
    if stem == "vocals":
        embedded = replace(asked, model=_EMBEDDED)
        return _divider(stem, engines.load("builtin"), engines.load("builtin").find(embedded), embedded)
    hint = "Put a DrumSep model into the folder of models: `stem engines list --stem kick` names those that are known."
    raise EngineError(f"no model that divides {stem} is ready", None, hint)


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
