"""How closely a result is listened to, and what the judge says of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stem_cli import quality
from stem_cli.engines import Run
from stem_cli.errors import StemError
from stem_cli.quality import Verdict, Watch
from stem_cli.separation import fit
from stem_cli.separation.plan import Plan
from stem_cli.separation.stream import Tap

Floats = NDArray[np.float32]

_log = logging.getLogger("stem_cli")

MISHAPS = (StemError, RuntimeError, ValueError, LookupError, ArithmeticError, MemoryError, OSError)
"""What may go wrong in work that is done beside stems which are finished, a fault of a library too."""

OFF, QUICK, FULL = "off", "quick", "full"


@dataclass(frozen=True)
class Sound:
    """A sound in memory, as an engine takes a song."""

    sound: Floats
    rate: int

    @property
    def channels(self) -> int:
        """1 or 2."""
        return len(self.sound)

    @property
    def frames(self) -> int:
        """Its length."""
        return int(self.sound.shape[1])

    def blocks(self) -> Iterator[Floats]:
        """All of it."""
        yield self.sound


def verdict_on(plan: Plan, watch: Watch | None, run: Run) -> Verdict:
    """What the judge says. watch: of the stems as they were made; None where nobody listens."""
    if watch is None:
        return Verdict()
    return quality.judged(_heard(plan, watch, run), plan.order.settings.poor_below_db)


def _heard(plan: Plan, watch: Watch, run: Run) -> Verdict:
    """As closely as the plan wants; what goes wrong in listening must not cost the stems."""
    if plan.level == FULL:
        try:
            return Verdict(quality.figures(watch, lambda mix: _again(plan, mix, run)), FULL)
        except MISHAPS as error:
            _log.exception("the full judge")
            run.note(f"the engine could not be asked again, so the judge is a quick one: {str(error) or repr(error)}")
    return Verdict(quality.figures(watch, None), QUICK)


def _again(plan: Plan, mix: Floats, run: Run) -> Mapping[str, Floats]:
    """The same engine once more, on a sound in memory."""
    own = Run(run.threads)
    tap = Tap(Sound(mix, plan.mix.rate))
    parts: dict[str, list[Any]] = {}
    for block in fit.separate(plan.engine, plan.model, tap, replace(plan.request, span=None), own):
        for name, sound in block.items():
            parts.setdefault(name, []).append(sound)
    return {name: np.concatenate(sounds, axis=1) for name, sounds in parts.items()}


def watch_for(plan: Plan) -> Watch | None:
    """What the stems pass by on their way to the disk; None where nobody listens."""
    if plan.level == OFF:
        return None
    scale = 1.0 if plan.depth == "float" else 2.0 ** (1 - int(plan.depth))
    return Watch(plan.mix.rate, scale)
